//! Merge patches: a member that is absent, one that is null, and one with a value are three things.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A member of a [merge patch](https://www.rfc-editor.org/rfc/rfc7386). Needs `#[serde(default)]`
/// where it stands, without which an absent member would be an error.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Patch<T> {
    /// Not there: leave it as it is.
    #[default]
    Absent,
    /// Null: remove it, or leave it as it is, as the operation says.
    Null,
    /// Set it.
    Value(T),
}

impl<T> Patch<T> {
    /// Returns whether nothing is said of the member.
    pub(crate) fn is_absent(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Null | Self::Value(_) => false,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::deserialize(deserializer)? {
            Some(value) => Self::Value(value),
            None => Self::Null,
        })
    }
}

/// A patch of name and value pairs: null for a name removes the pair.
pub(crate) type MapPatch = Patch<BTreeMap<String, Option<String>>>;

impl MapPatch {
    /// Takes an empty value for null: some clients have no other way to remove a pair.
    pub(crate) fn empty_as_null(self) -> Self {
        match self {
            Self::Absent | Self::Null => self,
            Self::Value(pairs) => Self::Value(
                pairs
                    .into_iter()
                    .map(|(name, value)| (name, value.filter(|value| !value.is_empty())))
                    .collect(),
            ),
        }
    }

    /// Returns the pairs after the patch, or `None` when it leaves them as they are.
    pub(crate) fn apply(
        self,
        current: &BTreeMap<String, String>,
    ) -> Option<BTreeMap<String, String>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(BTreeMap::new()),
            Self::Value(pairs) => {
                let mut patched = current.clone();
                for (name, value) in pairs {
                    match value {
                        Some(value) => drop(patched.insert(name, value)),
                        None => drop(patched.remove(&name)),
                    }
                }
                Some(patched)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Body {
        #[serde(default)]
        topic: Patch<String>,
        #[serde(default)]
        metadata: MapPatch,
    }

    fn read(body: &str) -> Body {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn absent_null_and_value_are_told_apart() {
        assert_eq!(read("{}").topic, Patch::Absent);
        assert_eq!(read(r#"{"topic":null}"#).topic, Patch::Null);
        assert_eq!(read(r#"{"topic":"a"}"#).topic, Patch::Value("a".to_owned()));
        assert!(serde_json::from_str::<Body>(r#"{"topic":1}"#).is_err());
    }

    #[test]
    fn pairs_are_merged_and_null_removes() {
        let current = BTreeMap::from([("a", "1"), ("b", "2")].map(|(n, v)| (n.into(), v.into())));
        let patched = |body: &str| {
            read(body).metadata.apply(&current).map(|pairs| {
                let pairs: Vec<String> =
                    pairs.into_iter().map(|(n, v)| format!("{n}{v}")).collect();
                pairs.join(" ")
            })
        };
        assert_eq!(patched("{}"), None);
        assert_eq!(patched(r#"{"metadata":null}"#).as_deref(), Some(""));
        assert_eq!(patched(r#"{"metadata":{}}"#).as_deref(), Some("a1 b2"));
        let merged = patched(r#"{"metadata":{"a":null,"b":"3","c":"4","d":null}}"#);
        assert_eq!(merged.as_deref(), Some("b3 c4"));
    }

    #[test]
    fn an_empty_value_removes_the_pair_where_that_is_asked_for() {
        let current = BTreeMap::from([("a", "1"), ("b", "2")].map(|(n, v)| (n.into(), v.into())));
        let patch = || read(r#"{"metadata":{"a":"","b":"3","c":"","d":null}}"#).metadata;
        let kept: Vec<String> = patch().apply(&current).unwrap().into_keys().collect();
        assert_eq!(kept, ["a", "b", "c"]);
        let kept = patch().empty_as_null().apply(&current).unwrap();
        assert_eq!(kept, BTreeMap::from([("b".to_owned(), "3".to_owned())]));
        assert_eq!(read("{}").metadata.empty_as_null(), Patch::Absent);
        assert_eq!(read(r#"{"metadata":null}"#).metadata.empty_as_null(), Patch::Null);
    }
}
