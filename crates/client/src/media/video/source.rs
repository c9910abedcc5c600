//! What a camera or a shared screen shows: encoded frames, paced and cut into packets.

use std::{fmt, path::Path, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{sync::mpsc, time::Instant};

use crate::media::ivf::{Reader, VideoFileError, is_keyframe};

/// Where the video that a call sends comes from: VP8 frames that are encoded already.
pub struct VideoSource(Kind);

/// One encoded VP8 frame.
#[derive(Clone)]
pub struct EncodedVideoFrame {
    /// The frame.
    pub data: Bytes,
}

/// A source in use.
pub(in crate::media) struct OpenVideoSource {
    kind: Kind,
    /// When the first frame of this round was due.
    origin: Option<Instant>,
    next: Option<(Instant, Bytes)>,
    timestamp_origin: Option<Instant>,
}

enum Kind {
    Channel(mpsc::Receiver<EncodedVideoFrame>),
    Ivf(Box<Reader>),
    Still { frame: Bytes, interval: Duration },
}

impl VideoSource {
    /// Sends the frames of an IVF file again and again, at the file's own pace. When a keyframe is
    /// asked for it starts over, since an encoded file cannot make one anywhere else.
    pub fn ivf(path: impl AsRef<Path>) -> Result<Self, VideoFileError> {
        Reader::open(path.as_ref()).map(|reader| Self(Kind::Ivf(Box::new(reader))))
    }

    /// Sends frames from a channel as they come. The sender must give a keyframe often enough: it
    /// is not told when one is asked for.
    pub fn channel(frames: mpsc::Receiver<EncodedVideoFrame>) -> Self {
        Self(Kind::Channel(frames))
    }

    /// Sends one picture, a keyframe, at a steady pace.
    pub fn still(keyframe: Bytes, interval: Duration) -> Self {
        Self(Kind::Still { frame: keyframe, interval: interval.max(Duration::from_millis(10)) })
    }

    pub(in crate::media) fn open(self) -> OpenVideoSource {
        OpenVideoSource { kind: self.0, origin: None, next: None, timestamp_origin: None }
    }
}

impl OpenVideoSource {
    /// Waits for the next frame and returns it with its RTP timestamp. Cancel-safe: a frame that
    /// was waited for is kept.
    pub(in crate::media) async fn next(&mut self) -> (u32, Bytes) {
        if self.next.is_none() {
            self.next = Some(self.produce().await);
        }
        if let Some((due, _)) = &self.next {
            tokio::time::sleep_until(*due).await;
        }
        let (due, frame) = match self.next.take() {
            Some(next) => next,
            // Set above, and nothing else takes it.
            None => std::future::pending().await,
        };
        let origin = *self.timestamp_origin.get_or_insert(due);
        let ticks = due.saturating_duration_since(origin).as_micros() * 9 / 100;
        // RTP timestamps wrap by design.
        (ticks as u32, frame)
    }

    /// Sends a keyframe next, where the source can.
    pub(in crate::media) fn request_keyframe(&mut self) {
        match &mut self.kind {
            Kind::Channel(_) | Kind::Still { .. } => {}
            Kind::Ivf(reader) => {
                // A round that has barely begun serves the request.
                let is_fresh = self.origin.is_some_and(|origin| origin.elapsed() < FRESH_ROUND);
                if !is_fresh && reader.rewind().is_ok() {
                    self.origin = None;
                    self.next = None;
                }
            }
        }
    }

    /// Starts over, after a pause.
    pub(in crate::media) fn restart(&mut self) {
        self.origin = None;
        self.next = None;
        if let Kind::Ivf(reader) = &mut self.kind {
            // A file that cannot seek goes on where it was.
            let _ = reader.rewind();
        }
    }

    async fn produce(&mut self) -> (Instant, Bytes) {
        match &mut self.kind {
            Kind::Channel(frames) => match frames.recv().await {
                Some(frame) => (Instant::now(), frame.data),
                None => std::future::pending().await,
            },
            Kind::Still { frame, interval } => {
                let due = self.origin.map_or_else(Instant::now, |previous| previous + *interval);
                self.origin = Some(due);
                (due, frame.clone())
            }
            Kind::Ivf(reader) => {
                let frame = match reader.next() {
                    Some(frame) => frame,
                    None => {
                        // The end: the next round begins one frame after it.
                        self.origin = None;
                        tokio::time::sleep(ROUND_GAP).await;
                        match reader.rewind().ok().and_then(|()| reader.next()) {
                            Some(frame) => frame,
                            None => std::future::pending().await,
                        }
                    }
                };
                let at = Duration::from_micros(frame.at.saturating_mul(100) / 9);
                let now = Instant::now();
                let origin = *self.origin.get_or_insert(now.checked_sub(at).unwrap_or(now));
                (origin + at, frame.data)
            }
        }
    }
}

/// Cuts a frame into payloads with the descriptor of
/// [RFC 7741 §4.2](https://www.rfc-editor.org/rfc/rfc7741#section-4.2).
pub(in crate::media) fn packetize(frame: &Bytes, picture_id: u16) -> Vec<Bytes> {
    let [high, low] = (picture_id & 0x7fff).to_be_bytes();
    frame
        .chunks(MAX_FRAGMENT_BYTES)
        .enumerate()
        .map(|(index, fragment)| {
            let mut payload = BytesMut::with_capacity(fragment.len() + 4);
            // X, and S with the first packet of the frame.
            payload.put_u8(if index == 0 { 0x90 } else { 0x80 });
            // I: a picture id of 15 bits follows.
            payload.put_slice(&[0x80, 0x80 | high, low]);
            payload.put_slice(fragment);
            payload.freeze()
        })
        .collect()
}

impl fmt::Debug for VideoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Kind::Channel(_) => "Channel",
            Kind::Ivf(_) => "Ivf",
            Kind::Still { .. } => "Still",
        };
        write!(f, "VideoSource::{name}")
    }
}

impl fmt::Debug for EncodedVideoFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_keyframe = is_keyframe(&self.data);
        write!(f, "EncodedVideoFrame({} bytes, keyframe {is_keyframe})", self.data.len())
    }
}

/// With RTP, SRTP, UDP and IP headers and extensions this stays below 1,280 bytes, which every
/// path carries.
const MAX_FRAGMENT_BYTES: usize = 1_150;
const FRESH_ROUND: Duration = Duration::from_millis(500);
/// Between the last frame of a file and its first.
const ROUND_GAP: Duration = Duration::from_millis(33);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_still_picture_keeps_its_pace() {
        let source = VideoSource::still(Bytes::from_static(b"x"), Duration::from_millis(40));
        let mut source = source.open();
        let mut timestamps = Vec::new();
        for _ in 0..4 {
            timestamps.push(source.next().await.0);
        }
        assert_eq!(timestamps, [0, 3_600, 7_200, 10_800]);
    }

    #[test]
    fn every_packet_is_small_and_only_the_first_starts_the_frame() {
        let frame = Bytes::from(vec![7; 3_000]);
        let packets = packetize(&frame, 0xffff);
        let starts: Vec<_> = packets.iter().map(|packet| packet[0] & 0x10 != 0).collect();
        assert_eq!(starts, [true, false, false]);
        let joined: Vec<u8> =
            packets.iter().flat_map(|packet| packet[4..].iter().copied()).collect();
        assert_eq!(joined, frame);
        for packet in packets {
            let descriptor = trunkline_media::vp8::Vp8Descriptor::parse(&packet).unwrap();
            assert_eq!((descriptor.picture_id, descriptor.len), (Some(0x7fff), 4));
        }
    }
}
