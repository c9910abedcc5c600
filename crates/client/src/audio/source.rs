//! What a call says: files, tones, buffers, callbacks, silence.

use std::{fmt, path::Path};

use tokio::sync::mpsc;

use super::{
    FRAME_SAMPLES, SAMPLE_RATE_HZ,
    wav::{Reader, WavError},
};

/// Where the sound that a call sends comes from: 48 kHz mono, asked for every 20 ms while the call
/// is connected.
pub struct AudioSource(Kind);

/// A source in use.
pub(crate) struct OpenSource {
    kind: Kind,
    is_finished: bool,
}

/// Writes the next frame.
type Fill = Box<dyn FnMut(&mut [i16; FRAME_SAMPLES]) + Send>;

enum Kind {
    Callback(Fill),
    Channel { samples: mpsc::Receiver<Vec<i16>>, pending: Vec<i16> },
    None,
    Silence,
    Tone { phase: f64, step: f64, amplitude: f64 },
    Wav(Box<Reader>),
}

impl AudioSource {
    /// Sends no packets at all.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// Sends digital silence.
    pub fn silence() -> Self {
        Self(Kind::Silence)
    }

    /// Sends a sine wave, its level in decibels relative to a full-scale sine.
    pub fn tone(frequency_hz: f64, level_db: f64) -> Self {
        let step = 2.0 * std::f64::consts::PI * frequency_hz / f64::from(SAMPLE_RATE_HZ);
        let amplitude = 32_767.0 * 10_f64.powf(level_db.min(0.0) / 20.0);
        Self(Kind::Tone { phase: 0.0, step, amplitude })
    }

    /// Sends a WAV file once, of any usual rate, depth and number of channels, then silence.
    pub fn wav(path: impl AsRef<Path>) -> Result<Self, WavError> {
        Reader::open(path.as_ref(), false).map(|reader| Self(Kind::Wav(Box::new(reader))))
    }

    /// Sends a WAV file again and again.
    pub fn wav_looped(path: impl AsRef<Path>) -> Result<Self, WavError> {
        Reader::open(path.as_ref(), true).map(|reader| Self(Kind::Wav(Box::new(reader))))
    }

    /// Sends samples from a channel, in pieces of any length; silence when there are none.
    pub fn channel(samples: mpsc::Receiver<Vec<i16>>) -> Self {
        Self(Kind::Channel { samples, pending: Vec::new() })
    }

    /// Sends what a callback writes. It runs on the runtime and must not block.
    pub fn callback(callback: impl FnMut(&mut [i16; FRAME_SAMPLES]) + Send + 'static) -> Self {
        Self(Kind::Callback(Box::new(callback)))
    }

    pub(crate) fn open(self) -> OpenSource {
        OpenSource { kind: self.0, is_finished: false }
    }
}

impl OpenSource {
    /// Fills the next frame and returns whether there is anything to send.
    pub(crate) fn read(&mut self, frame: &mut [i16; FRAME_SAMPLES]) -> bool {
        match &mut self.kind {
            Kind::None => return false,
            Kind::Silence => frame.fill(0),
            Kind::Callback(callback) => callback(frame),
            Kind::Tone { phase, step, amplitude } => {
                for sample in frame {
                    *sample = (*amplitude * phase.sin()) as i16;
                    *phase = (*phase + *step) % (2.0 * std::f64::consts::PI);
                }
            }
            Kind::Wav(reader) => self.is_finished = reader.read(frame) < FRAME_SAMPLES,
            Kind::Channel { samples, pending } => {
                while pending.len() < FRAME_SAMPLES {
                    match samples.try_recv() {
                        Ok(more) => pending.extend(more),
                        Err(mpsc::error::TryRecvError::Empty) => break,
                        Err(mpsc::error::TryRecvError::Disconnected) => {
                            self.is_finished = pending.len() <= FRAME_SAMPLES;
                            break;
                        }
                    }
                }
                let available = pending.len().min(FRAME_SAMPLES);
                frame.fill(0);
                frame[..available].copy_from_slice(&pending[..available]);
                pending.drain(..available);
            }
        }
        true
    }

    /// Returns whether a file or channel has been sent to its end.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_finished
    }
}

impl fmt::Debug for AudioSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Kind::Callback(_) => "Callback",
            Kind::Channel { .. } => "Channel",
            Kind::None => "None",
            Kind::Silence => "Silence",
            Kind::Tone { .. } => "Tone",
            Kind::Wav(_) => "Wav",
        };
        write!(f, "AudioSource::{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::LevelMeter;

    #[test]
    fn a_tone_has_its_level_and_no_seam_between_frames() {
        let mut source = AudioSource::tone(440.0, -20.0).open();
        let mut meter = LevelMeter::default();
        let mut previous: Option<i16> = None;
        for _ in 0..100 {
            let mut frame = [0; FRAME_SAMPLES];
            assert!(source.read(&mut frame));
            meter.feed(&frame);
            let step = i32::from(frame[0]) - i32::from(previous.unwrap_or(frame[0]));
            // 3277 × 2π × 440 / 48000 is the steepest step of this sine.
            assert!(step.abs() <= 190, "{step}");
            previous = frame.last().copied();
        }
        let expected = -23.01;
        assert!((meter.dbfs().unwrap() - expected).abs() < 0.05, "{:?}", meter.dbfs());
    }

    #[test]
    fn a_channel_is_sent_in_order_with_silence_where_it_is_empty() {
        let (sender, receiver) = mpsc::channel(8);
        let mut source = AudioSource::channel(receiver).open();
        sender.try_send(vec![1; 500]).unwrap();
        sender.try_send(vec![2; 500]).unwrap();
        let mut frame = [9; FRAME_SAMPLES];
        assert!(source.read(&mut frame));
        assert_eq!((frame[499], frame[500], frame[959]), (1, 2, 2));
        assert!(source.read(&mut frame));
        assert_eq!((frame[39], frame[40]), (2, 0));
        assert!(!source.is_finished());
        drop(sender);
        assert!(source.read(&mut frame));
        assert!(source.is_finished());
        assert!(!AudioSource::none().open().read(&mut frame));
    }
}
