//! Dates of HTTP headers: `Sun, 22 Nov 2026 18:34:09 GMT`.

use trunkline_clock::Timestamp;

/// Reads an [IMF-fixdate](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7). The name of the day
/// is not held against the date: clients in other languages get it wrong, and nothing hangs on it.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (_, date) = text.trim().split_once(", ")?;
    let mut words = date.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let (time, zone) = (words.next()?, words.next()?);
    if words.next().is_some() || zone != "GMT" || day.len() != 2 {
        return None;
    }
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixdate_is_read_to_the_second() {
        let time = parse("Sun, 22 Nov 2026 18:34:09 GMT").unwrap();
        assert_eq!(time.to_string(), "2026-11-22T18:34:09Z");
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "22 Nov 2026 18:34:09 GMT",
            "Sun, 22 Nov 2026 18:34:09",
            "Sun, 22 Nov 2026 18:34:09 CET",
            "Sun, 22 Nov 2026 18:34:09 GMT GMT",
            "Sun, 31 Feb 2026 18:34:09 GMT",
            "Sun, 2 Nov 2026 18:34:09 GMT",
            "Sun, 22 Foo 2026 18:34:09 GMT",
            "2026-11-22T18:34:09Z",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
