//! Any usual sampling rate to 48 kHz: a polyphase filter for the exact ratio of the two rates.

use std::collections::VecDeque;

use super::SAMPLE_RATE_HZ;

/// Converts a stream of mono samples to 48 kHz.
#[derive(Debug)]
pub(crate) struct Resampler {
    /// One filter per output phase, each of `TAPS` coefficients.
    phases: Vec<[f32; TAPS]>,
    /// Output samples per `step` input samples.
    up: usize,
    step: usize,
    phase: usize,
    history: VecDeque<f32>,
}

impl Resampler {
    /// Makes a converter; `None` when the ratio to 48 kHz needs more filter phases than are sane.
    pub(crate) fn new(rate_hz: u32) -> Option<Self> {
        if !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate_hz) {
            return None;
        }
        let divisor = greatest_common_divisor(rate_hz, SAMPLE_RATE_HZ);
        let up = usize::try_from(SAMPLE_RATE_HZ / divisor).ok()?;
        let step = usize::try_from(rate_hz / divisor).ok()?;
        if up > MAX_PHASES {
            return None;
        }
        // The lower of the two rates limits the band; a little below, so that the skirt fits.
        let cutoff = 0.94 * f64::min(1.0, f64::from(SAMPLE_RATE_HZ) / f64::from(rate_hz));
        let phases = (0..up).map(|phase| filter(phase as f64 / up as f64, cutoff)).collect();
        let history = VecDeque::from(vec![0.0; TAPS]);
        Some(Self { phases, up, step, phase: 0, history })
    }

    /// Converts some samples, appending the result.
    pub(crate) fn feed(&mut self, input: &[i16], output: &mut Vec<i16>) {
        if self.up == self.step {
            output.extend_from_slice(input);
            return;
        }
        for sample in input {
            self.history.pop_front();
            self.history.push_back(f32::from(*sample));
            while self.phase < self.up {
                let filter = &self.phases[self.phase];
                let value: f32 =
                    self.history.iter().zip(filter).map(|(sample, tap)| sample * tap).sum();
                // Saturates: the cast of a float to an integer does.
                output.push(value.round() as i16);
                self.phase += self.step;
            }
            self.phase -= self.up;
        }
    }

    /// Returns how many output samples the filter delays the sound.
    #[cfg(test)]
    pub(crate) fn delay_samples(&self) -> usize {
        if self.up == self.step { 0 } else { (TAPS / 2) * self.up / self.step }
    }
}

/// A windowed sinc, shifted by a fraction of an input sample. The newest input sample is last.
fn filter(fraction: f64, cutoff: f64) -> [f32; TAPS] {
    let mut taps = [0.0; TAPS];
    let mut sum = 0.0;
    for (index, tap) in taps.iter_mut().enumerate() {
        let distance = index as f64 - (TAPS as f64 / 2.0 - 1.0) - fraction;
        let x = std::f64::consts::PI * distance * cutoff;
        let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
        let value = sinc * window(distance / (TAPS as f64 / 2.0));
        *tap = value as f32;
        sum += value;
    }
    // Every phase passes a constant unchanged; without this the phases would ripple.
    taps.map(|tap| tap / sum as f32)
}

/// Blackman window over -1 to 1: side lobes 58 dB down, below the noise of 16-bit speech files.
fn window(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        return 0.0;
    }
    let phase = std::f64::consts::PI * x;
    0.42 + 0.5 * phase.cos() + 0.08 * (2.0 * phase).cos()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Input samples under the filter: more is sharper at the band edge and costs more.
const TAPS: usize = 48;
/// 11.025 kHz needs 640, 44.1 kHz 160.
const MAX_PHASES: usize = 640;
const MIN_RATE_HZ: u32 = 8_000;
const MAX_RATE_HZ: u32 = 192_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::LevelMeter;

    fn tone(rate_hz: u32, frequency_hz: f64, count: usize) -> Vec<i16> {
        (0..count)
            .map(|index| {
                let time = index as f64 / f64::from(rate_hz);
                (10_000.0 * (2.0 * std::f64::consts::PI * frequency_hz * time).sin()) as i16
            })
            .collect()
    }

    #[test]
    fn tones_keep_length_level_and_shape_at_all_usual_rates() {
        for rate_hz in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000] {
            let mut resampler = Resampler::new(rate_hz).unwrap();
            let mut output = Vec::new();
            let input = tone(rate_hz, 1_000.0, rate_hz as usize);
            for chunk in input.chunks(331) {
                resampler.feed(chunk, &mut output);
            }
            assert!(output.len().abs_diff(48_000) <= 1, "{rate_hz}: {}", output.len());
            let ideal = tone(48_000, 1_000.0, 48_000);
            let delay = resampler.delay_samples();
            // The best alignment within two samples; fractions of a sample stay as error.
            let noise = (delay.saturating_sub(2)..=delay + 2)
                .map(|delay| {
                    let mut meter = LevelMeter::default();
                    let pairs = output[delay..].iter().zip(&ideal).skip(2_000).take(40_000);
                    let difference: Vec<i16> = pairs.map(|(heard, ideal)| heard - ideal).collect();
                    meter.feed(&difference);
                    meter.dbfs().unwrap_or(-120.0)
                })
                .fold(f64::INFINITY, f64::min);
            // A tone at -13 dBFS; a misfit of half a sample at 1 kHz is 24 dB below it.
            assert!(noise < -37.0, "{rate_hz}: {noise} dBFS");
        }
    }

    #[test]
    fn images_of_the_old_rate_are_filtered_out() {
        // 3 kHz at 8 kHz has its first image at 5 kHz.
        let mut resampler = Resampler::new(8_000).unwrap();
        let mut output = Vec::new();
        resampler.feed(&tone(8_000, 3_000.0, 8_000), &mut output);
        let amplitude = |frequency_hz: f64| {
            let (mut re, mut im) = (0.0, 0.0);
            for (index, sample) in output.iter().enumerate().skip(4_800).take(38_400) {
                let angle = 2.0 * std::f64::consts::PI * frequency_hz * index as f64 / 48_000.0;
                re += f64::from(*sample) * angle.cos();
                im += f64::from(*sample) * angle.sin();
            }
            (re * re + im * im).sqrt() * 2.0 / 38_400.0
        };
        assert!((amplitude(3_000.0) - 10_000.0).abs() < 300.0, "{}", amplitude(3_000.0));
        assert!(amplitude(5_000.0) < 30.0, "{}", amplitude(5_000.0));
    }

    #[test]
    fn rates_without_a_sane_ratio_are_refused() {
        for rate_hz in [0, 7_999, 44_101, 200_000, u32::MAX] {
            assert!(Resampler::new(rate_hz).is_none(), "{rate_hz}");
        }
    }
}
