//! The microphone: a frame from the source, encoded and sent, every 20 ms.

use bytes::Bytes;
use trunkline_media::level::{AudioLevel, VoiceActivity};

use super::{peer::SendStream, statistics::AudioStatistics};
use crate::audio::{
    AudioSource, FRAME_SAMPLES, LevelMeter, OpenSource,
    opus::{BITRATE_BPS, Encoder, MAX_PACKET_BYTES, OpusError},
};

/// The sending half of a call's sound.
pub(super) struct Capture {
    source: OpenSource,
    encoder: Encoder,
    timestamp: u32,
    is_sending: bool,
    starts_talk_spurt: bool,
    meter: LevelMeter,
}

impl Capture {
    pub(super) fn new(source: AudioSource) -> Result<Self, OpusError> {
        Ok(Self {
            source: source.open(),
            encoder: Encoder::new(BITRATE_BPS)?,
            timestamp: 0,
            is_sending: false,
            starts_talk_spurt: true,
            meter: LevelMeter::default(),
        })
    }

    /// Opens or shuts the microphone. A source that has begun goes on while it is shut, as sound in
    /// a room does.
    pub(super) fn set_sending(&mut self, is_sending: bool) {
        self.starts_talk_spurt |= is_sending && !self.is_sending;
        self.is_sending = is_sending;
    }

    pub(super) fn set_source(&mut self, source: AudioSource) {
        self.source = source.open();
    }

    /// Captures one frame.
    pub(super) async fn tick(
        &mut self,
        stream: &mut SendStream,
        has_begun: bool,
        statistics: &mut AudioStatistics,
    ) {
        let timestamp = self.timestamp;
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        if !has_begun {
            return;
        }
        let mut frame = [0; FRAME_SAMPLES];
        let is_any = self.source.read(&mut frame);
        statistics.is_source_finished = self.source.is_finished();
        if !is_any || !self.is_sending {
            return;
        }
        let mut packet = [0; MAX_PACKET_BYTES];
        let length = match self.encoder.encode(&frame, &mut packet) {
            Ok(length) => length,
            Err(error) => {
                tracing::warn!(%error, "a frame could not be encoded");
                return;
            }
        };
        let level = AudioLevel::of_pcm(&frame);
        let voice = if level.minus_dbov() < VOICE_MINUS_DBOV {
            VoiceActivity::Voice
        } else {
            VoiceActivity::Unknown
        };
        let payload = Bytes::copy_from_slice(&packet[..length]);
        let marker = std::mem::take(&mut self.starts_talk_spurt);
        let extension = Some(level.to_extension(voice));
        match stream.send(timestamp, marker, payload, extension).await {
            Ok(()) => {
                self.meter.feed(&frame);
                statistics.packets_sent += 1;
                statistics.bytes_sent += u64::try_from(length).unwrap_or(0);
                statistics.level_sent_dbfs = self.meter.dbfs();
            }
            Err(error) => tracing::debug!(%error, "a packet could not be sent"),
        }
    }
}

/// Louder than this counts as voice: quiet speech is near -40 dBov, a quiet room near -65.
const VOICE_MINUS_DBOV: u8 = 55;
