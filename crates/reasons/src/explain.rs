//! Looks codes up for people: `480/10037`, `10037` or `480`.

use serde::Serialize;
use thiserror::Error;

use crate::catalogue::{self, Entry};

/// What is known about codes that somebody asked about.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Explanation {
    /// The catalogue has the pair.
    Catalogued(&'static Entry),
    /// The pair follows the rule for codes that a phone network's SIP status is carried in.
    PhoneRule {
        /// The code.
        code: u16,
        /// The subcode.
        sub_code: u32,
        /// The SIP status that the far end gave.
        sip_status: u32,
        /// Whether the phone called in or was called.
        direction: PhoneDirection,
    },
    /// Only the subcode has a documented name.
    SubCode {
        /// The subcode.
        sub_code: u32,
        /// Its name.
        name: &'static str,
    },
}

/// The direction of a call with a phone, seen from the service.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum PhoneDirection {
    /// The phone called in: 54xxxx.
    Inbound,
    /// The phone was called: 56xxxx.
    Outbound,
}

/// Why there is nothing to explain.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ExplainError {
    /// The text is not a code.
    #[error("not a code: expected <code>/<subCode>, <subCode> or <code>, such as 480/10037")]
    NotACode,
    /// The catalogue does not have it.
    #[error("the catalogue does not have {0}")]
    Unknown(String),
}

/// Explains `code/subCode`, or everything that a lone code or subcode may stand for.
///
/// # Errors
///
/// Refuses texts that are no code, and codes about which nothing is known.
pub fn explain(text: &str) -> Result<Vec<Explanation>, ExplainError> {
    let text = text.trim();
    let found: Vec<_> = match text.split_once('/') {
        Some((code, sub_code)) => pair(number(code)?, number(sub_code)?).into_iter().collect(),
        None => lone(number(text)?),
    };
    if found.is_empty() { Err(ExplainError::Unknown(text.to_owned())) } else { Ok(found) }
}

fn pair(code: u32, sub_code: u32) -> Option<Explanation> {
    let code = u16::try_from(code).ok()?;
    if let Some(entry) = catalogue::find(code, sub_code) {
        return Some(Explanation::Catalogued(entry));
    }
    phone_rule(code, sub_code)
}

fn lone(number: u32) -> Vec<Explanation> {
    let mut found: Vec<_> = catalogue::entries()
        .filter(|entry| entry.sub_code == number || u32::from(entry.code) == number)
        .map(Explanation::Catalogued)
        .collect();
    if !found.is_empty() {
        return found;
    }
    if let Some(name) = catalogue::sub_code_name(number) {
        found.push(Explanation::SubCode { sub_code: number, name });
    } else if let Ok(sip_status) = u16::try_from(number % 1_000) {
        found.extend(phone_rule(sip_status, number));
    }
    found
}

/// 540xxx comes from calls that phones made, 560xxx from calls to phones; xxx is the SIP status.
fn phone_rule(code: u16, sub_code: u32) -> Option<Explanation> {
    let direction = match sub_code / 1_000 {
        540 => PhoneDirection::Inbound,
        560 => PhoneDirection::Outbound,
        _ => return None,
    };
    let sip_status = sub_code % 1_000;
    let is_final = (300..700).contains(&sip_status) && u32::from(code) == sip_status;
    is_final.then_some(Explanation::PhoneRule { code, sub_code, sip_status, direction })
}

fn number(text: &str) -> Result<u32, ExplainError> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain {
        return Err(ExplainError::NotACode);
    }
    text.parse().map_err(|_| ExplainError::Unknown(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meanings(text: &str) -> Vec<&'static str> {
        explain(text)
            .unwrap()
            .into_iter()
            .filter_map(|explanation| match explanation {
                Explanation::Catalogued(entry) => Some(entry.meaning),
                Explanation::PhoneRule { .. } | Explanation::SubCode { .. } => None,
            })
            .collect()
    }

    #[test]
    fn a_pair_and_its_subcode_alone_explain_the_same() {
        assert_eq!(meanings("480/10037"), ["callee has no registered endpoint"]);
        assert_eq!(meanings(" 10037 "), meanings("480/10037"));
    }

    #[test]
    fn a_lone_code_lists_everything_under_it() {
        let found = meanings("480");
        assert!(found.contains(&"callee has no registered endpoint"));
        assert!(found.contains(&"callee registered but not online"));
    }

    #[test]
    fn a_subcode_without_a_pair_has_its_name() {
        assert!(matches!(
            explain("8539").unwrap()[..],
            [Explanation::SubCode { sub_code: 8539, name: "Callee Busy" }]
        ));
    }

    #[test]
    fn phone_codes_outside_the_table_follow_the_rule() {
        assert!(matches!(
            explain("488/560488").unwrap()[..],
            [Explanation::PhoneRule { sip_status: 488, direction: PhoneDirection::Outbound, .. }]
        ));
        assert!(explain("480/560488").is_err());
    }

    #[test]
    fn other_texts_get_an_error() {
        for text in ["", "/", "480/", "abc", "-1", "480/10037/1", "4 80", "+480"] {
            assert_eq!(explain(text).unwrap_err(), ExplainError::NotACode, "{text:?}");
        }
        for text in ["480/1", "70000/1", "99999999999"] {
            assert_eq!(explain(text).unwrap_err(), ExplainError::Unknown(text.to_owned()));
        }
    }
}
