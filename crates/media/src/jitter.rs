//! An adaptive jitter buffer for Opus: packets in as they come, playout decisions out as the sound
//! card asks.
//!
//! It orders packets and decides; it decodes nothing. Memory is bounded by [`JitterConfig`].

mod delay;

use std::{collections::BTreeMap, time::Duration};

use trunkline_clock::Instant;

use crate::{jitter::delay::DelayEstimator, rtp::extend_sequence};

/// Limits of a jitter buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JitterConfig {
    /// The delay before anything is known about the network.
    pub initial_delay: Duration,
    /// The delay never aims lower.
    pub min_delay: Duration,
    /// The delay never aims higher.
    pub max_delay: Duration,
    /// The most packets held.
    pub max_packets: usize,
}

impl Default for JitterConfig {
    /// Aims at conversations: a start at two frames, half a second at most.
    fn default() -> Self {
        Self {
            initial_delay: Duration::from_millis(40),
            min_delay: Duration::from_millis(20),
            max_delay: Duration::from_millis(500),
            max_packets: 64,
        }
    }
}

/// One Opus packet as it came out of RTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AudioPacket {
    /// The RTP sequence number.
    pub sequence_number: u16,
    /// The RTP timestamp at 48 kHz.
    pub timestamp: u32,
    /// The Opus packet.
    pub payload: Vec<u8>,
}

/// What to play next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Playout {
    /// Let the decoder conceal this many samples for each channel.
    Conceal {
        /// Samples at 48 kHz.
        samples: u32,
    },
    /// Decode this packet.
    Decode {
        /// The Opus packet.
        payload: Vec<u8>,
        /// Samples at 48 kHz that it holds.
        samples: u32,
    },
    /// Decode the forward error correction in this packet for the lost one before it. The packet
    /// itself follows with the next call.
    Recover {
        /// The Opus packet behind the lost one.
        payload: Vec<u8>,
        /// Samples at 48 kHz to recover.
        samples: u32,
    },
    /// Play silence: nothing has come, or the sender pauses.
    Silence {
        /// Samples at 48 kHz.
        samples: u32,
    },
}

impl Playout {
    /// Returns how many samples at 48 kHz this stands for.
    pub fn samples(&self) -> u32 {
        match self {
            Self::Conceal { samples }
            | Self::Decode { samples, .. }
            | Self::Recover { samples, .. }
            | Self::Silence { samples } => *samples,
        }
    }
}

/// What a jitter buffer has seen and done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct JitterStats {
    /// Packets taken.
    pub received: u64,
    /// Packets handed out for decoding.
    pub decoded: u64,
    /// Frames recovered by forward error correction.
    pub recovered: u64,
    /// Frames concealed.
    pub concealed: u64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets skipped, to reduce the delay or because the buffer was full.
    pub skipped: u64,
}

/// An adaptive jitter buffer.
///
/// The driver calls [`Self::insert`] with each packet and [`Self::next`] whenever it is out of
/// samples. There is no timer.
#[derive(Debug)]
pub struct JitterBuffer {
    config: JitterConfig,
    packets: BTreeMap<u64, Held>,
    state: State,
    newest: Option<Newest>,
    /// Numbers below were played or given up.
    next_number: u64,
    delay: DelayEstimator,
    stats: JitterStats,
    /// The least that was buffered since `surplus_since`.
    surplus: Duration,
    surplus_since: Option<Instant>,
}

impl JitterBuffer {
    /// Makes an empty buffer.
    pub fn new(config: JitterConfig) -> Self {
        Self {
            config,
            packets: BTreeMap::new(),
            state: State::Buffering { since: None },
            newest: None,
            next_number: 0,
            delay: DelayEstimator::new(config.initial_delay),
            stats: JitterStats::default(),
            surplus: Duration::MAX,
            surplus_since: None,
        }
    }

    /// Takes a packet.
    pub fn insert(&mut self, now: Instant, packet: AudioPacket) -> Result<(), InsertError> {
        let bytes = packet.payload.len();
        if bytes > MAX_PAYLOAD {
            return Err(InsertError::TooLarge { bytes, limit: MAX_PAYLOAD });
        }
        let samples = opus_samples(&packet.payload).ok_or(InsertError::NotOpus)?;
        let (number, timestamp) = self.place(&packet);
        self.stats.received += 1;
        self.delay.observe(now, timestamp);
        let end = timestamp + u64::from(samples);
        let is_over = match self.state {
            State::Playing { next_timestamp, .. } => end <= next_timestamp,
            State::Buffering { .. } => false,
        };
        if is_over || number < self.next_number {
            self.stats.late += 1;
            return Err(InsertError::Late);
        }
        if self.packets.contains_key(&number) {
            self.stats.duplicate += 1;
            return Err(InsertError::Duplicate);
        }
        if let State::Buffering { since: since @ None } = &mut self.state {
            *since = Some(now);
        }
        self.packets.insert(number, Held { timestamp, samples, payload: packet.payload });
        while self.packets.len() > self.config.max_packets.max(1) {
            self.pop_front();
            self.stats.skipped += 1;
            if let (State::Playing { next_timestamp, .. }, Some((_, front))) =
                (&mut self.state, self.packets.first_key_value())
            {
                *next_timestamp = front.timestamp;
            }
        }
        Ok(())
    }

    /// Decides what to play next.
    pub fn next(&mut self, now: Instant) -> Playout {
        if let State::Buffering { since } = self.state {
            let ready = since
                .is_some_and(|since| now.saturating_duration_since(since) >= self.target_delay());
            let Some((number, front)) = self.packets.first_key_value().filter(|_| ready) else {
                return Playout::Silence { samples: FRAME_SAMPLES };
            };
            self.state = State::Playing {
                next_timestamp: front.timestamp,
                last_number: number.saturating_sub(1),
                missed: 0,
            };
            self.surplus_since = None;
        }
        self.shed_surplus(now);
        let State::Playing { next_timestamp, last_number, missed } = self.state else {
            return Playout::Silence { samples: FRAME_SAMPLES };
        };
        let Some((number, front)) = self.packets.first_key_value() else {
            return self.underrun(missed);
        };
        let number = *number;
        let gap = front.timestamp.saturating_sub(next_timestamp);
        if gap == 0 {
            let Some((_, held)) = self.pop_front() else {
                return self.underrun(missed);
            };
            self.state = State::Playing {
                next_timestamp: held.timestamp + u64::from(held.samples),
                last_number: number,
                missed: 0,
            };
            self.stats.decoded += 1;
            return Playout::Decode { payload: held.payload, samples: held.samples };
        }
        let samples = gap.min(u64::from(FRAME_SAMPLES)) as u32;
        let advanced = State::Playing {
            next_timestamp: next_timestamp + u64::from(samples),
            last_number,
            missed: missed.saturating_add(1),
        };
        if number == last_number + 1 {
            // Nothing was lost: the sender paused (discontinuous transmission).
            self.state = advanced;
            return Playout::Silence { samples };
        }
        if self.buffered() < self.target_delay() && missed < MAX_CONCEALED {
            // The missing packet may still come: the delay is smaller than it should be.
            return self.underrun(missed);
        }
        if gap <= u64::from(front.samples) {
            let payload = front.payload.clone();
            self.state = State::Playing {
                next_timestamp: next_timestamp + gap,
                last_number: number - 1,
                missed,
            };
            self.stats.recovered += 1;
            return Playout::Recover { payload, samples: gap as u32 };
        }
        self.state = advanced;
        self.conceal(missed, samples)
    }

    /// Returns the delay aimed at.
    pub fn target_delay(&self) -> Duration {
        self.delay.target().clamp(self.config.min_delay, self.config.max_delay)
    }

    /// Returns how much is buffered.
    pub fn buffered(&self) -> Duration {
        let next_timestamp = match self.state {
            State::Playing { next_timestamp, .. } => Some(next_timestamp),
            State::Buffering { .. } => {
                self.packets.first_key_value().map(|(_, held)| held.timestamp)
            }
        };
        let end =
            self.packets.last_key_value().map(|(_, held)| held.timestamp + u64::from(held.samples));
        match (next_timestamp, end) {
            (Some(next_timestamp), Some(end)) => {
                samples_to_duration(end.saturating_sub(next_timestamp))
            }
            (None, _) | (_, None) => Duration::ZERO,
        }
    }

    /// Returns the counters since the start.
    pub fn stats(&self) -> JitterStats {
        self.stats
    }

    /// Puts sequence number and timestamp on unbroken lines; starts over after a wild jump.
    fn place(&mut self, packet: &AudioPacket) -> (u64, u64) {
        if let Some(newest) = self.newest {
            let step = packet.timestamp.wrapping_sub(newest.timestamp as u32) as i32;
            let number = extend_sequence(packet.sequence_number, newest.number);
            let timestamp = newest.timestamp.checked_add_signed(i64::from(step));
            if let (Some(number), Some(timestamp)) = (number, timestamp)
                && step.unsigned_abs() < MAX_STEP_SAMPLES
            {
                if number > newest.number {
                    self.newest = Some(Newest { number, timestamp });
                }
                return (number, timestamp);
            }
            self.packets.clear();
            self.next_number = 0;
            self.state = State::Buffering { since: None };
            self.delay = DelayEstimator::new(self.config.initial_delay);
        }
        // A cycle up, so that packets reordered around the first have a place.
        let number = 0x1_0000 + u64::from(packet.sequence_number);
        let timestamp = (1 << 32) + u64::from(packet.timestamp);
        self.newest = Some(Newest { number, timestamp });
        (number, timestamp)
    }

    /// Skips a packet when more than the target has been lying here for a while.
    fn shed_surplus(&mut self, now: Instant) {
        let buffered = self.buffered();
        let Some(since) = self.surplus_since else {
            self.surplus_since = Some(now);
            self.surplus = buffered;
            return;
        };
        self.surplus = self.surplus.min(buffered);
        if now.saturating_duration_since(since) < SURPLUS_WINDOW {
            return;
        }
        if self.surplus > self.target_delay() + SURPLUS_MARGIN
            && let Some((number, held)) = self.pop_front()
        {
            self.stats.skipped += 1;
            self.state = State::Playing {
                next_timestamp: held.timestamp + u64::from(held.samples),
                last_number: number,
                missed: 0,
            };
        }
        self.surplus_since = None;
    }

    /// Plays on without a packet. The timeline stands still: what was expected may just be late,
    /// and then it is played late, which is how the delay grows.
    fn underrun(&mut self, missed: u32) -> Playout {
        if missed >= MAX_CONCEALED {
            self.state = State::Buffering { since: None };
            return Playout::Silence { samples: FRAME_SAMPLES };
        }
        if let State::Playing { missed, .. } = &mut self.state {
            *missed += 1;
        }
        self.conceal(missed, FRAME_SAMPLES)
    }

    fn pop_front(&mut self) -> Option<(u64, Held)> {
        let front = self.packets.pop_first();
        if let Some((number, _)) = &front {
            self.next_number = number + 1;
        }
        front
    }

    fn conceal(&mut self, missed: u32, samples: u32) -> Playout {
        if missed >= MAX_CONCEALED {
            return Playout::Silence { samples };
        }
        self.stats.concealed += 1;
        Playout::Conceal { samples }
    }
}

/// Returns how many samples at 48 kHz an Opus packet holds
/// ([RFC 6716 §3.1](https://www.rfc-editor.org/rfc/rfc6716#section-3.1)); `None` when it is not one.
pub fn opus_samples(payload: &[u8]) -> Option<u32> {
    let toc = *payload.first()?;
    let config = toc >> 3;
    let frame = match config {
        0..=11 => [480, 960, 1_920, 2_880][usize::from(config % 4)],
        12..=15 => [480, 960][usize::from(config % 2)],
        16..=31 => [120, 240, 480, 960][usize::from(config % 4)],
        32.. => return None,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(payload.get(1)? & 0x3f),
    };
    let samples = frame * frames;
    (1..=MAX_PACKET_SAMPLES).contains(&samples).then_some(samples)
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InsertError {
    /// The packet is here already.
    #[error("duplicate packet")]
    Duplicate,
    /// Its turn is over.
    #[error("packet came after its turn")]
    Late,
    /// The payload is no Opus packet.
    #[error("payload is not an opus packet")]
    NotOpus,
    /// The payload is larger than any sensible Opus packet.
    #[error("payload of {bytes} bytes exceeds {limit}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Collecting packets; `since` is when the first came.
    Buffering { since: Option<Instant> },
    Playing {
        next_timestamp: u64,
        last_number: u64,
        /// Frames without a packet in a row.
        missed: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    number: u64,
    timestamp: u64,
}

#[derive(Debug)]
struct Held {
    timestamp: u64,
    samples: u32,
    payload: Vec<u8>,
}

fn samples_to_duration(samples: u64) -> Duration {
    Duration::from_micros(samples * 1_000 / 48)
}

/// The frame that is played when there is no packet to tell its length: 20 ms.
pub const FRAME_SAMPLES: u32 = 960;
/// Concealment fades to nothing in about this many frames; from there on it is silence.
const MAX_CONCEALED: u32 = 5;
/// How long more than the target must lie in the buffer before a packet is skipped. Shorter cuts
/// into sound after every burst, longer keeps the delay of an old burst.
const SURPLUS_WINDOW: Duration = Duration::from_secs(1);
/// The frame about to be played is in the buffer too, and packets are whole frames.
const SURPLUS_MARGIN: Duration = Duration::from_millis(50);
/// A timestamp step beyond ten seconds is another stream under the same name.
const MAX_STEP_SAMPLES: u32 = 480_000;
/// An Opus packet holds 120 ms at most.
const MAX_PACKET_SAMPLES: u32 = 5_760;
/// The largest packet of one 120 ms Opus packet at 128 kbit/s, with room.
const MAX_PAYLOAD: usize = 4_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A 20 ms CELT frame (configuration 31) that names its number.
    fn packet(number: u32) -> AudioPacket {
        AudioPacket {
            sequence_number: number as u16,
            timestamp: number.wrapping_mul(960),
            payload: vec![0xf8, number as u8, (number >> 8) as u8],
        }
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn buffer() -> JitterBuffer {
        JitterBuffer::new(JitterConfig::default())
    }

    fn decoded(playout: &Playout) -> Option<u32> {
        match playout {
            Playout::Decode { payload, .. } => {
                Some(u32::from(payload[1]) | (u32::from(payload[2]) << 8))
            }
            Playout::Conceal { .. } | Playout::Recover { .. } | Playout::Silence { .. } => None,
        }
    }

    #[test]
    fn an_even_stream_is_played_whole_and_in_order() {
        let mut buffer = buffer();
        let mut heard = Vec::new();
        for number in 0..500 {
            buffer.insert(at(u64::from(number) * 20), packet(number)).unwrap();
            heard.extend(decoded(&buffer.next(at(u64::from(number) * 20 + 10))));
        }
        assert_eq!(heard, (0..heard.len() as u32).collect::<Vec<_>>());
        assert!(heard.len() >= 496, "{}", heard.len());
        assert_eq!(buffer.stats().concealed + buffer.stats().skipped, 0);
        assert!(buffer.target_delay() <= Duration::from_millis(40));
    }

    #[test]
    fn sequence_and_timestamp_wrap_unheard() {
        let mut buffer = buffer();
        let mut heard = 0;
        for step in 0..200u32 {
            let mut packet = packet(step);
            packet.sequence_number = (step as u16).wrapping_sub(100);
            packet.timestamp = (step * 960).wrapping_sub(96_000);
            buffer.insert(at(u64::from(step) * 20), packet).unwrap();
            heard += u32::from(decoded(&buffer.next(at(u64::from(step) * 20))).is_some());
        }
        assert!(heard >= 196, "{heard}");
        assert_eq!(buffer.stats().concealed, 0);
    }

    #[test]
    fn one_lost_packet_is_recovered_from_the_next() {
        let mut buffer = buffer();
        for number in [0, 1, 3, 4] {
            buffer.insert(at(u64::from(number) * 20), packet(number)).unwrap();
        }
        let played: Vec<_> = (0..5).map(|tick| buffer.next(at(100 + tick * 20))).collect();
        assert_eq!(decoded(&played[0]), Some(0));
        assert_eq!(decoded(&played[1]), Some(1));
        assert_eq!(played[2], Playout::Recover { payload: packet(3).payload, samples: 960 });
        assert_eq!(decoded(&played[3]), Some(3));
        assert_eq!(decoded(&played[4]), Some(4));
    }

    #[test]
    fn of_a_longer_loss_the_last_frame_is_recovered_and_the_rest_concealed() {
        let mut buffer = buffer();
        for number in [0, 4] {
            buffer.insert(at(u64::from(number) * 20), packet(number)).unwrap();
        }
        let played: Vec<_> = (0..5).map(|tick| buffer.next(at(100 + tick * 20))).collect();
        assert_eq!(decoded(&played[0]), Some(0));
        assert_eq!(played[1], Playout::Conceal { samples: 960 });
        assert_eq!(played[2], Playout::Conceal { samples: 960 });
        assert!(matches!(played[3], Playout::Recover { .. }));
        assert_eq!(decoded(&played[4]), Some(4));
    }

    #[test]
    fn reordered_packets_are_put_right() {
        let mut buffer = buffer();
        for number in [1, 0, 3, 2] {
            buffer.insert(at(0), packet(number)).unwrap();
        }
        let heard: Vec<_> =
            (0..4).filter_map(|tick| decoded(&buffer.next(at(50 + tick * 20)))).collect();
        assert_eq!(heard, [0, 1, 2, 3]);
    }

    #[test]
    fn a_pause_of_the_sender_is_silence_not_loss() {
        let mut buffer = buffer();
        buffer.insert(at(0), packet(0)).unwrap();
        let mut after_pause = packet(1);
        after_pause.timestamp = 10 * 960;
        buffer.insert(at(20), after_pause).unwrap();
        assert_eq!(decoded(&buffer.next(at(60))), Some(0));
        for tick in 0..9 {
            assert_eq!(buffer.next(at(80 + tick * 20)), Playout::Silence { samples: 960 });
        }
        assert_eq!(decoded(&buffer.next(at(260))), Some(1));
        assert_eq!(buffer.stats().concealed, 0);
    }

    #[test]
    fn concealment_ends_in_silence_when_nothing_comes() {
        let mut buffer = buffer();
        buffer.insert(at(0), packet(0)).unwrap();
        assert_eq!(decoded(&buffer.next(at(40))), Some(0));
        for tick in 0..5 {
            assert_eq!(buffer.next(at(60 + tick * 20)), Playout::Conceal { samples: 960 });
        }
        for tick in 0..100 {
            assert_eq!(buffer.next(at(200 + tick * 20)), Playout::Silence { samples: 960 });
        }
        assert_eq!(buffer.stats().concealed, 5);
    }

    #[test]
    fn jitter_raises_the_delay_and_calm_lowers_it_again() {
        let mut buffer = buffer();
        let mut arrivals: Vec<(u64, u32)> = (0..1_000u32)
            .map(|number| (u64::from(number) * 20 + u64::from(number % 5) * 25, number))
            .collect();
        arrivals.extend((1_000..3_000u32).map(|number| (u64::from(number) * 20, number)));
        arrivals.sort_unstable();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut highest = Duration::ZERO;
        let mut misses_when_settled = 0;
        for tick in 0..3_000u64 {
            let now = at(tick * 20 + 5);
            while let Some((_, number)) = arrivals.next_if(|(when, _)| at(*when) <= now) {
                let _ = buffer.insert(now, packet(number));
            }
            let playout = buffer.next(now);
            if (300..1_000).contains(&tick) && decoded(&playout).is_none() {
                misses_when_settled += 1;
            }
            highest = highest.max(buffer.target_delay());
        }
        assert!(highest >= Duration::from_millis(100), "{highest:?}");
        assert!(misses_when_settled <= 15, "{misses_when_settled}");
        assert!(buffer.target_delay() <= Duration::from_millis(30), "{:?}", buffer.target_delay());
        assert!(buffer.buffered() <= Duration::from_millis(100), "{:?}", buffer.buffered());
    }

    #[test]
    fn another_stream_under_the_same_name_starts_over() {
        let mut buffer = buffer();
        for number in 0..10 {
            buffer.insert(at(u64::from(number) * 20), packet(number)).unwrap();
        }
        let mut other = packet(77);
        other.timestamp = 0x8000_0000;
        buffer.insert(at(200), other).unwrap();
        assert_eq!(decoded(&buffer.next(at(240))), Some(77));
    }

    #[test]
    fn odd_payloads_are_refused() {
        let mut buffer = buffer();
        let mut insert = |payload: Vec<u8>| {
            buffer.insert(at(0), AudioPacket { payload, ..packet(0) }).unwrap_err()
        };
        assert_eq!(insert(vec![]), InsertError::NotOpus);
        assert_eq!(insert(vec![0xfb]), InsertError::NotOpus);
        assert_eq!(insert(vec![0xfb, 0]), InsertError::NotOpus);
        assert_eq!(insert(vec![0x1b, 48]), InsertError::NotOpus);
        assert_eq!(insert(vec![0; 5_000]), InsertError::TooLarge { bytes: 5_000, limit: 4_000 });
    }

    #[test]
    fn packet_durations_follow_the_table_of_contents() {
        for (payload, samples) in [
            (&[0xf8][..], 960),
            (&[0x18], 2_880),
            (&[0x08], 960),
            (&[0x60], 480),
            (&[0x80], 120),
            (&[0xf9], 1_920),
            (&[0xfb, 3], 2_880),
        ] {
            assert_eq!(opus_samples(payload), Some(samples), "{payload:x?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_played_twice_or_out_of_order_and_memory_is_bounded(
            steps in proptest::collection::vec((0u32..200, 0u64..40, any::<bool>()), 1..400),
        ) {
            let mut buffer = buffer();
            let (mut base, mut now, mut last) = (0, 0, None);
            for (ahead, millis, play) in steps {
                now += millis;
                base += u32::from(ahead < 100);
                let _ = buffer.insert(at(now), packet(base + ahead % 7));
                prop_assert!(buffer.packets.len() <= 64);
                if play && let Some(number) = decoded(&buffer.next(at(now))) {
                    prop_assert!(last.is_none_or(|last| number > last), "{number} after {last:?}");
                    last = Some(number);
                }
            }
        }
    }
}
