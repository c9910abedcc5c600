//! What a disk costs: the time of a flush.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Returns how long it takes to append a page to a file in a directory and to flush it, the mean of
/// some.
pub fn time_of_a_flush(directory: &Path) -> io::Result<Duration> {
    const FLUSHES: u32 = 50;
    let mut file = tempfile::tempfile_in(directory)?;
    let begun = Instant::now();
    for _ in 0..FLUSHES {
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
    }
    Ok(begun.elapsed() / FLUSHES)
}
