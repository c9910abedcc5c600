//! Where what a call hears goes: files, buffers, callbacks, nowhere.

use std::{
    fmt,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;

use super::{
    FRAME_SAMPLES,
    wav::{WavError, Writer},
};

/// Where the sound that a call receives goes: 48 kHz mono, one frame every 20 ms, everybody mixed.
pub struct AudioSink(Kind);

/// 20 ms of what a call hears.
#[derive(Clone, Debug)]
pub struct AudioFrame {
    /// Time since the first frame.
    pub at: Duration,
    /// The samples.
    pub samples: Box<[i16; FRAME_SAMPLES]>,
    /// Whether anything was received for this frame; otherwise it is silence.
    pub is_heard: bool,
}

/// A sink in use.
pub(crate) struct OpenSink {
    kind: Kind,
    frames: u64,
}

enum Kind {
    Callback(Box<dyn FnMut(AudioFrame) + Send>),
    Channel(mpsc::Sender<AudioFrame>),
    Failed,
    None,
    Raw(BufWriter<File>),
    Wav(Box<Writer>),
}

impl AudioSink {
    /// Throws everything away after measuring it.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// Writes a WAV file of 48 kHz mono 16 bit.
    pub fn wav(path: impl AsRef<Path>) -> Result<Self, WavError> {
        Writer::create(path.as_ref()).map(|writer| Self(Kind::Wav(Box::new(writer))))
    }

    /// Writes a file of bare samples, little-endian.
    pub fn raw(path: impl AsRef<Path>) -> Result<Self, WavError> {
        let failed = |source| WavError::File {
            path: PathBuf::from(path.as_ref()),
            source: Arc::new(hound::Error::IoError(source)),
        };
        File::create(path.as_ref())
            .map(|file| Self(Kind::Raw(BufWriter::new(file))))
            .map_err(failed)
    }

    /// Sends frames to a channel. When it is full the frame is dropped: sound does not wait.
    pub fn channel(frames: mpsc::Sender<AudioFrame>) -> Self {
        Self(Kind::Channel(frames))
    }

    /// Calls back with each frame. The callback runs on the runtime and must not block.
    pub fn callback(callback: impl FnMut(AudioFrame) + Send + 'static) -> Self {
        Self(Kind::Callback(Box::new(callback)))
    }

    pub(crate) fn open(self) -> OpenSink {
        OpenSink { kind: self.0, frames: 0 }
    }
}

impl OpenSink {
    pub(crate) fn write(&mut self, samples: &[i16; FRAME_SAMPLES], is_heard: bool) {
        let at = Duration::from_millis(20).saturating_mul(u32::try_from(self.frames).unwrap_or(0));
        self.frames += 1;
        let frame = || AudioFrame { at, samples: Box::new(*samples), is_heard };
        let result = match &mut self.kind {
            Kind::None | Kind::Failed => Ok(()),
            Kind::Callback(callback) => {
                callback(frame());
                Ok(())
            }
            Kind::Channel(frames) => {
                // Full or closed: the frame is dropped, as documented.
                let _ = frames.try_send(frame());
                Ok(())
            }
            Kind::Raw(file) => {
                let bytes: Vec<u8> =
                    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                file.write_all(&bytes).map_err(hound::Error::IoError)
            }
            Kind::Wav(writer) => {
                let written = writer.write(samples);
                // Once a second; a call may end with the process.
                if self.frames.is_multiple_of(50) {
                    written.and_then(|()| writer.flush())
                } else {
                    written
                }
            }
        };
        if let Err(error) = result {
            tracing::warn!(%error, "received audio cannot be written any more");
            self.kind = Kind::Failed;
        }
    }
}

impl fmt::Debug for AudioSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Kind::Callback(_) => "Callback",
            Kind::Channel(_) => "Channel",
            Kind::Failed => "Failed",
            Kind::None => "None",
            Kind::Raw(_) => "Raw",
            Kind::Wav(_) => "Wav",
        };
        write!(f, "AudioSink::{name}")
    }
}
