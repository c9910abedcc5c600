//! Wall-clock time: what the calendar says, printed and read as RFC 3339.

use std::{fmt, ops::Add, str::FromStr, time::Duration};

use thiserror::Error;

/// A wall-clock time between the years 0000 and 9999, in steps of 100 ns: what the clocks of some
/// clients count in, so that a time that is read prints as it was.
///
/// Prints as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) in UTC, with a fraction only where
/// there is one. Good for records; a deadline needs an [`Instant`](crate::Instant).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp {
    /// Steps since 1970-01-01T00:00:00Z.
    ticks: i64,
}

/// Says that a text is not an RFC 3339 time.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not an RFC 3339 time")]
pub struct ParseTimestampError;

const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_MICRO: i64 = 10;
const NANOS_PER_TICK: u32 = 100;
const SECONDS_PER_DAY: i64 = 86_400;
/// 0000-01-01T00:00:00Z.
const FIRST_TICK: i64 = -62_167_219_200 * TICKS_PER_SECOND;
/// 9999-12-31T23:59:59.9999999Z.
const LAST_TICK: i64 = 253_402_300_800 * TICKS_PER_SECOND - 1;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self { ticks: 0 };

    /// Makes a time from microseconds since the epoch; a time outside the years 0000 to 9999 becomes
    /// the nearest one inside, because RFC 3339 cannot spell it.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self::from_ticks(micros.saturating_mul(TICKS_PER_MICRO))
    }

    /// Makes a time from whole seconds since the epoch, bounded as [`Timestamp::from_unix_micros`].
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self::from_ticks(seconds.saturating_mul(TICKS_PER_SECOND))
    }

    /// Returns the microseconds since the epoch, rounded down.
    pub const fn as_unix_micros(self) -> i64 {
        self.ticks.div_euclid(TICKS_PER_MICRO)
    }

    /// Returns the whole seconds since the epoch, rounded down.
    pub const fn as_unix_seconds(self) -> i64 {
        self.ticks.div_euclid(TICKS_PER_SECOND)
    }

    /// Makes a time from whole seconds since the epoch and nanoseconds past them, rounded down;
    /// bounded as [`Timestamp::from_unix_micros`].
    pub fn from_unix_parts(seconds: i64, nanos: u32) -> Self {
        let ticks = seconds.saturating_mul(TICKS_PER_SECOND);
        Self::from_ticks(ticks.saturating_add(i64::from(nanos / NANOS_PER_TICK)))
    }

    /// Returns the nanoseconds past the whole second.
    pub fn subsec_nanos(self) -> u32 {
        let ticks = self.ticks.rem_euclid(TICKS_PER_SECOND);
        u32::try_from(ticks).unwrap_or_default() * NANOS_PER_TICK
    }

    /// Returns the time since an earlier timestamp, zero if it is a later one.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        // Between the years 0000 and 9999 lie fewer steps than there are numbers.
        let ticks = u64::try_from(self.ticks - earlier.ticks).unwrap_or(0);
        Duration::from_nanos_u128(u128::from(ticks) * u128::from(NANOS_PER_TICK))
    }

    const fn from_ticks(ticks: i64) -> Self {
        let ticks = if ticks < FIRST_TICK {
            FIRST_TICK
        } else if ticks > LAST_TICK {
            LAST_TICK
        } else {
            ticks
        };
        Self { ticks }
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Adds a time, stopping at the end of the year 9999.
    fn add(self, duration: Duration) -> Self {
        Self::from_ticks(self.ticks.saturating_add(ticks_of(duration)))
    }
}

/// Returns a time in steps, the most there can be when it is longer.
fn ticks_of(duration: Duration) -> i64 {
    let ticks = duration.as_nanos() / u128::from(NANOS_PER_TICK);
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.as_unix_seconds();
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match self.subsec_nanos() {
            0 => f.write_str("Z"),
            nanos if nanos % 1_000_000 == 0 => write!(f, ".{:03}Z", nanos / 1_000_000),
            nanos if nanos % 1_000 == 0 => write!(f, ".{:06}Z", nanos / 1_000),
            nanos => write!(f, ".{:07}Z", nanos / NANOS_PER_TICK),
        }
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Reads an RFC 3339 time; digits past the seventh are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.as_bytes()).ok_or(ParseTimestampError)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    let (date_and_time, rest) = text.split_at_checked(19)?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, t, h0, h1, b':', i0, i1, b':', s0, s1] =
        *<&[u8; 19]>::try_from(date_and_time).ok()?
    else {
        return None;
    };
    if !matches!(t, b'T' | b't' | b' ') {
        return None;
    }
    let year = number(&[y0, y1, y2, y3])?;
    let (month, day) = (number(&[m0, m1])?, number(&[d0, d1])?);
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[i0, i1])?, number(&[s0, s1])?);
    // A leap second, 60, is legal and reads as the second after it.
    let is_fit = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_fit {
        return None;
    }
    let (ticks, zone) = fraction(rest)?;
    let offset_seconds = offset(zone)?;
    let days = days_from_civil(year, month, day);
    let seconds = days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second - offset_seconds;
    let ticks = seconds * TICKS_PER_SECOND + ticks;
    (FIRST_TICK..=LAST_TICK).contains(&ticks).then_some(Timestamp { ticks })
}

fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits_and_zone) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = digits_and_zone.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let (digits, zone) = digits_and_zone.split_at(length);
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(7);
    let ticks = padded.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((ticks, zone))
}

fn offset(zone: &[u8]) -> Option<i64> {
    match *zone {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (number(&[h0, h1])?, number(&[m0, m1])?);
            let seconds = hours * 3_600 + minutes * 60;
            let is_fit = hours < 24 && minutes < 60;
            is_fit.then_some(if sign == b'+' { seconds } else { -seconds })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar. The year is taken to begin in
/// March, which puts the leap day at its end, within eras of 400 years (146,097 days).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_print_as_rfc_3339_in_utc() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (1_700_000_000_123_000, "2023-11-14T22:13:20.123Z"),
            (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (i64::MAX, "9999-12-31T23:59:59.9999999Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
        ];
        for (micros, text) in cases {
            assert_eq!(Timestamp::from_unix_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn other_legal_spellings_are_read() {
        let cases = [
            ("2026-11-23T18:00:00.0000000+00:00", "2026-11-23T18:00:00Z"),
            ("2026-11-23t18:00:00z", "2026-11-23T18:00:00Z"),
            ("2026-11-23T18:00:00+05:30", "2026-11-23T12:30:00Z"),
            ("2026-11-23T18:00:00.5-01:00", "2026-11-23T19:00:00.500Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2026-11-23T18:00:00.1485453+00:00", "2026-11-23T18:00:00.1485453Z"),
            ("2026-11-23T18:00:00.148545399Z", "2026-11-23T18:00:00.1485453Z"),
            ("9999-12-31T23:59:59.99999999Z", "9999-12-31T23:59:59.9999999Z"),
        ];
        for (text, canonical) in cases {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_time_are_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T18:00:00",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T18:00:00.Z",
            "2026-11-23T18:00:00+0530",
            "+026-11-23T18:00:00Z",
            "2026-11-23T18:00:00Z ",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(ParseTimestampError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn times_round_trip(ticks in FIRST_TICK..=LAST_TICK) {
            let time = Timestamp { ticks };
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
            let json = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), time);
            let micros = Timestamp::from_unix_micros(time.as_unix_micros());
            prop_assert!(micros <= time);
            prop_assert_eq!(micros.as_unix_micros(), time.as_unix_micros());
            let parts = Timestamp::from_unix_parts(time.as_unix_seconds(), time.subsec_nanos());
            prop_assert_eq!(parts, time);
        }

        #[test]
        fn what_lies_between_two_times_leads_from_one_to_the_other(
            one in FIRST_TICK..=LAST_TICK,
            other in FIRST_TICK..=LAST_TICK,
        ) {
            let (one, other) = (Timestamp { ticks: one }, Timestamp { ticks: other });
            let (earlier, later) = (one.min(other), one.max(other));
            prop_assert_eq!(earlier + later.saturating_duration_since(earlier), later);
            prop_assert_eq!(earlier.saturating_duration_since(later), Duration::ZERO);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
