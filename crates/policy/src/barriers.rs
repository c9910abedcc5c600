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

    /// Returns the segments, by name.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values()
    }
}
