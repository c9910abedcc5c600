//! IVF, the simplest container of VP8 frames: a 32-byte header, then length, time and frame.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use thiserror::Error;

/// Why a video file cannot be used.
#[derive(Clone, Debug, Error)]
pub enum VideoFileError {
    /// It cannot be opened or created.
    #[error("cannot use {path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// It is not an IVF file with VP8, or it has no keyframe.
    #[error("{path} is no IVF file with VP8 and a keyframe", path = .path.display())]
    NotVp8 {
        /// The file.
        path: PathBuf,
    },
}

/// A file of frames.
pub(super) struct Reader {
    file: BufReader<File>,
    /// Ticks of the file's clock per second.
    rate: u32,
    scale: u32,
}

/// A file of frames being written.
pub(super) struct Writer {
    file: BufWriter<File>,
    frames: u32,
    first_timestamp: Option<u32>,
}

/// One frame of a file.
pub(super) struct Frame {
    /// In ticks of 90 kHz since the start of the file.
    pub(super) at: u64,
    pub(super) data: Bytes,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, VideoFileError> {
        let failed =
            |source| VideoFileError::File { path: path.to_owned(), source: Arc::new(source) };
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let mut header = [0; HEADER_BYTES];
        let not_vp8 = || VideoFileError::NotVp8 { path: path.to_owned() };
        file.read_exact(&mut header).map_err(|_| not_vp8())?;
        let rate = u32::from_le_bytes([header[16], header[17], header[18], header[19]]);
        let scale = u32::from_le_bytes([header[20], header[21], header[22], header[23]]);
        if &header[..4] != b"DKIF" || &header[8..12] != b"VP80" || rate == 0 || scale == 0 {
            return Err(not_vp8());
        }
        let mut reader = Self { file, rate, scale };
        // A stream that never shows a whole picture cannot be shown to anybody who joins.
        let first = reader.next().ok_or_else(not_vp8)?;
        if !is_keyframe(&first.data) {
            return Err(not_vp8());
        }
        reader.rewind().map_err(failed)?;
        Ok(reader)
    }

    /// Returns the next frame, or `None` at the end or where the file is damaged.
    pub(super) fn next(&mut self) -> Option<Frame> {
        let mut header = [0; FRAME_HEADER_BYTES];
        self.file.read_exact(&mut header).ok()?;
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let ticks = u64::from_le_bytes(header[4..].try_into().ok()?);
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_FRAME_BYTES)?;
        let mut data = vec![0; length];
        self.file.read_exact(&mut data).ok()?;
        let at = u128::from(ticks) * 90_000 * u128::from(self.scale) / u128::from(self.rate);
        Some(Frame { at: u64::try_from(at).ok()?, data: data.into() })
    }

    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(HEADER_BYTES as u64)).map(drop)
    }
}

impl Writer {
    pub(super) fn create(path: &Path, width: u16, height: u16) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(b"DKIF");
        header[6..8].copy_from_slice(&(HEADER_BYTES as u16).to_le_bytes());
        header[8..12].copy_from_slice(b"VP80");
        header[12..14].copy_from_slice(&width.to_le_bytes());
        header[14..16].copy_from_slice(&height.to_le_bytes());
        header[16..20].copy_from_slice(&90_000_u32.to_le_bytes());
        header[20..24].copy_from_slice(&1_u32.to_le_bytes());
        file.write_all(&header)?;
        Ok(Self { file, frames: 0, first_timestamp: None })
    }

    pub(super) fn write(&mut self, timestamp: u32, data: &[u8]) -> io::Result<()> {
        let first = *self.first_timestamp.get_or_insert(timestamp);
        let length = u32::try_from(data.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&u64::from(timestamp.wrapping_sub(first)).to_le_bytes())?;
        self.file.write_all(data)?;
        self.frames += 1;
        if self.frames.is_multiple_of(FLUSH_FRAMES) { self.flush() } else { Ok(()) }
    }

    /// Brings the frame count of the header up to date.
    fn flush(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(24))?;
        self.file.write_all(&self.frames.to_le_bytes())?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.flush()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The count is advisory: players read to the end of the file.
        let _ = self.flush();
    }
}

/// Tells whether a VP8 frame shows a whole picture
/// ([RFC 6386 §9.1](https://www.rfc-editor.org/rfc/rfc6386#section-9.1)).
pub(super) fn is_keyframe(frame: &[u8]) -> bool {
    frame.len() >= 10 && frame[0] & 1 == 0 && frame[3..6] == [0x9d, 0x01, 0x2a]
}

/// Reads the size of the picture from a keyframe.
pub(super) fn picture_size(keyframe: &[u8]) -> Option<(u16, u16)> {
    let at = |index| Some(u16::from_le_bytes([*keyframe.get(index)?, *keyframe.get(index + 1)?]));
    is_keyframe(keyframe).then_some(())?;
    Some((at(6)? & 0x3fff, at(8)? & 0x3fff))
}

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 12;
/// No picture that a browser sends is larger.
const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;
const FLUSH_FRAMES: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    const KEYFRAME: [u8; 12] = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 7, 7];

    #[test]
    fn frames_are_read_back_with_their_times() {
        let path =
            std::env::temp_dir().join(format!("trunkline-client-{}.ivf", std::process::id()));
        let mut writer = Writer::create(&path, 320, 240).unwrap();
        for (timestamp, data) in [(u32::MAX - 2_999, &KEYFRAME[..]), (0, b"\x11delta")] {
            writer.write(timestamp, data).unwrap();
        }
        drop(writer);
        let mut reader = Reader::open(&path).unwrap();
        for _ in 0..2 {
            let first = reader.next().unwrap();
            assert_eq!((first.at, &first.data[..]), (0, &KEYFRAME[..]));
            assert_eq!(reader.next().unwrap().at, 3_000);
            assert!(reader.next().is_none());
            reader.rewind().unwrap();
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(picture_size(&KEYFRAME), Some((320, 240)));
        assert_eq!(picture_size(b"\x11delta"), None);
    }

    #[test]
    fn what_is_not_vp8_in_ivf_is_refused() {
        let path =
            std::env::temp_dir().join(format!("trunkline-client-bad-{}.ivf", std::process::id()));
        for content in [&b""[..], &[b'D'; 40], b"DKIF"] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(Reader::open(&path), Err(VideoFileError::NotVp8 { .. })));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(Reader::open(&path), Err(VideoFileError::File { .. })));
    }
}
