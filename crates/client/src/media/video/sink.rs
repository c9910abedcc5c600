//! Where received video goes.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use bytes::Bytes;
use tokio::sync::mpsc;
use trunkline_ids::ParticipantId;
use trunkline_media::control::StreamKind;

use crate::media::ivf::{Writer, picture_size};

/// Where the video that a call receives goes: VP8 frames, not decoded.
pub struct VideoSink(Kind);

/// One VP8 frame of one receive m-line.
#[derive(Clone)]
pub struct ReceivedVideoFrame {
    /// The m-line.
    pub mid: Arc<str>,
    /// Whose video it is, once the exchange has said so.
    pub participant_id: Option<ParticipantId>,
    /// Camera or screen.
    pub kind: StreamKind,
    /// RTP timestamp at 90 kHz.
    pub timestamp: u32,
    /// Whether it shows a whole picture.
    pub is_keyframe: bool,
    /// Width and height, of keyframes.
    pub picture_size: Option<(u16, u16)>,
    /// The frame.
    pub data: Bytes,
}

/// A sink in use.
pub(in crate::media) struct OpenVideoSink {
    kind: Kind,
    files: BTreeMap<Arc<str>, Option<Writer>>,
}

enum Kind {
    Callback(Box<dyn FnMut(ReceivedVideoFrame) + Send>),
    Channel(mpsc::Sender<ReceivedVideoFrame>),
    Directory(PathBuf),
    None,
}

impl VideoSink {
    /// Counts frames and throws them away.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// Writes one IVF file for each receive m-line, `<directory>/<mid>.ivf`, from its first
    /// keyframe.
    pub fn ivf_directory(directory: impl Into<PathBuf>) -> Self {
        Self(Kind::Directory(directory.into()))
    }

    /// Sends frames to a channel. When it is full the frame is dropped.
    pub fn channel(frames: mpsc::Sender<ReceivedVideoFrame>) -> Self {
        Self(Kind::Channel(frames))
    }

    /// Calls back with each frame. The callback runs on the runtime and must not block.
    pub fn callback(callback: impl FnMut(ReceivedVideoFrame) + Send + 'static) -> Self {
        Self(Kind::Callback(Box::new(callback)))
    }

    pub(in crate::media) fn open(self) -> OpenVideoSink {
        OpenVideoSink { kind: self.0, files: BTreeMap::new() }
    }
}

impl OpenVideoSink {
    pub(in crate::media) fn write(&mut self, frame: ReceivedVideoFrame) {
        match &mut self.kind {
            Kind::None => {}
            Kind::Callback(callback) => callback(frame),
            Kind::Channel(frames) => {
                // Full or closed: the frame is dropped, as documented.
                let _ = frames.try_send(frame);
            }
            Kind::Directory(directory) => {
                if !self.files.contains_key(&frame.mid) {
                    let Some((width, height)) = picture_size(&frame.data) else { return };
                    let path = directory.join(format!("{}.ivf", frame.mid));
                    let writer = Writer::create(&path, width, height);
                    if let Err(error) = &writer {
                        tracing::warn!(%error, "received video cannot be written");
                    }
                    self.files.insert(Arc::clone(&frame.mid), writer.ok());
                }
                let Some(entry) = self.files.get_mut(&frame.mid) else { return };
                let result = entry.as_mut().map(|file| file.write(frame.timestamp, &frame.data));
                if let Some(Err(error)) = result {
                    tracing::warn!(%error, "received video cannot be written any more");
                    *entry = None;
                }
            }
        }
    }
}

impl fmt::Debug for VideoSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Kind::Callback(_) => "Callback",
            Kind::Channel(_) => "Channel",
            Kind::Directory(_) => "Directory",
            Kind::None => "None",
        };
        write!(f, "VideoSink::{name}")
    }
}

impl fmt::Debug for ReceivedVideoFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedVideoFrame")
            .field("mid", &self.mid)
            .field("kind", &self.kind)
            .field("is_keyframe", &self.is_keyframe)
            .field("length_bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}
