//! Writing compound RTCP packets.

use super::{
    BYE, FMT_APPLICATION, FMT_FIR, FMT_NACK, FMT_PLI, PSFB, REMB, RR, RTPFB, ReportBlock, SDES, SR,
    SenderReport,
};

/// Builds a compound packet in a buffer that is reused.
#[derive(Debug, Default)]
pub struct CompoundWriter {
    bytes: Vec<u8>,
}

impl CompoundWriter {
    /// Forgets what was written and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Appends a sender report. Blocks beyond 31 do not fit and are left out.
    pub fn sender_report(&mut self, report: &SenderReport, blocks: &[ReportBlock]) {
        let blocks = &blocks[..blocks.len().min(MAX_COUNT)];
        let start = self.begin(SR, blocks.len() as u8);
        self.word(report.ssrc);
        self.bytes.extend_from_slice(&report.ntp.to_be_bytes());
        self.word(report.rtp_timestamp);
        self.word(report.packet_count);
        self.word(report.octet_count);
        self.blocks(blocks);
        self.end(start);
    }

    /// Appends a receiver report. Blocks beyond 31 do not fit and are left out.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) {
        let blocks = &blocks[..blocks.len().min(MAX_COUNT)];
        let start = self.begin(RR, blocks.len() as u8);
        self.word(ssrc);
        self.blocks(blocks);
        self.end(start);
    }

    /// Appends the canonical name of up to 31 sources; a name is cut after 255 bytes.
    pub fn source_description(&mut self, ssrcs: &[u32], cname: &str) {
        let ssrcs = &ssrcs[..ssrcs.len().min(MAX_COUNT)];
        let cname = &cname.as_bytes()[..cname.len().min(255)];
        let start = self.begin(SDES, ssrcs.len() as u8);
        for ssrc in ssrcs {
            self.word(*ssrc);
            self.bytes.extend_from_slice(&[CNAME_ITEM, cname.len() as u8]);
            self.bytes.extend_from_slice(cname);
            // A chunk ends with at least one zero byte, at a word.
            let padding = 4 - (2 + cname.len()) % 4;
            self.bytes.extend_from_slice(&[0; 4][..padding]);
        }
        self.end(start);
    }

    /// Appends a goodbye of up to 31 sources.
    pub fn goodbye(&mut self, ssrcs: &[u32]) {
        let ssrcs = &ssrcs[..ssrcs.len().min(MAX_COUNT)];
        let start = self.begin(BYE, ssrcs.len() as u8);
        for ssrc in ssrcs {
            self.word(*ssrc);
        }
        self.end(start);
    }

    /// Appends a generic NACK. `losses` are in ascending order on the sequence number circle.
    pub fn nack(&mut self, sender_ssrc: u32, media_ssrc: u32, losses: &[u16]) {
        let start = self.begin(RTPFB, FMT_NACK);
        self.word(sender_ssrc);
        self.word(media_ssrc);
        let mut rest = losses;
        while let [base, others @ ..] = rest {
            let covered = others
                .iter()
                .take_while(|loss| (1..=16).contains(&loss.wrapping_sub(*base)))
                .count();
            let mask = others[..covered]
                .iter()
                .fold(0u16, |mask, loss| mask | (1 << (loss.wrapping_sub(*base) - 1)));
            self.bytes.extend_from_slice(&base.to_be_bytes());
            self.bytes.extend_from_slice(&mask.to_be_bytes());
            rest = &others[covered..];
        }
        self.end(start);
    }

    /// Appends a picture loss indication.
    pub fn picture_loss(&mut self, sender_ssrc: u32, media_ssrc: u32) {
        let start = self.begin(PSFB, FMT_PLI);
        self.word(sender_ssrc);
        self.word(media_ssrc);
        self.end(start);
    }

    /// Appends a full intra request of one stream.
    pub fn full_intra_request(&mut self, sender_ssrc: u32, media_ssrc: u32, sequence_number: u8) {
        let start = self.begin(PSFB, FMT_FIR);
        self.word(sender_ssrc);
        self.word(0);
        self.word(media_ssrc);
        self.bytes.extend_from_slice(&[sequence_number, 0, 0, 0]);
        self.end(start);
    }

    /// Appends a receiver estimated maximum bitrate for up to 255 streams, rounded down to what
    /// eighteen bits of mantissa hold.
    pub fn receiver_estimated_max_bitrate(
        &mut self,
        sender_ssrc: u32,
        bitrate_bps: u64,
        ssrcs: &[u32],
    ) {
        let ssrcs = &ssrcs[..ssrcs.len().min(255)];
        let exponent = (u64::BITS - bitrate_bps.leading_zeros()).saturating_sub(18);
        let mantissa = (bitrate_bps >> exponent) as u32;
        let start = self.begin(PSFB, FMT_APPLICATION);
        self.word(sender_ssrc);
        self.word(0);
        self.word(REMB);
        self.word(((ssrcs.len() as u32) << 24) | (exponent << 18) | mantissa);
        for ssrc in ssrcs {
            self.word(*ssrc);
        }
        self.end(start);
    }

    /// Returns what was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Tells whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Hands out the buffer, to be protected in place.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(super) fn begin(&mut self, packet_type: u8, format: u8) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0x80 | format, packet_type, 0, 0]);
        start
    }

    pub(super) fn end(&mut self, start: usize) {
        debug_assert_eq!((self.bytes.len() - start) % 4, 0);
        let words = ((self.bytes.len() - start) / 4 - 1) as u16;
        self.bytes[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    pub(super) fn word(&mut self, word: u32) {
        self.bytes.extend_from_slice(&word.to_be_bytes());
    }

    fn blocks(&mut self, blocks: &[ReportBlock]) {
        for block in blocks {
            self.word(block.ssrc);
            let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
            self.word((u32::from(block.fraction_lost) << 24) | lost);
            self.word(block.highest_sequence);
            self.word(block.jitter);
            self.word(block.last_sender_report);
            self.word(block.delay_since_last_sender_report);
        }
    }
}

/// Report counts are five bits wide.
const MAX_COUNT: usize = 31;
const CNAME_ITEM: u8 = 1;
