//! Merge patches: a member that is absent, one that is null, and one with a value are three things.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use trunkline_chat::{Metadata, MetadataPatch};

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
}

impl From<MapPatch> for MetadataPatch {
    fn from(patch: MapPatch) -> Self {
        match patch {
            Patch::Absent => Self::Keep,
            Patch::Null => Self::Replace(Metadata::new()),
            Patch::Value(pairs) => Self::Merge(pairs),
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
    fn pairs_are_set_and_null_removes() {
        let patch = |body: &str| MetadataPatch::from(read(body).metadata);
        assert_eq!(patch("{}"), MetadataPatch::Keep);
        let none = MetadataPatch::Replace(Metadata::new());
        assert_eq!(patch(r#"{"metadata":null}"#), none);
        let merge = [("a", None), ("b", Some("")), ("c", Some("3"))];
        let merge = merge.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        let read = patch(r#"{"metadata":{"a":null,"b":"","c":"3"}}"#);
        assert_eq!(read, MetadataPatch::Merge(merge.into()));
    }

    #[test]
    fn an_empty_value_is_null_where_that_is_asked_for() {
        let patch = |body: &str| read(body).metadata.empty_as_null();
        let removed = Patch::Value([("a".to_owned(), None), ("b".to_owned(), None)].into());
        assert_eq!(patch(r#"{"metadata":{"a":"","b":null}}"#), removed);
        let set = Patch::Value([("a".to_owned(), Some(" ".to_owned()))].into());
        assert_eq!(patch(r#"{"metadata":{"a":" "}}"#), set);
        assert_eq!(patch("{}"), Patch::Absent);
        assert_eq!(patch(r#"{"metadata":null}"#), Patch::Null);
    }
}
