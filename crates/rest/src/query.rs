//! The query of a request.

use std::str::FromStr;

use trunkline_clock::Timestamp;

use crate::error::ApiError;
use crate::percent;

/// The pairs of a query, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        if percent::form_pairs(text).nth(PAIR_LIMIT).is_some() {
            return Err(ApiError::bad_request("The query has too many parameters."));
        }
        let pairs: Option<_> = percent::form_pairs(text).collect();
        pairs.map(Self).ok_or_else(|| ApiError::bad_request("The query is not valid UTF-8."))
    }

    /// Returns the first value of a name, which is compared without regard to case. An empty value
    /// counts as absent: clients write options that were left out so.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Returns a value as a number, a time, or whatever else is read from text.
    pub(crate) fn read<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, ApiError> {
        self.get(name).map(str::parse).transpose().map_err(|_| {
            ApiError::bad_request(format!("The value of `{name}` is not valid.")).with_target(name)
        })
    }

    /// Returns the names, as they are given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns a time.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, ApiError> {
        self.read(name)
    }
}

/// Operations have at most seven parameters.
const PAIR_LIMIT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn names_are_found_in_any_case_and_empty_is_absent() {
        let query = query("API-version=1&skip=&top=7&top=8");
        assert_eq!(query.get("api-version"), Some("1"));
        assert_eq!(query.get("skip"), None);
        assert_eq!(query.read("top").ok(), Some(Some(7_u32)));
        assert_eq!(query.read::<u32>("other").ok(), Some(None));
    }

    #[test]
    fn times_are_read_in_either_spelling() {
        for text in ["t=2026-11-23T18:00:00Z", "t=2026-11-23T18%3A00%3A00.000%2B00:00"] {
            let time = query(text).time("t").unwrap().unwrap();
            assert_eq!(time.to_string(), "2026-11-23T18:00:00Z");
        }
    }

    #[test]
    fn what_cannot_be_read_names_the_parameter() {
        let error = query("skip=-1").read::<u32>("skip").unwrap_err();
        assert_eq!(error.status(), 400);
        assert!(Query::parse("a=%ff").is_err());
        assert!(Query::parse(&"a=1&".repeat(65)).is_err());
    }
}
