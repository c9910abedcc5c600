//! Presence: what of all that is known of a user others are shown.
//!
//! What the user prefers wins over what sessions and calls say, and counts only while there is one of
//! them; among these the least disturbable wins. Without any a user is offline. As
//! [documented](https://learn.microsoft.com/graph/cloud-communications-manage-presence-state).

use std::time::Duration;

/// Whether somebody can be reached.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Availability {
    /// Can be reached.
    Available,
    /// Not at the moment.
    Away,
    /// Back soon.
    BeRightBack,
    /// Occupied.
    Busy,
    /// Not to be disturbed.
    DoNotDisturb,
    /// Not there, or not to be seen.
    Offline,
}

impl Availability {
    /// Returns the name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Away => "Away",
            Self::BeRightBack => "BeRightBack",
            Self::Busy => "Busy",
            Self::DoNotDisturb => "DoNotDisturb",
            Self::Offline => "Offline",
        }
    }
}

/// What somebody does.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Activity {
    /// Nothing in particular.
    Available,
    /// Not there.
    Away,
    /// Back soon.
    BeRightBack,
    /// Something.
    Busy,
    /// Something that is not to be disturbed.
    DoNotDisturb,
    /// In a call of two.
    InACall,
    /// In a group call or a meeting.
    InAConferenceCall,
    /// Not to be seen.
    OffWork,
    /// Not there.
    Offline,
    /// Shares the screen with others.
    Presenting,
}

impl Activity {
    /// Returns the name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Away => "Away",
            Self::BeRightBack => "BeRightBack",
            Self::Busy => "Busy",
            Self::DoNotDisturb => "DoNotDisturb",
            Self::InACall => "InACall",
            Self::InAConferenceCall => "InAConferenceCall",
            Self::OffWork => "OffWork",
            Self::Offline => "Offline",
            Self::Presenting => "Presenting",
        }
    }
}

/// A presence.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Presence {
    /// Whether the user can be reached.
    pub availability: Availability,
    /// What the user does.
    pub activity: Activity,
}

impl Presence {
    /// There, and doing nothing in particular.
    pub const AVAILABLE: Self = Self::of(Availability::Available, Activity::Available);

    /// In a call of two.
    pub const IN_A_CALL: Self = Self::of(Availability::Busy, Activity::InACall);

    /// In a group call or a meeting.
    pub const IN_A_CONFERENCE_CALL: Self =
        Self::of(Availability::Busy, Activity::InAConferenceCall);

    /// Nobody is there.
    pub const OFFLINE: Self = Self::of(Availability::Offline, Activity::Offline);

    /// Shares the screen in a call.
    pub const PRESENTING: Self = Self::of(Availability::DoNotDisturb, Activity::Presenting);

    const fn of(availability: Availability, activity: Activity) -> Self {
        Self { availability, activity }
    }

    /// Returns what a user shows who prefers to show an availability.
    pub const fn preferred(availability: Availability) -> Self {
        let activity = match availability {
            Availability::Available => Activity::Available,
            Availability::Away => Activity::Away,
            Availability::BeRightBack => Activity::BeRightBack,
            Availability::Busy => Activity::Busy,
            Availability::DoNotDisturb => Activity::DoNotDisturb,
            Availability::Offline => Activity::OffWork,
        };
        Self::of(availability, activity)
    }

    /// Returns what a user prefers who names both parts; `None` where they do not go together.
    pub fn preferred_by_name(availability: &str, activity: &str) -> Option<Self> {
        let named = PREFERABLE.iter().find(|known| known.as_str() == availability)?;
        let presence = Self::preferred(*named);
        (presence.activity.as_str() == activity).then_some(presence)
    }

    /// Returns for how long it is preferred when no time is named.
    pub fn preferred_life(self) -> Duration {
        match self.availability {
            Availability::Busy | Availability::DoNotDisturb => DAY,
            Availability::Available
            | Availability::Away
            | Availability::BeRightBack
            | Availability::Offline => 7 * DAY,
        }
    }

    /// Returns how a session's presence ranks: the higher one is shown.
    fn rank(self) -> u8 {
        match self.availability {
            Availability::DoNotDisturb => 5,
            Availability::Busy => 4,
            Availability::Available => 3,
            Availability::BeRightBack => 2,
            Availability::Away => 1,
            Availability::Offline => 0,
        }
    }
}

/// Returns what others are shown. `sessions` is what sessions and calls say; `preferred` has not expired.
/// Of two that rank alike the earlier is shown.
pub fn shown(
    preferred: Option<Presence>,
    sessions: impl IntoIterator<Item = Presence>,
) -> Presence {
    let mut best: Option<Presence> = None;
    for session in sessions {
        if best.is_none_or(|best| session.rank() > best.rank()) {
            best = Some(session);
        }
    }
    match best {
        None => Presence::OFFLINE,
        Some(best) => preferred.unwrap_or(best),
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const PREFERABLE: [Availability; 6] = [
    Availability::Available,
    Availability::Away,
    Availability::BeRightBack,
    Availability::Busy,
    Availability::DoNotDisturb,
    Availability::Offline,
];

#[cfg(test)]
mod tests {
    use super::*;

    const AWAY: Presence = Presence::preferred(Availability::Away);
    const PRESENTING: Presence = Presence::PRESENTING;
    const HIDDEN: Presence = Presence::preferred(Availability::Offline);

    #[test]
    fn the_table() {
        let rows: &[(Option<Presence>, &[Presence], Presence)] = &[
            (None, &[], Presence::OFFLINE),
            (Some(AWAY), &[], Presence::OFFLINE),
            (None, &[Presence::AVAILABLE], Presence::AVAILABLE),
            (None, &[AWAY, Presence::AVAILABLE], Presence::AVAILABLE),
            (None, &[Presence::AVAILABLE, Presence::IN_A_CALL], Presence::IN_A_CALL),
            (None, &[PRESENTING, Presence::IN_A_CALL, AWAY], PRESENTING),
            (None, &[Presence::OFFLINE, AWAY], AWAY),
            (Some(AWAY), &[Presence::IN_A_CALL], AWAY),
            (Some(HIDDEN), &[Presence::AVAILABLE], HIDDEN),
            (Some(Presence::AVAILABLE), &[PRESENTING], Presence::AVAILABLE),
        ];
        for (preferred, sessions, expected) in rows {
            let found = shown(*preferred, sessions.iter().copied());
            assert_eq!(found, *expected, "{preferred:?} {sessions:?}");
        }
    }

    #[test]
    fn what_is_preferred_is_named_as_documented() {
        for (availability, activity, expected) in [
            ("Available", "Available", Some(Presence::AVAILABLE)),
            ("Busy", "Busy", Some(Presence::preferred(Availability::Busy))),
            ("DoNotDisturb", "DoNotDisturb", Some(Presence::preferred(Availability::DoNotDisturb))),
            ("BeRightBack", "BeRightBack", Some(Presence::preferred(Availability::BeRightBack))),
            ("Away", "Away", Some(AWAY)),
            ("Offline", "OffWork", Some(HIDDEN)),
            ("Offline", "Offline", None),
            ("Busy", "InACall", None),
            ("DoNotDisturb", "Presenting", None),
            ("available", "available", None),
            ("", "", None),
        ] {
            let found = Presence::preferred_by_name(availability, activity);
            assert_eq!(found, expected, "{availability} {activity}");
        }
    }

    #[test]
    fn what_disturbs_nobody_is_preferred_for_longer() {
        assert_eq!(Presence::preferred(Availability::Busy).preferred_life(), DAY);
        assert_eq!(Presence::preferred(Availability::DoNotDisturb).preferred_life(), DAY);
        assert_eq!(HIDDEN.preferred_life(), 7 * DAY);
    }
}
