//! Times, in the spelling of each service.

use trunkline_clock::Timestamp;

/// Chat: to the second, in UTC.
pub(crate) fn of_chat(time: Timestamp) -> String {
    Timestamp::from_unix_seconds(time.as_unix_seconds()).to_string()
}

/// Rooms: always six digits of fraction, because clients' formats insist on a fraction.
pub(crate) fn of_rooms(time: Timestamp) -> String {
    format!("{}+00:00", with_micros(time))
}

/// Identity: seven digits of fraction.
pub(crate) fn of_tokens(time: Timestamp) -> String {
    format!("{}0+00:00", with_micros(time))
}

fn with_micros(time: Timestamp) -> String {
    let whole = of_chat(time);
    let micros = time.as_unix_micros().rem_euclid(1_000_000);
    format!("{}.{micros:06}", whole.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_spelling() {
        let time: Timestamp = "2026-11-23T18:00:00.5Z".parse().unwrap();
        assert_eq!(of_chat(time), "2026-11-23T18:00:00Z");
        assert_eq!(of_rooms(time), "2026-11-23T18:00:00.500000+00:00");
        assert_eq!(of_tokens(time), "2026-11-23T18:00:00.5000000+00:00");
        assert_eq!(of_chat(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00Z");
        assert_eq!(of_rooms(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000000+00:00");
    }

    #[test]
    fn what_is_written_reads_back() {
        let time = Timestamp::from_unix_micros(1_700_000_000_123_456);
        assert_eq!(of_rooms(time).parse(), Ok(time));
        assert_eq!(of_tokens(time).parse(), Ok(time));
    }
}
