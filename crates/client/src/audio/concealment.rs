//! Sound in place of packets that never came: the last pitch period goes on and fades.
//!
//! The codec library has concealment of its own, which answers a lost frame of a steady tone with
//! noise at full scale. What is here follows the scheme of
//! [ITU-T G.711 Appendix I](https://www.itu.int/rec/T-REC-G.711-199909-I!AppI) at 48 kHz and works on
//! the decoded sound, whatever the codec.

use super::SAMPLE_RATE_HZ;

/// Follows what is played, and goes on with it when nothing comes.
#[derive(Debug)]
pub(crate) struct Concealment {
    /// The most recent sound, oldest first.
    history: Vec<f32>,
    /// What is repeated while nothing comes.
    repeating: Option<Repeating>,
}

/// One pitch period, and how far it has been played.
#[derive(Debug)]
struct Repeating {
    period: Vec<f32>,
    played: usize,
}

impl Concealment {
    /// Starts in silence.
    pub(crate) fn new() -> Self {
        Self { history: vec![0.0; HISTORY], repeating: None }
    }

    /// Takes sound that was decoded. After a loss its beginning is blended with what was made up.
    pub(crate) fn decoded(&mut self, samples: &mut [i16]) {
        if let Some(mut repeating) = self.repeating.take() {
            let blended = BLEND.min(samples.len());
            for (index, sample) in samples[..blended].iter_mut().enumerate() {
                let share = index as f32 / blended as f32;
                let made_up = repeating.next();
                *sample = (made_up + (f32::from(*sample) - made_up) * share) as i16;
            }
        }
        self.remember(samples);
    }

    /// Makes up the sound of a gap.
    pub(crate) fn conceal(&mut self, samples: &mut [i16]) {
        let history = &self.history;
        let repeating = self.repeating.get_or_insert_with(|| Repeating::of(history));
        for sample in &mut *samples {
            *sample = repeating.next() as i16;
        }
    }

    fn remember(&mut self, samples: &[i16]) {
        let newest = &samples[samples.len().saturating_sub(HISTORY)..];
        self.history.drain(..newest.len());
        self.history.extend(newest.iter().map(|sample| f32::from(*sample)));
    }
}

impl Repeating {
    fn of(history: &[f32]) -> Self {
        let lag = pitch_lag(history);
        let mut period = history[HISTORY - lag..].to_vec();
        // The end of the period runs into what came before it, so that the seam is not heard.
        let overlap = lag / 4;
        let before = &history[HISTORY - lag - overlap..HISTORY - lag];
        for (index, (sample, earlier)) in period[lag - overlap..].iter_mut().zip(before).enumerate()
        {
            let share = (index + 1) as f32 / overlap as f32;
            *sample += (earlier - *sample) * share;
        }
        Self { period, played: 0 }
    }

    fn next(&mut self) -> f32 {
        let sample = self.period[self.played % self.period.len()];
        let fading = self.played.saturating_sub(STEADY) as f32 / FADE as f32;
        self.played += 1;
        sample * (1.0 - fading).max(0.0)
    }
}

/// Finds the distance at which the most recent sound resembles itself best.
fn pitch_lag(history: &[f32]) -> usize {
    let recent = &history[HISTORY - WINDOW..];
    let score = |lag: &usize| {
        let earlier = &history[HISTORY - WINDOW - lag..HISTORY - lag];
        let (product, energy) = recent
            .iter()
            .zip(earlier)
            .fold((0.0, 1.0), |sums, (a, b)| (sums.0 + a * b, sums.1 + b * b));
        product / f32::sqrt(energy)
    };
    let scores = (SHORTEST_LAG..=LONGEST_LAG).map(|lag| (score(&lag), lag));
    scores.max_by(|one, other| one.0.total_cmp(&other.0)).map_or(LONGEST_LAG, |(_, lag)| lag)
}

const SAMPLES_PER_MS: usize = SAMPLE_RATE_HZ as usize / 1_000;
/// What is compared: longer finds low voices more surely, and follows a changing pitch worse.
const WINDOW: usize = 10 * SAMPLES_PER_MS;
/// 400 Hz, the highest pitch of a voice; higher tones are found at a multiple of their period.
const SHORTEST_LAG: usize = SAMPLES_PER_MS * 5 / 2;
/// 50 Hz.
const LONGEST_LAG: usize = 20 * SAMPLES_PER_MS;
const HISTORY: usize = LONGEST_LAG * 5 / 4 + WINDOW;
/// How long the sound stays as loud as it was: a single lost packet should not be heard as a dip.
const STEADY: usize = 10 * SAMPLES_PER_MS;
/// A repeated period soon sounds like a machine, so it is gone after 60 ms.
const FADE: usize = 50 * SAMPLES_PER_MS;
const BLEND: usize = 4 * SAMPLES_PER_MS;

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency_hz: f64, from: usize, count: usize) -> Vec<i16> {
        (from..from + count)
            .map(|n| {
                let time = n as f64 / f64::from(SAMPLE_RATE_HZ);
                (10_000.0 * (std::f64::consts::TAU * frequency_hz * time).sin()) as i16
            })
            .collect()
    }

    fn peak(samples: &[i16]) -> u16 {
        samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default()
    }

    #[test]
    fn a_tone_goes_on_in_phase_through_a_lost_packet() {
        for frequency_hz in [90.0, 150.0, 440.0, 1_000.0, 3_100.0] {
            let mut concealment = Concealment::new();
            concealment.decoded(&mut tone(frequency_hz, 0, 2_880));
            let mut made_up = vec![0; 480];
            concealment.conceal(&mut made_up);
            let ideal = tone(frequency_hz, 2_880, 480);
            let misfit =
                made_up.iter().zip(&ideal).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
            let misfit = (misfit.sum::<f64>() / 480.0).sqrt();
            assert!(misfit < 3_000.0, "{frequency_hz} Hz: {misfit}");
        }
    }

    #[test]
    fn what_is_made_up_is_never_louder_and_fades_to_silence() {
        let mut concealment = Concealment::new();
        concealment.decoded(&mut tone(440.0, 0, 4_800));
        let mut made_up = vec![0; 4_800];
        concealment.conceal(&mut made_up);
        assert!(peak(&made_up) <= 10_000, "{}", peak(&made_up));
        assert!(peak(&made_up[..960]) > 9_000, "{}", peak(&made_up[..960]));
        assert_eq!(peak(&made_up[STEADY + FADE..]), 0);
    }

    #[test]
    fn sound_that_comes_back_is_blended_in_without_a_click() {
        let mut concealment = Concealment::new();
        concealment.decoded(&mut tone(300.0, 0, 2_880));
        let mut made_up = vec![0; 960];
        concealment.conceal(&mut made_up);
        let mut back = tone(300.0, 3_911, 960);
        concealment.decoded(&mut back);
        let seam = [&made_up[900..], &back[..60]].concat();
        let step = seam.windows(2).map(|pair| (pair[1] - pair[0]).unsigned_abs()).max();
        assert!(step.unwrap() < 800, "{step:?}");
    }

    #[test]
    fn before_anything_came_it_makes_up_silence() {
        let mut samples = vec![7; 960];
        Concealment::new().conceal(&mut samples);
        assert_eq!(peak(&samples), 0);
    }
}
