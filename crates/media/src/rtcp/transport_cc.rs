//! Transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
//!
//! The peer numbers every packet it sends, whatever the stream; it is told when each arrived, and
//! estimates the bandwidth from that.

use std::collections::VecDeque;

use trunkline_clock::Instant;

use super::{CompoundWriter, FMT_TRANSPORT_CC, RTPFB};
use crate::rtp::extend_sequence;

/// Remembers when packets arrived until the peer was told.
#[derive(Debug, Default)]
pub struct ArrivalLog {
    /// The number of the first entry; packets before it were reported on.
    base: u64,
    /// Arrival in ticks of 250 µs, `None` for a packet that has not come.
    arrivals: VecDeque<Option<u64>>,
    feedback_count: u8,
    started: bool,
}

impl ArrivalLog {
    /// Makes an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a packet's arrival. Returns whether feedback should go out at once because the log
    /// is full.
    pub fn record(&mut self, sequence_number: u16, at: Instant) -> bool {
        let tick = at.as_nanos() / TICK_NANOS;
        if !self.started {
            self.started = true;
            // One cycle up, so that packets reordered around the first have a number too.
            self.base = 0x1_0000 + u64::from(sequence_number);
        }
        let newest = self.base + self.arrivals.len() as u64;
        let Some(number) = extend_sequence(sequence_number, newest) else { return false };
        let Some(place) = number.checked_sub(self.base) else { return false };
        let place = place as usize;
        if place >= MAX_ENTRIES {
            // A jump this wide is a restart of the peer's numbering.
            self.arrivals.clear();
            self.base = number;
            self.arrivals.push_back(Some(tick));
            return false;
        }
        if place >= self.arrivals.len() {
            self.arrivals.resize(place + 1, None);
        }
        // The first arrival counts when a packet is repeated.
        self.arrivals[place].get_or_insert(tick);
        self.arrivals.len() >= FLUSH_ENTRIES
    }

    /// Appends one feedback packet about the oldest packets in the log. Call again until it
    /// returns false: one feedback packet covers at most 8 s and a few hundred packets.
    pub fn write_feedback(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        out: &mut CompoundWriter,
    ) -> bool {
        // Losses at the front are reported too: they follow a packet of an earlier feedback.
        let Some(first) = self.arrivals.iter().flatten().next().copied() else { return false };
        let reference = first / TICKS_PER_REFERENCE;
        let mut symbols = [NOT_RECEIVED; MAX_STATUSES];
        let mut deltas = [0i16; MAX_STATUSES];
        let mut count = 0;
        let mut previous = reference * TICKS_PER_REFERENCE;
        for (arrival, (symbol, delta)) in
            self.arrivals.iter().zip(symbols.iter_mut().zip(&mut deltas))
        {
            if let Some(tick) = *arrival {
                let step = tick.wrapping_sub(previous) as i64;
                let Ok(step) = i16::try_from(step) else { break };
                *symbol = if (0..=255).contains(&step) { SMALL_DELTA } else { LARGE_DELTA };
                *delta = step;
                previous = tick;
            }
            count += 1;
        }
        // Losses behind the last arrival may still come: leave them for the next feedback.
        while count > 0 && symbols[count - 1] == NOT_RECEIVED {
            count -= 1;
        }
        let symbols = &symbols[..count];
        let start = out.begin(RTPFB, FMT_TRANSPORT_CC);
        out.word(sender_ssrc);
        out.word(media_ssrc);
        out.word((u32::from(self.base as u16) << 16) | count as u32);
        out.word(((reference as u32 & 0xff_ffff) << 8) | u32::from(self.feedback_count));
        write_chunks(symbols, out.bytes_mut());
        let bytes = out.bytes_mut();
        for (symbol, delta) in symbols.iter().zip(deltas) {
            match *symbol {
                SMALL_DELTA => bytes.push(delta as u8),
                LARGE_DELTA => bytes.extend_from_slice(&delta.to_be_bytes()),
                _ => {}
            }
        }
        let padding = (4 - (bytes.len() - start) % 4) % 4;
        if padding > 0 {
            bytes[start] |= 0x20;
            bytes.extend_from_slice(&[0; 3][..padding - 1]);
            bytes.push(padding as u8);
        }
        out.end(start);
        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.base += count as u64;
        self.arrivals.drain(..count);
        true
    }

    /// Tells whether nothing waits to be reported.
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }
}

/// Packs status symbols: long runs as run lengths, the rest as vectors of 14 or 7.
fn write_chunks(mut symbols: &[u8], bytes: &mut Vec<u8>) {
    while let [first, ..] = symbols {
        let run = symbols.iter().take_while(|symbol| *symbol == first).count();
        let short = symbols.iter().take(14).all(|symbol| *symbol <= SMALL_DELTA);
        let vector_len = if short { 14 } else { 7 };
        let (chunk, used) = if run >= vector_len || run == symbols.len() {
            ((u16::from(*first) << 13) | run as u16, run)
        } else if short {
            let bits =
                symbols.iter().take(14).enumerate().fold(0u16, |bits, (place, symbol)| {
                    bits | (u16::from(*symbol) << (13 - place))
                });
            (0x8000 | bits, symbols.len().min(14))
        } else {
            let bits = symbols.iter().take(7).enumerate().fold(0u16, |bits, (place, symbol)| {
                bits | (u16::from(*symbol) << (12 - 2 * place))
            });
            (0xc000 | bits, symbols.len().min(7))
        };
        bytes.extend_from_slice(&chunk.to_be_bytes());
        symbols = &symbols[used..];
    }
}

const NOT_RECEIVED: u8 = 0;
const SMALL_DELTA: u8 = 1;
const LARGE_DELTA: u8 = 2;
const TICK_NANOS: u64 = 250_000;
/// The reference time counts 64 ms.
const TICKS_PER_REFERENCE: u64 = 256;
/// Statuses of one feedback packet: with two bytes of delta each it stays below 1200 bytes.
const MAX_STATUSES: usize = 400;
/// From this many on feedback goes out before its time, so that a burst fits one packet.
const FLUSH_ENTRIES: usize = 300;
const MAX_ENTRIES: usize = 4096;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rtc::{
        rtcp::transport_feedbacks::transport_layer_cc::{SymbolTypeTcc, TransportLayerCc},
        shared::marshal::Unmarshal,
    };

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn feedback(log: &mut ArrivalLog) -> Option<TransportLayerCc> {
        let mut writer = CompoundWriter::default();
        log.write_feedback(1, 2, &mut writer)
            .then(|| TransportLayerCc::unmarshal(&mut writer.as_bytes()).unwrap())
    }

    /// What a receiver of the feedback learns: number and arrival in 250 µs ticks.
    fn learned(feedback: &TransportLayerCc) -> Vec<(u16, u64)> {
        use rtc::rtcp::transport_feedbacks::transport_layer_cc::PacketStatusChunk;
        let mut symbols = Vec::new();
        for chunk in &feedback.packet_chunks {
            match chunk {
                PacketStatusChunk::RunLengthChunk(chunk) => {
                    symbols.extend(vec![chunk.packet_status_symbol; usize::from(chunk.run_length)])
                }
                PacketStatusChunk::StatusVectorChunk(chunk) => {
                    symbols.extend(chunk.symbol_list.iter().copied());
                }
            }
        }
        let mut deltas = feedback.recv_deltas.iter();
        let mut tick = i64::from(feedback.reference_time) * 256;
        let mut learned = Vec::new();
        for place in 0..feedback.packet_status_count {
            if symbols[usize::from(place)] == SymbolTypeTcc::PacketNotReceived {
                continue;
            }
            tick += deltas.next().unwrap().delta / 250;
            learned.push((feedback.base_sequence_number.wrapping_add(place), tick as u64));
        }
        learned
    }

    #[test]
    fn a_foreign_parser_reads_arrivals_and_losses() {
        let mut log = ArrivalLog::new();
        let arrivals = [(65_534, 100), (65_535, 105), (0, 105), (3, 109), (2, 300), (4, 301)];
        for (sequence_number, millis) in arrivals {
            log.record(sequence_number, at(millis));
        }
        let feedback = feedback(&mut log).unwrap();
        assert_eq!(feedback.base_sequence_number, 65_534);
        assert_eq!(feedback.packet_status_count, 7);
        assert_eq!((feedback.sender_ssrc, feedback.media_ssrc), (1, 2));
        assert_eq!(
            learned(&feedback),
            [(65_534, 400), (65_535, 420), (0, 420), (2, 1200), (3, 436), (4, 1204)]
        );
        assert!(log.is_empty());
    }

    #[test]
    fn long_gaps_start_a_new_feedback() {
        let mut log = ArrivalLog::new();
        log.record(1, at(0));
        log.record(2, at(9_000));
        let first = feedback(&mut log).unwrap();
        assert_eq!(learned(&first), [(1, 0)]);
        let second = feedback(&mut log).unwrap();
        assert_eq!(learned(&second), [(2, 36_000)]);
        assert_eq!((first.fb_pkt_count, second.fb_pkt_count), (0, 1));
        assert_eq!(feedback(&mut log), None);
    }

    #[test]
    fn every_arrival_is_told_once_under_random_loss_and_reordering() {
        let mut state = 0x2545_f491_4f6c_dd1du64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut log = ArrivalLog::new();
        let mut told = Vec::new();
        let mut sent = Vec::new();
        for number in 0..20_000u64 {
            if random() % 10 == 0 && number > 0 {
                continue;
            }
            let millis = number * 3 + random() % 5;
            log.record(number as u16, at(millis));
            sent.push((number as u16, millis * 4));
            if random() % 25 == 0 {
                while let Some(feedback) = feedback(&mut log) {
                    told.extend(learned(&feedback));
                }
            }
        }
        while let Some(feedback) = feedback(&mut log) {
            told.extend(learned(&feedback));
        }
        assert_eq!(told, sent);
    }

    #[test]
    fn a_restart_of_the_numbering_and_repeats_are_bounded() {
        let mut log = ArrivalLog::new();
        for step in 0..100_000u64 {
            log.record((step * 7_919) as u16, at(step));
        }
        assert!(log.arrivals.len() <= MAX_ENTRIES);
        let mut writer = CompoundWriter::default();
        while log.write_feedback(1, 2, &mut writer) {
            assert!(writer.as_bytes().len() <= 1_200);
            writer.clear();
        }
    }
}
