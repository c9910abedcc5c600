//! Information barriers: which segments of a directory may communicate.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::names::SegmentId;

/// A segment of a directory with its barrier policy.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Segment {
    /// Its name.
    pub id: SegmentId,
    /// With whom its people may communicate.
    #[serde(default)]
    pub rule: BarrierRule,
}

/// With whom the people of a segment may communicate: `SegmentsAllowed` or `SegmentsBlocked` of an
/// information barrier policy. The lists are taken at their word: a segment whose own name is not
/// among the allowed ones keeps its own people apart.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BarrierRule {
    /// With the people of these segments, and with nobody else.
    Allow(BTreeSet<SegmentId>),
    /// With everybody but the people of these segments.
    Block(BTreeSet<SegmentId>),
}

impl Default for BarrierRule {
    /// Nobody is blocked.
    fn default() -> Self {
        Self::Block(BTreeSet::new())
    }
}

/// The segments of a tenant.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Barriers {
    segments: BTreeMap<SegmentId, Segment>,
}

impl Barriers {
    /// Adds a segment, or replaces the one of that name.
    pub fn set_segment(&mut self, segment: Segment) {
        self.segments.insert(segment.id.clone(), segment);
    }

    /// Removes a segment; returns whether there was one.
    pub fn remove_segment(&mut self, id: &SegmentId) -> bool {
        self.segments.remove(id).is_some()
    }

    /// Returns whether the people of two segments may communicate: neither segment's rule may
    /// keep them apart. Somebody without a segment, or in one that is not set up here, has no rule
    /// of their own, but is not on anybody's list of allowed ones.
    pub fn admits(&self, one: Option<&SegmentId>, other: Option<&SegmentId>) -> bool {
        self.lets(one, other) && self.lets(other, one)
    }

    /// Returns whether the rule of the first segment lets its people communicate with the second.
    pub(crate) fn lets(&self, from: Option<&SegmentId>, to: Option<&SegmentId>) -> bool {
        let Some(segment) = from.and_then(|id| self.segments.get(id)) else {
            return true;
        };
        match &segment.rule {
            BarrierRule::Allow(list) => to.is_some_and(|id| list.contains(id)),
            BarrierRule::Block(list) => !to.is_some_and(|id| list.contains(id)),
        }
    }

    /// Returns the segments, by name.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn barriers() -> Barriers {
        let list = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
        let mut barriers = Barriers::default();
        for (id, rule) in [
            ("research", BarrierRule::Block(list(&["trading"]))),
            ("trading", BarrierRule::default()),
            ("audit", BarrierRule::Allow(list(&["audit", "legal"]))),
            ("legal", BarrierRule::default()),
            ("vault", BarrierRule::Allow(list(&["legal"]))),
        ] {
            barriers.set_segment(Segment { id: id.parse().unwrap(), rule });
        }
        barriers
    }

    #[test]
    fn a_rule_of_either_side_keeps_them_apart() {
        for (one, other, expected) in [
            ("research", "trading", false),
            ("research", "research", true),
            ("research", "legal", true),
            ("research", "", true),
            ("trading", "trading", true),
            ("audit", "audit", true),
            ("audit", "legal", true),
            ("audit", "research", false),
            ("audit", "", false),
            ("vault", "legal", true),
            ("vault", "vault", false),
            ("unheard-of", "", true),
            ("unheard-of", "research", true),
            ("unheard-of", "audit", false),
            ("", "", true),
        ] {
            let segment = |id: &str| (!id.is_empty()).then(|| id.parse().unwrap());
            let (a, b): (Option<SegmentId>, Option<SegmentId>) = (segment(one), segment(other));
            let barriers = barriers();
            assert_eq!(barriers.admits(a.as_ref(), b.as_ref()), expected, "{one:?} – {other:?}");
            assert_eq!(barriers.admits(b.as_ref(), a.as_ref()), expected, "{other:?} – {one:?}");
        }
    }

    #[test]
    fn a_removed_segment_bars_nobody() {
        let mut barriers = barriers();
        let (research, trading) = ("research".parse().unwrap(), "trading".parse().unwrap());
        assert!(barriers.remove_segment(&research));
        assert!(!barriers.remove_segment(&research));
        assert!(barriers.admits(Some(&research), Some(&trading)));
    }

    #[test]
    fn barriers_round_trip() {
        let barriers = barriers();
        let json = serde_json::to_string(&barriers).unwrap();
        assert_eq!(serde_json::from_str::<Barriers>(&json).unwrap(), barriers);
    }
}
