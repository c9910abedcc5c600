//! How alike two recordings sound: the correlation of their spectra over time.
//!
//! Waveforms say little after a lossy codec, which keeps spectra and gives up phase. So both sides
//! are aligned by correlating their loudness millisecond by millisecond and cut into frames of 20 ms;
//! the energy of 20 bands of a third of an octave or so is taken in decibels; and the figure is
//! Pearson's correlation over all bands of all frames in which either side is not silent.

use std::f32::consts::TAU;

/// The outcome of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Similarity {
    /// 1 is the same spectrum everywhere, 0 is unrelated.
    pub(crate) correlation: f32,
    /// How much later the second recording has the same content, in milliseconds.
    pub(crate) offset_ms: i32,
    /// The share of the first recording's frames that the second one covers.
    pub(crate) coverage: f32,
}

/// Compares what was heard with what was said, both mono at 48 kHz. `None` when either is silent.
pub(crate) fn compare(said: &[i16], heard: &[i16]) -> Option<Similarity> {
    let offset_ms = best_offset(&envelope(said), &envelope(heard))?;
    // Both from where they have the same content.
    let shift = usize::try_from(offset_ms.unsigned_abs()).ok()? * SAMPLES_PER_MS;
    let (said_from, heard_from) = if offset_ms < 0 { (shift, 0) } else { (0, shift) };
    let analyzer = Analyzer::new();
    let said_frames = analyzer.frames(said.get(said_from..)?);
    let heard_frames = analyzer.frames(heard.get(heard_from..)?);
    let pairs = said_frames.iter().zip(&heard_frames);
    let audible = pairs.filter(|(one, other)| one.level > AUDIBLE_DB || other.level > AUDIBLE_DB);
    let values =
        audible.flat_map(|(one, other)| one.bands.iter().copied().zip(other.bands.iter().copied()));
    let covered = said_frames.len().min(heard_frames.len()) as f32;
    Some(Similarity {
        correlation: pearson(values)?,
        offset_ms,
        coverage: covered / (said.len() / FRAME).max(1) as f32,
    })
}

/// Makes sound with the rhythm of speech, for when there is no recording of any: four syllables a
/// second, each of another pitch.
pub(super) fn speech_like(seed: u32, seconds: u32) -> Vec<i16> {
    (0..seconds * 48_000)
        .map(|n| {
            let t = n as f32 / SAMPLE_RATE;
            let syllable = (t * 4.0) as u32;
            let pitch = 150.0 + ((syllable * 37 + seed * 61) % 23) as f32 * 40.0;
            let envelope = (t * 4.0).fract() * (1.0 - (t * 4.0).fract()) * 4.0;
            let harmonic = |h: u8| (TAU * pitch * f32::from(h) * t).sin() / f32::from(h);
            ((1..8).map(harmonic).sum::<f32>() * envelope * 6_000.0) as i16
        })
        .collect()
}

#[derive(Clone, Copy)]
struct Frame {
    level: f32,
    bands: [f32; BANDS],
}

/// A plain discrete Fourier transform: a recording is compared once, and this is forty lines less
/// than a fast one.
struct Analyzer {
    window: Vec<f32>,
    cosine: Vec<f32>,
    edges: [usize; BANDS + 1],
}

impl Analyzer {
    fn new() -> Self {
        let turn = |n: usize| TAU * n as f32 / FRAME as f32;
        let mut edges = [0; BANDS + 1];
        for (index, edge) in edges.iter_mut().enumerate() {
            let position = index as f32 / BANDS as f32;
            let hertz = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ).powf(position);
            *edge = (hertz * FRAME as f32 / SAMPLE_RATE) as usize;
        }
        Self {
            window: (0..FRAME).map(|n| 0.5 - 0.5 * turn(n).cos()).collect(),
            cosine: (0..FRAME).map(|n| turn(n).cos()).collect(),
            edges,
        }
    }

    fn frames(&self, samples: &[i16]) -> Vec<Frame> {
        samples.chunks_exact(FRAME).map(|chunk| self.frame(chunk)).collect()
    }

    fn frame(&self, chunk: &[i16]) -> Frame {
        let samples: Vec<f32> = chunk
            .iter()
            .zip(&self.window)
            .map(|(sample, weight)| f32::from(*sample) / 32_768.0 * weight)
            .collect();
        let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / FRAME as f32;
        let mut bands = [FLOOR_DB; BANDS];
        for (band, edge) in bands.iter_mut().zip(self.edges.windows(2)) {
            let &[from, to] = edge else { continue };
            let energy: f32 = (from..to.max(from + 1)).map(|bin| self.bin(&samples, bin)).sum();
            *band = decibels(energy);
        }
        Frame { level: decibels(power), bands }
    }

    fn bin(&self, samples: &[f32], bin: usize) -> f32 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let phase = n * bin % FRAME;
            real += sample * self.cosine[phase];
            // sin x = cos(x - a quarter turn)
            imaginary += sample * self.cosine[(phase + FRAME - FRAME / 4) % FRAME];
        }
        (real * real + imaginary * imaginary) / (FRAME * FRAME) as f32
    }
}

/// The loudness of every millisecond, in decibels.
fn envelope(samples: &[i16]) -> Vec<f32> {
    samples
        .chunks_exact(SAMPLES_PER_MS)
        .map(|chunk| {
            let squares = chunk.iter().map(|sample| (f32::from(*sample) / 32_768.0).powi(2));
            decibels(squares.sum::<f32>() / SAMPLES_PER_MS as f32)
        })
        .collect()
}

/// Finds the shift, in milliseconds, at which the loudness of both correlates best.
fn best_offset(said: &[f32], heard: &[f32]) -> Option<i32> {
    let loudest = |levels: &[f32]| levels.iter().copied().fold(FLOOR_DB, f32::max);
    if loudest(said) <= AUDIBLE_DB || loudest(heard) <= AUDIBLE_DB {
        return None;
    }
    let score = |offset: i32| {
        let shift = offset.unsigned_abs() as usize;
        let (said, heard) = match offset < 0 {
            true => (said.get(shift..)?, heard),
            false => (said, heard.get(shift..)?),
        };
        // A sliver of overlap correlates by chance.
        let is_enough = said.len().min(heard.len()) * 2 >= said.len();
        is_enough.then(|| pearson(said.iter().copied().zip(heard.iter().copied()))).flatten()
    };
    (-OFFSET_LIMIT_MS..=OFFSET_LIMIT_MS)
        .filter_map(|offset| Some((score(offset)?, offset)))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, offset)| offset)
}

fn pearson(values: impl Iterator<Item = (f32, f32)> + Clone) -> Option<f32> {
    let count = values.clone().count() as f64;
    if count < 2.0 {
        return None;
    }
    let sums = values.clone().fold((0.0, 0.0), |sums, (one, other)| {
        (sums.0 + f64::from(one), sums.1 + f64::from(other))
    });
    let means = (sums.0 / count, sums.1 / count);
    let (mut covariance, mut one_variance, mut other_variance) = (0.0, 0.0, 0.0);
    for (one, other) in values {
        let (one, other) = (f64::from(one) - means.0, f64::from(other) - means.1);
        covariance += one * other;
        one_variance += one * one;
        other_variance += other * other;
    }
    let scale = (one_variance * other_variance).sqrt();
    (scale > 0.0).then(|| (covariance / scale) as f32)
}

fn decibels(power: f32) -> f32 {
    (10.0 * power.max(1e-12).log10()).max(FLOOR_DB)
}

const SAMPLE_RATE: f32 = 48_000.0;
const FRAME: usize = 960;
const SAMPLES_PER_MS: usize = 48;
const BANDS: usize = 20;
/// Speech carries its sense between these; a codec may do as it likes outside.
const LOWEST_HZ: f32 = 100.0;
const HIGHEST_HZ: f32 = 7_000.0;
/// What lies under the floor is the codec's comfort, not the speaker's.
const FLOOR_DB: f32 = -70.0;
const AUDIBLE_DB: f32 = -55.0;
/// Either way.
const OFFSET_LIMIT_MS: i32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_sound_later_and_softer_is_the_same_sound() {
        let said = speech_like(1, 2);
        let mut heard = vec![0; 48 * 140];
        heard.extend(said.iter().map(|sample| sample / 2));
        let similarity = compare(&said, &heard).unwrap();
        assert!(similarity.correlation > 0.98, "{similarity:?}");
        assert_eq!(similarity.offset_ms, 140);
    }

    #[test]
    fn another_sound_is_not_similar() {
        let similarity = compare(&speech_like(1, 2), &speech_like(2, 2)).unwrap();
        assert!(similarity.correlation < 0.8, "{similarity:?}");
    }

    #[test]
    fn silence_is_similar_to_nothing() {
        assert_eq!(compare(&speech_like(1, 2), &[0; 96_000]), None);
    }
}
