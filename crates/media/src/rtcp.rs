//! RTCP: compound packets read without allocation and written into a reused buffer.
//!
//! Reports and source descriptions of [RFC 3550](https://www.rfc-editor.org/rfc/rfc3550#section-6),
//! feedback of [RFC 4585](https://www.rfc-editor.org/rfc/rfc4585) and
//! [RFC 5104](https://www.rfc-editor.org/rfc/rfc5104), REMB, and transport-wide congestion control
//! feedback (written only). Reduced-size packets
//! ([RFC 5506](https://www.rfc-editor.org/rfc/rfc5506)) are accepted.

mod transport_cc;
mod write;

pub use transport_cc::ArrivalLog;
pub use write::CompoundWriter;

/// One packet of a compound packet.
#[derive(Clone, Debug)]
pub enum Packet<'a> {
    /// `BYE`.
    Goodbye {
        /// The sources that leave.
        ssrcs: Words<'a>,
    },
    /// Application-defined, extended reports, or anything else that is skipped.
    Other {
        /// The packet type.
        packet_type: u8,
        /// Count or format.
        format: u8,
    },
    /// Full intra request.
    FullIntraRequest {
        /// Who asks.
        sender_ssrc: u32,
        /// Which streams are to send a keyframe.
        targets: FirTargets<'a>,
    },
    /// Generic NACK.
    Nack {
        /// Who asks.
        sender_ssrc: u32,
        /// Of which stream.
        media_ssrc: u32,
        /// The missing sequence numbers.
        losses: NackList<'a>,
    },
    /// Picture loss indication.
    PictureLoss {
        /// Who asks.
        sender_ssrc: u32,
        /// Of which stream.
        media_ssrc: u32,
    },
    /// Receiver estimated maximum bitrate.
    ReceiverEstimatedMaxBitrate {
        /// Who tells.
        sender_ssrc: u32,
        /// The bitrate in bits per second.
        bitrate_bps: u64,
    },
    /// `RR`.
    ReceiverReport {
        /// Who reports.
        ssrc: u32,
        /// What it received.
        blocks: ReportBlocks<'a>,
    },
    /// `SR`.
    SenderReport {
        /// What it sent.
        report: SenderReport,
        /// What it received.
        blocks: ReportBlocks<'a>,
    },
    /// `SDES`.
    SourceDescription,
    /// Transport-wide congestion control feedback.
    TransportFeedback {
        /// Who tells.
        sender_ssrc: u32,
    },
}

/// The sender part of a sender report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SenderReport {
    /// The reporting stream.
    pub ssrc: u32,
    /// Wall-clock time in NTP format: seconds since 1900 in the upper half.
    pub ntp: u64,
    /// The same moment on the stream's timeline.
    pub rtp_timestamp: u32,
    /// Packets sent.
    pub packet_count: u32,
    /// Payload bytes sent.
    pub octet_count: u32,
}

/// What a receiver says about one stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Loss since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Loss since the start, 24 bits signed.
    pub cumulative_lost: i32,
    /// The highest sequence number received, with its cycles.
    pub highest_sequence: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's NTP time, or 0.
    pub last_sender_report: u32,
    /// The time since then, in 1/65536 s.
    pub delay_since_last_sender_report: u32,
}

/// Walks a compound packet. A malformed packet is yielded as an error and ends the walk.
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// The walk of [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, ParseRtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let parsed = split_packet(self.rest).and_then(|(head, body, rest)| {
            self.rest = rest;
            parse(head, body)
        });
        if parsed.is_err() {
            self.rest = &[];
        }
        Some(parsed)
    }
}

struct Head {
    format: u8,
    packet_type: u8,
}

/// Splits off the first packet: its first word, its body without padding, what follows it.
fn split_packet(bytes: &[u8]) -> Result<(Head, &[u8], &[u8]), ParseRtcpError> {
    let Some(first) = bytes.first_chunk::<4>() else {
        return Err(ParseRtcpError::Truncated { bytes: bytes.len() });
    };
    let version = first[0] >> 6;
    if version != 2 {
        return Err(ParseRtcpError::Version { version });
    }
    let len = 4 * (usize::from(u16::from_be_bytes([first[2], first[3]])) + 1);
    let Some((packet, rest)) = bytes.split_at_checked(len) else {
        return Err(ParseRtcpError::Truncated { bytes: bytes.len() });
    };
    let mut body = &packet[4..];
    if first[0] & 0x20 != 0 {
        let count = usize::from(body.last().copied().unwrap_or(0));
        if count == 0 || count > body.len() {
            return Err(ParseRtcpError::Padding { count: count as u8 });
        }
        body = &body[..body.len() - count];
    }
    Ok((Head { format: first[0] & 0x1f, packet_type: first[1] }, body, rest))
}

fn parse(head: Head, body: &[u8]) -> Result<Packet<'_>, ParseRtcpError> {
    let Head { format, packet_type } = head;
    let too_short = ParseRtcpError::Body { packet_type, format, bytes: body.len() };
    let word = |place: usize| {
        body.get(place * 4..)
            .and_then(|rest| rest.first_chunk::<4>())
            .map(|word| u32::from_be_bytes(*word))
            .ok_or(too_short)
    };
    let tail = |words: usize| body.get(words * 4..).ok_or(too_short);
    let blocks = |words: usize| {
        let bytes = usize::from(format) * BLOCK_LEN;
        tail(words)?.get(..bytes).map(|bytes| ReportBlocks { bytes }).ok_or(too_short)
    };
    match (packet_type, format) {
        (SR, _) => Ok(Packet::SenderReport {
            report: SenderReport {
                ssrc: word(0)?,
                ntp: (u64::from(word(1)?) << 32) | u64::from(word(2)?),
                rtp_timestamp: word(3)?,
                packet_count: word(4)?,
                octet_count: word(5)?,
            },
            blocks: blocks(6)?,
        }),
        (RR, _) => Ok(Packet::ReceiverReport { ssrc: word(0)?, blocks: blocks(1)? }),
        (SDES, _) => Ok(Packet::SourceDescription),
        (BYE, _) => {
            let bytes = body.get(..usize::from(format) * 4).ok_or(too_short)?;
            Ok(Packet::Goodbye { ssrcs: Words { bytes } })
        }
        (RTPFB, FMT_NACK) => Ok(Packet::Nack {
            sender_ssrc: word(0)?,
            media_ssrc: word(1)?,
            losses: NackList { bytes: tail(2)?, pending: 0, base: 0 },
        }),
        (RTPFB, FMT_TRANSPORT_CC) => {
            word(3)?;
            Ok(Packet::TransportFeedback { sender_ssrc: word(0)? })
        }
        (PSFB, FMT_PLI) => Ok(Packet::PictureLoss { sender_ssrc: word(0)?, media_ssrc: word(1)? }),
        (PSFB, FMT_FIR) => Ok(Packet::FullIntraRequest {
            sender_ssrc: word(0)?,
            targets: FirTargets { bytes: tail(2)? },
        }),
        (PSFB, FMT_APPLICATION) if word(2)? == REMB => {
            let value = word(3)?;
            let (exponent, mantissa) = ((value >> 18) & 0x3f, u64::from(value & 0x3_ffff));
            Ok(Packet::ReceiverEstimatedMaxBitrate {
                sender_ssrc: word(0)?,
                bitrate_bps: match mantissa.leading_zeros() >= exponent {
                    true => mantissa << exponent,
                    false => u64::MAX,
                },
            })
        }
        (packet_type, format) => Ok(Packet::Other { packet_type, format }),
    }
}

/// Walks report blocks.
#[derive(Clone, Debug)]
pub struct ReportBlocks<'a> {
    bytes: &'a [u8],
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.bytes.split_first_chunk::<BLOCK_LEN>()?;
        self.bytes = rest;
        let word = |place: usize| {
            let at = place * 4;
            u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        };
        Some(ReportBlock {
            ssrc: word(0),
            fraction_lost: block[4],
            // Sign-extends 24 bits.
            cumulative_lost: ((word(1) << 8) as i32) >> 8,
            highest_sequence: word(2),
            jitter: word(3),
            last_sender_report: word(4),
            delay_since_last_sender_report: word(5),
        })
    }
}

/// Walks 32-bit words.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    bytes: &'a [u8],
}

impl Iterator for Words<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (word, rest) = self.bytes.split_first_chunk::<4>()?;
        self.bytes = rest;
        Some(u32::from_be_bytes(*word))
    }
}

/// Walks the streams that a full intra request names.
#[derive(Clone, Debug)]
pub struct FirTargets<'a> {
    bytes: &'a [u8],
}

impl Iterator for FirTargets<'_> {
    type Item = FirTarget;

    fn next(&mut self) -> Option<FirTarget> {
        let (entry, rest) = self.bytes.split_first_chunk::<8>()?;
        self.bytes = rest;
        Some(FirTarget {
            ssrc: u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]),
            sequence_number: entry[4],
        })
    }
}

/// One stream that a full intra request names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FirTarget {
    /// The stream.
    pub ssrc: u32,
    /// Counts the requests; a repeated number repeats the request.
    pub sequence_number: u8,
}

/// Walks the sequence numbers of a NACK.
#[derive(Clone, Debug)]
pub struct NackList<'a> {
    bytes: &'a [u8],
    pending: u16,
    base: u16,
}

impl Iterator for NackList<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.pending != 0 {
            let bit = self.pending.trailing_zeros() as u16;
            self.pending &= self.pending - 1;
            return Some(self.base.wrapping_add(bit + 1));
        }
        let (item, rest) = self.bytes.split_first_chunk::<4>()?;
        self.bytes = rest;
        self.base = u16::from_be_bytes([item[0], item[1]]);
        self.pending = u16::from_be_bytes([item[2], item[3]]);
        Some(self.base)
    }
}

/// Why bytes are not a compound RTCP packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseRtcpError {
    /// The body is too short for what the head announces.
    #[error("rtcp packet type {packet_type}, format {format}, has a body of {bytes} bytes")]
    Body {
        /// The packet type.
        packet_type: u8,
        /// Count or format.
        format: u8,
        /// The body's length.
        bytes: usize,
    },
    /// The padding count does not fit.
    #[error("rtcp padding of {count} bytes")]
    Padding {
        /// The claimed count.
        count: u8,
    },
    /// The packet ends early.
    #[error("rtcp packet is cut after {bytes} bytes")]
    Truncated {
        /// The bytes present.
        bytes: usize,
    },
    /// The version is not 2.
    #[error("rtcp version is {version}, not 2")]
    Version {
        /// The version found.
        version: u8,
    },
}

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const RTPFB: u8 = 205;
const PSFB: u8 = 206;
const FMT_NACK: u8 = 1;
const FMT_TRANSPORT_CC: u8 = 15;
const FMT_PLI: u8 = 1;
const FMT_FIR: u8 = 4;
const FMT_APPLICATION: u8 = 15;
const REMB: u32 = u32::from_be_bytes(*b"REMB");
const BLOCK_LEN: usize = 24;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compound() -> Vec<u8> {
        let mut writer = CompoundWriter::default();
        let block = ReportBlock { ssrc: 5, cumulative_lost: -3, ..ReportBlock::default() };
        let report =
            SenderReport { ssrc: 1, ntp: 2, rtp_timestamp: 3, packet_count: 4, octet_count: 5 };
        writer.sender_report(&report, &[block]);
        writer.receiver_report(9, &[block, block]);
        writer.source_description(&[1, 9], "name");
        writer.nack(1, 2, &[10, 11, 27, 100]);
        writer.picture_loss(1, 2);
        writer.full_intra_request(1, 2, 7);
        writer.receiver_estimated_max_bitrate(1, 1_500_000, &[2]);
        writer.goodbye(&[1, 9]);
        writer.as_bytes().to_vec()
    }

    #[test]
    fn what_is_written_reads_back() {
        let compound = compound();
        let parsed: Vec<_> = packets(&compound).map(Result::unwrap).collect();
        let [sr, rr, sdes, nack, pli, fir, remb, bye] = &parsed[..] else {
            panic!("{} packets", parsed.len())
        };
        let Packet::SenderReport { report, blocks } = sr else { panic!("{sr:?}") };
        assert_eq!((report.ssrc, report.ntp, report.rtp_timestamp), (1, 2, 3));
        assert_eq!((report.packet_count, report.octet_count), (4, 5));
        assert_eq!(blocks.clone().next().unwrap().cumulative_lost, -3);
        let Packet::ReceiverReport { ssrc: 9, blocks } = rr else { panic!("{rr:?}") };
        assert_eq!(blocks.clone().count(), 2);
        assert!(matches!(sdes, Packet::SourceDescription));
        let Packet::Nack { sender_ssrc: 1, media_ssrc: 2, losses } = nack else {
            panic!("{nack:?}")
        };
        assert_eq!(losses.clone().collect::<Vec<_>>(), [10, 11, 27, 100]);
        assert!(matches!(pli, Packet::PictureLoss { sender_ssrc: 1, media_ssrc: 2 }));
        let Packet::FullIntraRequest { targets, .. } = fir else { panic!("{fir:?}") };
        let expected = FirTarget { ssrc: 2, sequence_number: 7 };
        assert_eq!(targets.clone().collect::<Vec<_>>(), [expected]);
        let Packet::ReceiverEstimatedMaxBitrate { bitrate_bps, .. } = remb else {
            panic!("{remb:?}")
        };
        assert!((1_490_000..=1_500_000).contains(bitrate_bps), "{bitrate_bps}");
        let Packet::Goodbye { ssrcs } = bye else { panic!("{bye:?}") };
        assert_eq!(ssrcs.clone().collect::<Vec<_>>(), [1, 9]);
    }

    #[test]
    fn every_prefix_is_safe() {
        let compound = compound();
        let whole = packets(&compound).count();
        for len in 0..compound.len() {
            let parsed: Vec<_> = packets(&compound[..len]).collect();
            assert!(parsed.len() <= whole);
            // Only the last packet can be cut.
            assert!(parsed.iter().rev().skip(1).all(Result::is_ok), "{len}");
        }
    }

    #[test]
    fn a_wrong_version_and_wrong_padding_are_refused() {
        assert_eq!(
            packets(&[0x40, 201, 0, 0]).next().unwrap().unwrap_err(),
            ParseRtcpError::Version { version: 1 }
        );
        for count in [0, 5, 255] {
            let error = packets(&[0xa0, 201, 0, 1, 0, 0, 0, count]).next().unwrap().unwrap_err();
            assert_eq!(error, ParseRtcpError::Padding { count });
        }
    }

    #[test]
    fn a_report_count_beyond_the_body_is_refused() {
        let error = packets(&[0x9f, 201, 0, 1, 0, 0, 0, 1]).next().unwrap().unwrap_err();
        assert_eq!(error, ParseRtcpError::Body { packet_type: 201, format: 31, bytes: 4 });
    }

    proptest! {
        #[test]
        fn garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            // Half of the cases look like RTCP at least at their start.
            if let [first, second, ..] = &mut bytes[..]
                && *second & 1 == 0
            {
                *first = 0x80 | (*first & 0x3f);
                *second = 200 + *second % 7;
            }
            for packet in packets(&bytes).flatten() {
                match packet {
                    Packet::Goodbye { ssrcs } => prop_assert!(ssrcs.count() < 32),
                    Packet::FullIntraRequest { targets, .. } => {
                        prop_assert!(targets.count() < 300)
                    }
                    Packet::Nack { losses, .. } => prop_assert!(losses.count() < 17 * 75),
                    Packet::ReceiverReport { blocks, .. }
                    | Packet::SenderReport { blocks, .. } => prop_assert!(blocks.count() < 32),
                    Packet::Other { .. }
                    | Packet::PictureLoss { .. }
                    | Packet::ReceiverEstimatedMaxBitrate { .. }
                    | Packet::SourceDescription
                    | Packet::TransportFeedback { .. } => {}
                }
            }
        }

        #[test]
        fn any_set_of_losses_survives_a_nack(
            losses in proptest::collection::btree_set(any::<u16>(), 1..60),
        ) {
            let losses: Vec<u16> = losses.into_iter().collect();
            let mut writer = CompoundWriter::default();
            writer.nack(1, 2, &losses);
            let Some(Ok(Packet::Nack { losses: parsed, .. })) = packets(writer.as_bytes()).next()
            else {
                panic!("not a nack")
            };
            prop_assert_eq!(parsed.collect::<Vec<_>>(), losses);
        }
    }
}
