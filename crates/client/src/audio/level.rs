//! Loudness over time, as a meter shows it.

/// Measures loudness over everything that it is fed.
#[derive(Clone, Copy, Debug, Default)]
pub struct LevelMeter {
    sum_of_squares: f64,
    samples: u64,
}

impl LevelMeter {
    /// Adds samples.
    pub fn feed(&mut self, samples: &[i16]) {
        let squares = samples.iter().map(|sample| f64::from(*sample) * f64::from(*sample));
        self.sum_of_squares += squares.sum::<f64>();
        self.samples += u64::try_from(samples.len()).unwrap_or(0);
    }

    /// Returns the root mean square in decibels relative to full scale: 0 for a full-scale square
    /// wave, -3 for a full-scale sine, `None` when there was nothing but zeros.
    pub fn dbfs(&self) -> Option<f64> {
        (self.sum_of_squares > 0.0).then(|| {
            let mean = self.sum_of_squares / self.samples as f64;
            10.0 * (mean / (32_768.0 * 32_768.0)).log10()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_known_signals() {
        let mut meter = LevelMeter::default();
        assert_eq!(meter.dbfs(), None);
        meter.feed(&[0; 100]);
        assert_eq!(meter.dbfs(), None);
        meter.feed(&[16_384; 100]);
        let expected = -9.03;
        assert!((meter.dbfs().unwrap() - expected).abs() < 0.01, "{:?}", meter.dbfs());
        let mut square = LevelMeter::default();
        square.feed(&[i16::MIN; 960]);
        assert_eq!(square.dbfs(), Some(0.0));
    }
}
