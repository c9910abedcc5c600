//! WAV files, read as a stream of 48 kHz mono and written as such.

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use thiserror::Error;

use super::{FRAME_SAMPLES, SAMPLE_RATE_HZ, resample::Resampler};

/// Why a WAV file cannot be used.
#[derive(Clone, Debug, Error)]
pub enum WavError {
    /// It cannot be opened, created, or is not a WAV file.
    #[error("cannot use {path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<hound::Error>,
    },
    /// The samples are neither 8 to 32 bit integers nor 32 bit floats.
    #[error("{bits} bit {format} samples are not supported")]
    Format {
        /// Bits per sample.
        bits: u16,
        /// Integer or float.
        format: &'static str,
    },
    /// The sampling rate is outside 8 to 192 kHz or has no sane ratio to 48 kHz.
    #[error("sampling rate {rate_hz} Hz is not supported")]
    Rate {
        /// The rate.
        rate_hz: u32,
    },
}

/// Reads a whole file as 48 kHz mono, as [`AudioSource::wav`](super::AudioSource::wav) sends it.
pub fn read_wav(path: impl AsRef<Path>) -> Result<Vec<i16>, WavError> {
    let mut reader = Reader::open(path.as_ref(), false)?;
    let mut samples = Vec::new();
    let mut frame = [0; FRAME_SAMPLES];
    loop {
        let count = reader.read(&mut frame);
        samples.extend_from_slice(&frame[..count]);
        if count < FRAME_SAMPLES {
            return Ok(samples);
        }
    }
}

/// A file that is read frame by frame.
pub(crate) struct Reader {
    path: PathBuf,
    samples: WavReader<BufReader<File>>,
    spec: WavSpec,
    resampler: Resampler,
    pending: Vec<i16>,
    position: usize,
    is_looped: bool,
}

/// A file that is written frame by frame, complete once dropped.
pub(crate) struct Writer(WavWriter<BufWriter<File>>);

impl Reader {
    pub(crate) fn open(path: &Path, is_looped: bool) -> Result<Self, WavError> {
        let samples = WavReader::open(path).map_err(|error| failed(path, error))?;
        let spec = samples.spec();
        let format = match (spec.sample_format, spec.bits_per_sample) {
            (SampleFormat::Int, 8..=32) | (SampleFormat::Float, 32) => None,
            (SampleFormat::Int, _) => Some("integer"),
            (SampleFormat::Float, _) => Some("float"),
        };
        if let Some(format) = format {
            return Err(WavError::Format { bits: spec.bits_per_sample, format });
        }
        let rate_hz = spec.sample_rate;
        let resampler = Resampler::new(rate_hz).ok_or(WavError::Rate { rate_hz })?;
        Ok(Self {
            path: path.to_owned(),
            samples,
            spec,
            resampler,
            pending: Vec::new(),
            position: 0,
            is_looped,
        })
    }

    /// Fills a frame and returns how many samples came from the file; fewer than a frame's only at
    /// its end, the rest is silence.
    pub(crate) fn read(&mut self, frame: &mut [i16; FRAME_SAMPLES]) -> usize {
        while self.pending.len() - self.position < FRAME_SAMPLES {
            self.pending.drain(..self.position);
            self.position = 0;
            let block = self.read_block();
            if block.is_empty() && !self.rewind() {
                break;
            }
            self.resampler.feed(&block, &mut self.pending);
        }
        let available = (self.pending.len() - self.position).min(FRAME_SAMPLES);
        frame.fill(0);
        frame[..available].copy_from_slice(&self.pending[self.position..self.position + available]);
        self.position += available;
        available
    }

    /// Reads about 20 ms and mixes the channels to one.
    fn read_block(&mut self) -> Vec<i16> {
        let channels = usize::from(self.spec.channels.max(1));
        let wanted = (self.spec.sample_rate as usize / 50) * channels;
        let scale = match self.spec.sample_format {
            SampleFormat::Float => 32_768.0,
            SampleFormat::Int => 32_768.0 / f64::from(1_u32 << (self.spec.bits_per_sample - 1)),
        };
        // A damaged file ends where the damage begins.
        let values: Vec<f64> = match self.spec.sample_format {
            SampleFormat::Float => self
                .samples
                .samples::<f32>()
                .take(wanted)
                .map_while(Result::ok)
                .map(f64::from)
                .collect(),
            SampleFormat::Int => self
                .samples
                .samples::<i32>()
                .take(wanted)
                .map_while(Result::ok)
                .map(f64::from)
                .collect(),
        };
        values
            .chunks_exact(channels)
            .map(|sample| (sample.iter().sum::<f64>() * scale / channels as f64).round() as i16)
            .collect()
    }

    fn rewind(&mut self) -> bool {
        if !self.is_looped || self.samples.duration() == 0 {
            return false;
        }
        let reopened = WavReader::open(&self.path);
        reopened.map(|samples| self.samples = samples).is_ok()
    }
}

impl Writer {
    pub(crate) fn create(path: &Path) -> Result<Self, WavError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE_HZ,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        WavWriter::create(path, spec).map(Self).map_err(|error| failed(path, error))
    }

    pub(crate) fn write(&mut self, samples: &[i16]) -> Result<(), hound::Error> {
        samples.iter().try_for_each(|sample| self.0.write_sample(*sample))
    }

    /// Brings the header up to date, so that the file is whole even if the process dies later.
    pub(crate) fn flush(&mut self) -> Result<(), hound::Error> {
        self.0.flush()
    }
}

fn failed(path: &Path, source: hound::Error) -> WavError {
    WavError::File { path: path.to_owned(), source: Arc::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let unique = format!("trunkline-client-{}-{name}.wav", std::process::id());
            Self(std::env::temp_dir().join(unique))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn what_was_written_is_read_back_and_ends_in_silence() {
        let scratch = Scratch::new("round-trip");
        let mut writer = Writer::create(&scratch.0).unwrap();
        let samples: Vec<i16> = (0..2_000).collect();
        writer.write(&samples).unwrap();
        drop(writer);
        let mut reader = Reader::open(&scratch.0, false).unwrap();
        let mut frame = [0; FRAME_SAMPLES];
        assert_eq!(reader.read(&mut frame), 960);
        assert_eq!(frame[..], samples[..960]);
        assert_eq!(reader.read(&mut frame), 960);
        assert_eq!(reader.read(&mut frame), 80);
        assert_eq!((frame[79], frame[80]), (1_999, 0));
        assert_eq!(reader.read(&mut frame), 0);
    }

    #[test]
    fn a_looped_file_never_ends_and_an_empty_one_is_silence() {
        let scratch = Scratch::new("loop");
        let mut writer = Writer::create(&scratch.0).unwrap();
        writer.write(&[1; 100]).unwrap();
        drop(writer);
        let mut reader = Reader::open(&scratch.0, true).unwrap();
        let mut frame = [0; FRAME_SAMPLES];
        for _ in 0..10 {
            assert_eq!(reader.read(&mut frame), 960);
            assert!(frame.iter().all(|sample| *sample == 1));
        }
        drop(Writer::create(&scratch.0).unwrap());
        assert_eq!(Reader::open(&scratch.0, true).unwrap().read(&mut frame), 0);
    }

    #[test]
    fn stereo_of_any_depth_is_mixed_to_one_channel() {
        for (bits, format, scale) in [
            (8, SampleFormat::Int, 1.0 / 256.0),
            (16, SampleFormat::Int, 1.0),
            (24, SampleFormat::Int, 256.0),
            (32, SampleFormat::Float, 1.0 / 32_768.0),
        ] {
            let scratch = Scratch::new(&format!("stereo-{bits}-{format:?}"));
            let spec = WavSpec {
                channels: 2,
                sample_rate: 48_000,
                bits_per_sample: bits,
                sample_format: format,
            };
            let mut writer = WavWriter::create(&scratch.0, spec).unwrap();
            for _ in 0..960 {
                for value in [8_192.0_f64, 4_096.0] {
                    match format {
                        SampleFormat::Int => writer.write_sample((value * scale) as i32).unwrap(),
                        SampleFormat::Float => writer.write_sample((value * scale) as f32).unwrap(),
                    }
                }
            }
            writer.finalize().unwrap();
            let mut frame = [0; FRAME_SAMPLES];
            Reader::open(&scratch.0, false).unwrap().read(&mut frame);
            assert_eq!(frame, [6_144; FRAME_SAMPLES], "{bits} {format:?}");
        }
    }

    #[test]
    fn what_is_not_a_wav_file_is_refused() {
        let scratch = Scratch::new("garbage");
        std::fs::write(&scratch.0, b"RIFF garbage").unwrap();
        assert!(matches!(Reader::open(&scratch.0, false), Err(WavError::File { .. })));
        let missing = Path::new("/nonexistent/x.wav");
        assert!(matches!(Reader::open(missing, false), Err(WavError::File { .. })));
        assert!(matches!(Writer::create(missing), Err(WavError::File { .. })));
    }
}
