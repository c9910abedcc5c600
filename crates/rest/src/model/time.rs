//! Times, in the spelling of each service.

use trunkline_clock::Timestamp;

/// Chat: to the second, in UTC.
pub(crate) fn of_chat(time: Timestamp) -> String {
    Timestamp::from_unix_seconds(time.as_unix_seconds()).to_string()
}

/// Rooms: six digits of fraction, because clients' formats insist on a fraction and on no more than
/// that; a seventh where the client that set the time counts in such steps.
pub(crate) fn of_rooms(time: Timestamp) -> String {
    let text = of_tokens(time);
    match text.strip_suffix("0+00:00") {
        Some(six) => format!("{six}+00:00"),
        None => text,
    }
}

/// Identity: seven digits of fraction.
pub(crate) fn of_tokens(time: Timestamp) -> String {
    let whole = of_chat(time);
    format!("{}.{:07}+00:00", whole.trim_end_matches('Z'), time.subsec_nanos() / 100)
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
        let text = "2025-08-29T00:30:17.1485453+00:00";
        assert_eq!(of_rooms(text.parse().unwrap()), text);
        assert_eq!(of_tokens(text.parse().unwrap()), text);
    }
}
