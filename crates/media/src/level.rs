//! Audio levels in −dBov ([RFC 6464](https://www.rfc-editor.org/rfc/rfc6464)): computed by
//! senders, carried in a header extension, read by the router.

/// A level below overload: 0 is the loudest, 127 is silence.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AudioLevel(u8);

impl AudioLevel {
    /// Digital silence.
    pub const SILENCE: Self = Self(127);

    /// Makes a level from decibels below overload; more than 127 is silence.
    pub const fn from_minus_dbov(decibels: u8) -> Self {
        Self(if decibels > 127 { 127 } else { decibels })
    }

    /// Measures a frame of 16-bit samples: its root mean square against full scale.
    ///
    /// A full-scale square wave is 0 dBov, a full-scale sine 3 dB below it.
    pub fn of_pcm(samples: &[i16]) -> Self {
        let energy: u64 =
            samples.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
        if energy == 0 {
            return Self::SILENCE;
        }
        let mean_square = energy as f64 / samples.len() as f64;
        let decibels = -10.0 * (mean_square / (32_767.0 * 32_767.0)).log10();
        Self(decibels.round().clamp(0.0, 127.0) as u8)
    }

    /// Returns the decibels below overload, 0 to 127.
    pub const fn minus_dbov(self) -> u8 {
        self.0
    }

    /// Returns the value of the header extension.
    pub const fn to_extension(self, voice: VoiceActivity) -> u8 {
        match voice {
            VoiceActivity::Unknown => self.0,
            VoiceActivity::Voice => self.0 | 0x80,
        }
    }

    /// Reads the value of the header extension.
    pub const fn from_extension(value: u8) -> (Self, VoiceActivity) {
        let voice = if value & 0x80 != 0 { VoiceActivity::Voice } else { VoiceActivity::Unknown };
        (Self(value & 0x7f), voice)
    }
}

/// The V bit: whether the sender believes that the frame holds voice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VoiceActivity {
    /// No voice, or the sender has no detector.
    Unknown,
    /// Voice.
    Voice,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sine(amplitude: f64) -> Vec<i16> {
        (0..960)
            .map(|n| (amplitude * (f64::from(n) * std::f64::consts::TAU / 96.0).sin()) as i16)
            .collect()
    }

    #[test]
    fn known_signals_have_known_levels() {
        assert_eq!(AudioLevel::of_pcm(&[]), AudioLevel::SILENCE);
        assert_eq!(AudioLevel::of_pcm(&[0; 960]), AudioLevel::SILENCE);
        assert_eq!(AudioLevel::of_pcm(&[32_767, -32_767]).minus_dbov(), 0);
        assert_eq!(AudioLevel::of_pcm(&[i16::MIN; 960]).minus_dbov(), 0);
        assert_eq!(AudioLevel::of_pcm(&sine(32_767.0)).minus_dbov(), 3);
        assert_eq!(AudioLevel::of_pcm(&sine(3_276.7)).minus_dbov(), 23);
        assert_eq!(AudioLevel::of_pcm(&[1; 960]).minus_dbov(), 90);
    }

    proptest! {
        #[test]
        fn levels_survive_the_extension(decibels: u8, voice: bool) {
            let level = AudioLevel::from_minus_dbov(decibels);
            let voice = if voice { VoiceActivity::Voice } else { VoiceActivity::Unknown };
            prop_assert_eq!(AudioLevel::from_extension(level.to_extension(voice)), (level, voice));
        }
    }
}
