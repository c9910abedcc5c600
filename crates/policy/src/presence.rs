//! Presence: what of all that is known of a user others are shown.
//!
//! What the user prefers wins over what sessions say, and counts only while there is a session; among
//! sessions the least disturbable wins. Without a session a user is offline. As
//! [documented](https://learn.microsoft.com/graph/cloud-communications-manage-presence-state).

use std::time::Duration;

/// Whether somebody can be reached.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
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

/// What somebody does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
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
    /// Speaks in a call.
    InACall,
    /// Speaks in a call of several.
    InAConferenceCall,
    /// Not to be seen.
    OffWork,
    /// Not there.
    Offline,
    /// Shows something to others.
    Presenting,
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
    /// Nobody is there.
    pub const OFFLINE: Self = Self::of(Availability::Offline, Activity::Offline);

    /// In a call.
    pub const IN_A_CALL: Self = Self::of(Availability::Busy, Activity::InACall);

    /// There, and doing nothing in particular.
    pub const AVAILABLE: Self = Self::of(Availability::Available, Activity::Available);

    const fn of(availability: Availability, activity: Activity) -> Self {
        Self { availability, activity }
    }

    /// Returns whether a program may set it for its session.
    pub fn is_of_session(self) -> bool {
        SESSION.contains(&self)
    }

    /// Returns whether a user may prefer it.
    pub fn is_preferable(self) -> bool {
        PREFERRED.contains(&self)
    }

    /// Returns how long it is preferred when no time is named.
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

/// Returns what others are shown. `sessions` are those that have not expired, set and derived; so is
/// `preferred`. Of two that rank alike the earlier is shown.
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

const SESSION: [Presence; 5] = [
    Presence::AVAILABLE,
    Presence::of(Availability::Away, Activity::Away),
    Presence::IN_A_CALL,
    Presence::of(Availability::Busy, Activity::InAConferenceCall),
    Presence::of(Availability::DoNotDisturb, Activity::Presenting),
];

const PREFERRED: [Presence; 6] = [
    Presence::AVAILABLE,
    Presence::of(Availability::Busy, Activity::Busy),
    Presence::of(Availability::DoNotDisturb, Activity::DoNotDisturb),
    Presence::of(Availability::BeRightBack, Activity::BeRightBack),
    Presence::of(Availability::Away, Activity::Away),
    Presence::of(Availability::Offline, Activity::OffWork),
];

#[cfg(test)]
mod tests {
    use super::*;

    const AWAY: Presence = Presence::of(Availability::Away, Activity::Away);
    const PRESENTING: Presence = Presence::of(Availability::DoNotDisturb, Activity::Presenting);
    const HIDDEN: Presence = Presence::of(Availability::Offline, Activity::OffWork);

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
    fn who_may_set_what() {
        assert!(Presence::IN_A_CALL.is_of_session() && !Presence::IN_A_CALL.is_preferable());
        assert!(HIDDEN.is_preferable() && !HIDDEN.is_of_session());
        let odd = Presence::of(Availability::Available, Activity::InACall);
        assert!(!odd.is_of_session() && !odd.is_preferable());
    }

    #[test]
    fn what_disturbs_nobody_is_preferred_for_longer() {
        assert_eq!(PREFERRED[1].preferred_life(), DAY);
        assert_eq!(PREFERRED[2].preferred_life(), DAY);
        assert_eq!(HIDDEN.preferred_life(), 7 * DAY);
    }
}
