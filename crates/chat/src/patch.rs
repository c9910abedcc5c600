//! Changes to what an app attaches, which are applied where nobody else writes.

use std::{collections::BTreeMap, fmt};

use crate::message::Metadata;

/// A change to metadata.
///
/// It says what changes, not what comes of it: of two changes to different pairs, at the same time,
/// neither undoes the other.
#[derive(Clone, Default, Eq, PartialEq)]
pub enum MetadataPatch {
    /// Nothing changes.
    #[default]
    Keep,
    /// The pairs with a value are set, those without are removed, and others stay.
    Merge(BTreeMap<String, Option<String>>),
    /// These are the pairs from here on, and no others.
    Replace(Metadata),
}

impl MetadataPatch {
    /// Returns the metadata after the change, or `None` if it is as it was.
    pub(crate) fn applied_to(self, current: &Metadata) -> Option<Metadata> {
        let changed = match self {
            Self::Keep => return None,
            Self::Merge(pairs) => {
                let mut changed = current.clone();
                for (name, value) in pairs {
                    match value {
                        Some(value) => drop(changed.insert(name, value)),
                        None => drop(changed.remove(&name)),
                    }
                }
                changed
            }
            Self::Replace(metadata) => metadata,
        };
        (changed != *current).then_some(changed)
    }
}

/// What is there is the metadata from here on; what is absent changes nothing.
impl From<Option<Metadata>> for MetadataPatch {
    fn from(metadata: Option<Metadata>) -> Self {
        metadata.map_or(Self::Keep, Self::Replace)
    }
}

impl fmt::Debug for MetadataPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("Keep"),
            Self::Merge(pairs) => write!(f, "Merge(<{} pairs>)", pairs.len()),
            Self::Replace(metadata) => write!(f, "Replace(<{} pairs>)", metadata.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> Metadata {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn pairs_are_set_and_removed_and_others_stay() {
        let current = metadata(&[("a", "1"), ("b", "2")]);
        let after = |patch: MetadataPatch| patch.applied_to(&current);
        let merge = |pairs: &[(&str, Option<&str>)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).into(), value.map(Into::into)));
            MetadataPatch::Merge(pairs.collect())
        };
        let patch = merge(&[("a", None), ("b", Some("3")), ("c", Some("4")), ("d", None)]);
        assert_eq!(after(patch), Some(metadata(&[("b", "3"), ("c", "4")])));
        assert_eq!(after(merge(&[("c", Some(""))])).unwrap()["c"], "");
        let other = metadata(&[("c", "3")]);
        assert_eq!(after(Some(other.clone()).into()), Some(other));
        for same in [
            MetadataPatch::Keep,
            None.into(),
            Some(current.clone()).into(),
            merge(&[]),
            merge(&[("a", Some("1")), ("d", None)]),
        ] {
            assert_eq!(after(same.clone()), None, "{same:?}");
        }
    }

    #[test]
    fn what_is_attached_is_not_printed() {
        let patch = MetadataPatch::Replace(metadata(&[("name", "Zoe")]));
        assert_eq!(format!("{patch:?}"), "Replace(<1 pairs>)");
    }
}
