//! Who speaks: a score for each microphone, and an order of speakers that does not flicker.

use std::time::Duration;

use trunkline_clock::Instant;

use crate::level::AudioLevel;

/// What one microphone has been doing lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpeakerScore {
    /// Smoothed loudness (127 minus the level) in 1/16 dB; rises fast, falls slowly.
    loudness: u16,
    /// The same, following fast both ways; decides about speaking.
    instant_loudness: u16,
    last_loud: Option<Instant>,
    speaking: bool,
}

impl SpeakerScore {
    /// Takes the level of one packet. Returns the new state when it changed.
    pub fn push(&mut self, now: Instant, level: AudioLevel) -> Option<bool> {
        let target = u16::from(127 - level.minus_dbov()) * 16;
        self.instant_loudness = (self.instant_loudness + target) / 2;
        self.loudness = if target > self.loudness {
            self.loudness + (target - self.loudness) / 2
        } else {
            self.loudness - (self.loudness - target) / 16
        };
        if self.instant_loudness >= SPEAKING_LOUDNESS {
            self.last_loud = Some(now);
            if !self.speaking {
                self.speaking = true;
                return Some(true);
            }
        }
        self.check_silence(now)
    }

    /// Notices that a speaker fell silent, packets or not. Returns the new state when it changed.
    pub fn check_silence(&mut self, now: Instant) -> Option<bool> {
        let deadline = self.silence_deadline()?;
        if now < deadline {
            return None;
        }
        self.speaking = false;
        self.loudness = 0;
        Some(false)
    }

    /// Forgets everything (the microphone was muted). Returns the new state when it changed.
    pub fn reset(&mut self) -> Option<bool> {
        let was_speaking = self.speaking;
        *self = Self::default();
        was_speaking.then_some(false)
    }

    /// Tells whether the participant speaks.
    #[inline]
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// Returns when the speaker will count as silent if nothing more is heard.
    pub fn silence_deadline(&self) -> Option<Instant> {
        match (self.speaking, self.last_loud) {
            (true, Some(last_loud)) => Some(last_loud + SPEAKING_HANGOVER),
            (true, None) | (false, _) => None,
        }
    }

    /// Tells whether this microphone should be heard instead of `other`: one that speaks beats one
    /// that does not.
    pub fn beats_idle(&self, other: &Self) -> bool {
        self.speaking && !other.speaking
    }

    /// Tells whether this speaker is clearly louder than another speaker.
    pub fn beats_speaker(&self, other: &Self) -> bool {
        self.speaking && self.loudness >= other.loudness.saturating_add(CONTEST_MARGIN)
    }
}

/// Estimates the level of an Opus packet of a sender that does not tell levels.
///
/// With discontinuous transmission, silence is sent as packets of a few bytes
/// ([RFC 6716 §2.1.9](https://www.rfc-editor.org/rfc/rfc6716#section-2.1.9)); anything larger
/// counts as ordinary speech.
pub fn level_of_opus_payload(payload: &[u8]) -> AudioLevel {
    if payload.len() <= OPUS_SILENCE_BYTES {
        AudioLevel::SILENCE
    } else {
        AudioLevel::from_minus_dbov(ASSUMED_SPEECH_LEVEL)
    }
}

/// An order of microphones, best first, in which places change only for a reason.
#[derive(Clone, Debug, Default)]
pub struct SpeakerOrder {
    members: Vec<u32>,
    last_contest: Option<Instant>,
}

impl SpeakerOrder {
    /// Adds a microphone at the end.
    pub fn add(&mut self, member: u32) {
        if !self.members.contains(&member) {
            self.members.push(member);
        }
    }

    /// Removes a microphone. Returns whether it was there.
    pub fn remove(&mut self, member: u32) -> bool {
        let place = self.members.iter().position(|other| *other == member);
        if let Some(place) = place {
            self.members.remove(place);
        }
        place.is_some()
    }

    /// Moves a microphone that is speaking up past those that are not, and past clearly quieter
    /// speakers, the latter at most once per [`CONTEST_INTERVAL`]. Returns whether the set of the
    /// first `heard` changed, or its order.
    pub fn promote(
        &mut self,
        now: Instant,
        member: u32,
        heard: usize,
        score: impl Fn(u32) -> SpeakerScore,
    ) -> bool {
        let Some(start) = self.members.iter().position(|other| *other == member) else {
            return false;
        };
        let own = score(member);
        let mut place = start;
        while place > 0 && own.beats_idle(&score(self.members[place - 1])) {
            self.members.swap(place, place - 1);
            place -= 1;
        }
        // Among people who all speak, only the border of what is heard is worth a contest.
        let contest_open = self
            .last_contest
            .is_none_or(|last| now.saturating_duration_since(last) >= CONTEST_INTERVAL);
        if place >= heard && contest_open && heard > 0 {
            let weakest = heard - 1;
            if own.beats_speaker(&score(self.members[weakest])) {
                self.members[weakest..=place].rotate_right(1);
                self.last_contest = Some(now);
                place = weakest;
            }
        }
        place < start && place <= heard
    }

    /// Returns the microphones, best first.
    pub fn members(&self) -> &[u32] {
        &self.members
    }
}

/// Louder than −50 dBov is speech. A higher bar loses people with quiet microphones, a lower one
/// makes keyboards speak; conference bridges commonly use 40 to 60.
const SPEAKING_LOUDNESS: u16 = (127 - 50) * 16;
/// The pause between words that still counts as speaking. Shorter flickers, longer lags.
const SPEAKING_HANGOVER: Duration = Duration::from_millis(600);
/// How much louder, in 1/16 dB, a speaker must be to take the place of another speaker.
const CONTEST_MARGIN: u16 = 6 * 16;
/// How often speakers may push out speakers. Shorter cuts people off in mid-word.
pub const CONTEST_INTERVAL: Duration = Duration::from_secs(2);
/// Comfort noise and "nothing" frames are shorter, the smallest useful speech frame is longer.
const OPUS_SILENCE_BYTES: usize = 8;
const ASSUMED_SPEECH_LEVEL: u8 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn level(decibels: u8) -> AudioLevel {
        AudioLevel::from_minus_dbov(decibels)
    }

    fn speaker(decibels: u8) -> SpeakerScore {
        let mut score = SpeakerScore::default();
        for packet in 0..10 {
            score.push(at(packet * 20), level(decibels));
        }
        score
    }

    #[test]
    fn speech_is_noticed_within_three_packets_and_a_click_is_not() {
        let mut score = SpeakerScore::default();
        assert_eq!(score.push(at(0), level(30)), None);
        for packet in 1..10 {
            assert_eq!(score.push(at(packet * 20), AudioLevel::SILENCE), None);
        }
        assert_eq!(score.push(at(200), level(30)), None);
        assert_eq!(score.push(at(220), level(30)), None);
        assert_eq!(score.push(at(240), level(30)), Some(true));
        assert_eq!(score.push(at(260), level(30)), None);
    }

    #[test]
    fn a_pause_between_words_is_still_speaking() {
        let mut score = speaker(30);
        for packet in 10..30 {
            assert_eq!(score.push(at(packet * 20), AudioLevel::SILENCE), None);
        }
        assert_eq!(score.push(at(700), level(30)), None);
        assert!(score.is_speaking());
    }

    #[test]
    fn speaking_ends_without_a_packet() {
        let mut score = speaker(30);
        let deadline = score.silence_deadline().unwrap();
        assert_eq!(score.check_silence(at(500)), None);
        assert_eq!(score.check_silence(deadline), Some(false));
        assert_eq!(score.check_silence(deadline), None);
        assert_eq!(score.silence_deadline(), None);
    }

    #[test]
    fn background_noise_is_not_speech() {
        assert!(!speaker(60).is_speaking());
        assert!(speaker(45).is_speaking());
    }

    #[test]
    fn muting_ends_speaking_at_once() {
        let mut score = speaker(30);
        assert_eq!(score.reset(), Some(false));
        assert_eq!(score.reset(), None);
    }

    #[test]
    fn a_speaker_passes_those_who_are_silent() {
        let mut order = SpeakerOrder::default();
        (0..6).for_each(|member| order.add(member));
        let score = |member| if member == 5 { speaker(30) } else { SpeakerScore::default() };
        assert!(order.promote(at(1_000), 5, 3, score));
        assert_eq!(order.members(), [5, 0, 1, 2, 3, 4]);
        assert!(!order.promote(at(1_020), 5, 3, score));
    }

    #[test]
    fn speakers_of_like_loudness_do_not_push_each_other_out() {
        let mut order = SpeakerOrder::default();
        (0..4).for_each(|member| order.add(member));
        let alike = |member| speaker(30 + member as u8 % 2);
        for tick in 0..200 {
            assert!(!order.promote(at(tick * 20), 3, 3, alike));
        }
    }

    #[test]
    fn a_clearly_louder_speaker_gets_in_but_not_all_the_time() {
        let mut order = SpeakerOrder::default();
        (0..5).for_each(|member| order.add(member));
        let loud = |member| speaker(if member >= 3 { 20 } else { 40 });
        assert!(order.promote(at(1_000), 3, 3, loud));
        assert_eq!(order.members(), [0, 1, 3, 2, 4]);
        assert!(
            !order
                .promote(at(1_020), 4, 3, |member| { speaker(if member == 4 { 10 } else { 40 }) })
        );
        assert!(
            order.promote(at(3_100), 4, 3, |member| { speaker(if member == 4 { 10 } else { 40 }) })
        );
    }

    #[test]
    fn tiny_opus_packets_are_silence() {
        assert_eq!(level_of_opus_payload(&[0xf8, 0xff, 0xfe]), AudioLevel::SILENCE);
        assert_eq!(level_of_opus_payload(&[0; 60]).minus_dbov(), 30);
    }
}
