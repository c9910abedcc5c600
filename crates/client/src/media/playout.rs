//! The loudspeaker: jitter buffers and decoders of the receive m-lines, mixed every 20 ms.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use trunkline_clock::Instant;
use trunkline_media::{
    jitter::{AudioPacket, JitterBuffer, JitterConfig, Playout as Decision, opus_samples},
    rtp::extend_sequence,
};

use super::statistics::AudioStatistics;
use crate::audio::{
    AudioSink, FRAME_SAMPLES, LevelMeter, OpenSink, SAMPLE_RATE_HZ,
    concealment::Concealment,
    opus::{Decoder, MAX_FRAME_SAMPLES, has_error_correction},
};

/// The receiving half of a call's sound.
pub(super) struct Playout {
    slots: BTreeMap<Arc<str>, Slot>,
    sink: OpenSink,
    meter: LevelMeter,
    packets: u64,
    bytes: u64,
}

/// One receive m-line.
struct Slot {
    jitter: JitterBuffer,
    decoder: Decoder,
    concealment: Concealment,
    /// Decoded and not played yet: packets may be longer than a frame.
    pending: Vec<i16>,
    arrivals: Arrivals,
}

/// What RFC 3550 counts of a stream.
#[derive(Default)]
struct Arrivals {
    first: Option<u64>,
    highest: u64,
    count: u64,
    transit: Option<i64>,
    /// In sixteenths of a sample.
    jitter: u64,
}

impl Playout {
    pub(super) fn new(sink: AudioSink) -> Self {
        let meter = LevelMeter::default();
        Self { slots: BTreeMap::new(), sink: sink.open(), meter, packets: 0, bytes: 0 }
    }

    /// Takes a packet of a receive m-line.
    pub(super) fn insert(&mut self, now: Instant, mid: &Arc<str>, packet: rtc::rtp::Packet) {
        if packet.payload.is_empty() {
            return;
        }
        let slot = match self.slots.get_mut(mid) {
            Some(slot) => slot,
            None => {
                let Ok(decoder) = Decoder::new() else { return };
                let slot = Slot {
                    jitter: JitterBuffer::new(JitterConfig::default()),
                    decoder,
                    concealment: Concealment::new(),
                    pending: Vec::new(),
                    arrivals: Arrivals::default(),
                };
                self.slots.entry(Arc::clone(mid)).or_insert(slot)
            }
        };
        self.packets += 1;
        self.bytes += u64::try_from(packet.payload.len()).unwrap_or(0);
        slot.arrivals.note(now, packet.header.sequence_number, packet.header.timestamp);
        let packet = AudioPacket {
            sequence_number: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            payload: packet.payload.to_vec(),
        };
        // Late and duplicate packets are counted by the buffer; anything else is not Opus.
        let _ = slot.jitter.insert(now, packet);
    }

    /// Plays one frame.
    pub(super) fn tick(&mut self, now: Instant, statistics: &mut AudioStatistics) {
        let mut mix = [0_i32; FRAME_SAMPLES];
        let mut is_heard = false;
        for slot in self.slots.values_mut() {
            is_heard |= slot.fill(now);
            for (sum, sample) in mix.iter_mut().zip(slot.pending.drain(..FRAME_SAMPLES)) {
                *sum += i32::from(sample);
            }
        }
        let frame = mix.map(|sum| sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16);
        if is_heard {
            self.meter.feed(&frame);
        }
        self.sink.write(&frame, is_heard);
        self.report(statistics);
    }

    fn report(&self, statistics: &mut AudioStatistics) {
        statistics.packets_received = self.packets;
        statistics.bytes_received = self.bytes;
        statistics.level_received_dbfs = self.meter.dbfs();
        statistics.packets_lost = self.slots.values().map(|slot| slot.arrivals.lost()).sum();
        let jitter = self.slots.values().map(|slot| slot.arrivals.jitter()).max();
        statistics.jitter = jitter.unwrap_or_default();
        let delay = self.slots.values().map(|slot| slot.jitter.target_delay()).max();
        statistics.playout_delay = delay.unwrap_or_default();
        let counts = || self.slots.values().map(|slot| slot.jitter.stats());
        statistics.packets_late = counts().map(|stats| stats.late).sum();
        statistics.packets_skipped = counts().map(|stats| stats.skipped).sum();
        statistics.frames_concealed = counts().map(|stats| stats.concealed).sum();
        statistics.frames_recovered = counts().map(|stats| stats.recovered).sum();
    }
}

impl Slot {
    /// Decodes until there is a frame to play, and returns whether any of it was received.
    fn fill(&mut self, now: Instant) -> bool {
        let mut is_heard = false;
        while self.pending.len() < FRAME_SAMPLES {
            let mut samples = [0; MAX_FRAME_SAMPLES];
            let (decoded, wanted) = match self.jitter.next(now) {
                Decision::Decode { payload, samples: wanted } => {
                    (self.decoder.decode(&payload, &mut samples).ok(), wanted)
                }
                Decision::Recover { payload, samples: wanted } => {
                    let is_whole = opus_samples(&payload) == Some(wanted);
                    let recovered = (is_whole && has_error_correction(&payload))
                        .then(|| self.decoder.recover(&payload, &mut samples[..room(wanted)]));
                    (recovered.and_then(Result::ok), wanted)
                }
                Decision::Conceal { samples: wanted } => (None, wanted),
                Decision::Silence { samples: wanted } => {
                    let silence = &mut samples[..room(wanted)];
                    self.concealment.decoded(silence);
                    self.pending.extend_from_slice(silence);
                    continue;
                }
            };
            is_heard = true;
            // A packet that does not decode is as good as lost.
            let piece = match decoded.filter(|count| *count > 0) {
                Some(count) => {
                    self.concealment.decoded(&mut samples[..count]);
                    &samples[..count]
                }
                None => {
                    self.concealment.conceal(&mut samples[..room(wanted)]);
                    &samples[..room(wanted)]
                }
            };
            self.pending.extend_from_slice(piece);
        }
        is_heard
    }
}

/// How much of the buffer a decision fills: something, so that playing comes to an end.
fn room(samples: u32) -> usize {
    usize::try_from(samples).unwrap_or(FRAME_SAMPLES).clamp(1, MAX_FRAME_SAMPLES)
}

impl Arrivals {
    /// [RFC 3550 appendices A.3 and A.8](https://www.rfc-editor.org/rfc/rfc3550#appendix-A.8).
    fn note(&mut self, now: Instant, sequence_number: u16, timestamp: u32) {
        self.count += 1;
        let number = match self.first {
            None => {
                let number = 0x1_0000 + u64::from(sequence_number);
                self.first = Some(number);
                number
            }
            Some(_) => extend_sequence(sequence_number, self.highest).unwrap_or(self.highest),
        };
        self.highest = self.highest.max(number);
        let arrival =
            (u128::from(now.as_nanos()) * u128::from(SAMPLE_RATE_HZ) / 1_000_000_000) as u32;
        let transit = i64::from(arrival.wrapping_sub(timestamp) as i32);
        if let Some(previous) = self.transit.replace(transit) {
            let difference = (transit - previous).unsigned_abs();
            // A jump of a second is another speaker on the m-line or a wrap, not jitter.
            if difference < u64::from(SAMPLE_RATE_HZ) {
                self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
            }
        }
    }

    fn lost(&self) -> u64 {
        let Some(first) = self.first else { return 0 };
        (self.highest - first + 1).saturating_sub(self.count)
    }

    fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter as f64 / 16.0 / f64::from(SAMPLE_RATE_HZ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;
    use crate::audio::{
        AudioSource,
        opus::{BITRATE_BPS, Encoder, MAX_PACKET_BYTES},
    };

    struct Heard(Arc<Mutex<Vec<i16>>>);

    impl Heard {
        fn sink() -> (Self, AudioSink) {
            let heard = Arc::new(Mutex::new(Vec::new()));
            let writer = Arc::clone(&heard);
            let sink = AudioSink::callback(move |frame| {
                writer.lock().unwrap().extend_from_slice(&frame.samples[..]);
            });
            (Self(heard), sink)
        }

        fn take(&self) -> Vec<i16> {
            std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    /// Sends a tone for some seconds over a line that loses every `lose_every`th packet.
    fn chain(frequency_hz: f64, lose_every: Option<usize>) -> (Vec<i16>, AudioStatistics) {
        let (heard, sink) = Heard::sink();
        let mut playout = Playout::new(sink);
        let mut source = AudioSource::tone(frequency_hz, -10.0).open();
        let mut encoder = Encoder::new(BITRATE_BPS).unwrap();
        let mid: Arc<str> = "3".into();
        let mut statistics = AudioStatistics::default();
        for number in 0..200_usize {
            let mut frame = [0; FRAME_SAMPLES];
            source.read(&mut frame);
            let mut payload = [0; MAX_PACKET_BYTES];
            let length = encoder.encode(&frame, &mut payload).unwrap();
            let now = Instant::from_nanos(number as u64 * 20_000_000);
            if lose_every.is_none_or(|every| number % every != every - 1) {
                let mut packet = rtc::rtp::Packet::default();
                packet.header.sequence_number = number as u16;
                packet.header.timestamp = number as u32 * 960;
                packet.payload = bytes::Bytes::copy_from_slice(&payload[..length]);
                playout.insert(now, &mid, packet);
            }
            playout.tick(now + Duration::from_millis(10), &mut statistics);
        }
        (heard.take(), statistics)
    }

    fn amplitude(samples: &[i16], frequency_hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (index, sample) in samples.iter().enumerate() {
            let angle = 2.0 * std::f64::consts::PI * frequency_hz * index as f64 / 48_000.0;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        (re * re + im * im).sqrt() * 2.0 / samples.len() as f64
    }

    #[test]
    fn a_tone_comes_through_with_its_frequency_and_level() {
        for frequency_hz in [440.0, 1_000.0, 3_000.0] {
            let (heard, statistics) = chain(frequency_hz, None);
            let steady = &heard[48_000..144_000];
            let expected = 32_767.0 * 10_f64.powf(-10.0 / 20.0);
            let level_db = 20.0 * (amplitude(steady, frequency_hz) / expected).log10();
            assert!(level_db.abs() < 1.0, "{frequency_hz} Hz: {level_db} dB");
            assert!(amplitude(steady, frequency_hz * 1.3) < expected / 30.0);
            assert_eq!((statistics.packets_lost, statistics.frames_concealed), (0, 0));
            let heard_db = statistics.level_received_dbfs.unwrap();
            assert!((heard_db - -13.0).abs() < 1.0, "{heard_db} dBFS");
        }
    }

    #[test]
    fn lost_packets_are_bridged_without_holes() {
        let (heard, statistics) = chain(440.0, Some(10));
        let bridged = statistics.frames_recovered + statistics.frames_concealed;
        assert!((15..=25).contains(&statistics.packets_lost), "{statistics:?}");
        assert!(bridged >= 15, "{statistics:?}");
        // The tone is at -13 dBFS. Its energy counts: where sound is made up, the phase may jump.
        for (index, piece) in heard[48_000..144_000].chunks(480).enumerate() {
            let mut meter = LevelMeter::default();
            meter.feed(piece);
            let level = meter.dbfs().unwrap_or(f64::NEG_INFINITY);
            assert!((-22.0..-11.0).contains(&level), "10 ms at {index}: {level} dBFS");
        }
    }

    #[test]
    fn two_speakers_are_heard_together() {
        let (heard, sink) = Heard::sink();
        let mut playout = Playout::new(sink);
        let mut statistics = AudioStatistics::default();
        let mut speakers: Vec<_> = [(500.0, "3"), (2_000.0, "4")]
            .map(|(frequency_hz, mid)| {
                let source = AudioSource::tone(frequency_hz, -12.0).open();
                (source, Encoder::new(BITRATE_BPS).unwrap(), Arc::<str>::from(mid))
            })
            .into();
        for number in 0..150_u64 {
            let now = Instant::from_nanos(number * 20_000_000);
            for (source, encoder, mid) in &mut speakers {
                let mut frame = [0; FRAME_SAMPLES];
                source.read(&mut frame);
                let mut payload = [0; MAX_PACKET_BYTES];
                let length = encoder.encode(&frame, &mut payload).unwrap();
                let mut packet = rtc::rtp::Packet::default();
                packet.header.sequence_number = number as u16;
                packet.header.timestamp = number as u32 * 960;
                packet.payload = bytes::Bytes::copy_from_slice(&payload[..length]);
                playout.insert(now, mid, packet);
            }
            playout.tick(now + Duration::from_millis(10), &mut statistics);
        }
        let samples = heard.take();
        let steady = &samples[48_000..96_000];
        for frequency_hz in [500.0, 2_000.0] {
            assert!(amplitude(steady, frequency_hz) > 6_000.0, "{frequency_hz}");
        }
    }

    #[test]
    fn lost_packets_and_jitter_are_counted_as_in_rfc_3550() {
        let mut arrivals = Arrivals::default();
        for number in (0..1_000_u64).filter(|number| number % 4 != 1) {
            let late = if number % 2 == 0 { 0 } else { 10_000_000 };
            let now = Instant::from_nanos(number * 20_000_000 + late);
            let sequence_number = (65_500 + number) as u16;
            arrivals.note(now, sequence_number, (number as u32).wrapping_mul(960));
        }
        assert_eq!(arrivals.lost(), 250);
        let millis = arrivals.jitter().as_secs_f64() * 1_000.0;
        assert!((5.0..9.0).contains(&millis), "{millis} ms");
    }
}
