//! What an operator may set about calls, with the documented values as defaults.

use std::time::Duration;

use crate::transition::Profile;

/// The configuration of a call.
#[derive(Clone, Debug, Default)]
pub struct CallConfig {
    /// Which edges of the state machine are allowed.
    pub profile: Profile,
    /// How much of everything there may be.
    pub limits: Limits,
    /// How long everything may take.
    pub timeouts: Timeouts,
}

/// How much of everything a call may hold; each limit has a typed error or a stated loss.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Participants at once, invited ones included. Documented: 350 per call.
    pub participants: usize,
    /// Endpoints of one target that ring at once. More helps users with many devices; each costs a
    /// message to and fro. Further endpoints do not ring.
    pub endpoints_per_target: usize,
    /// Events kept for subscribers that resume. Larger lets a client stay away longer before it
    /// needs a snapshot, at about 200 bytes each.
    pub feed_events: usize,
    /// Finished operations remembered, so that a repeated command gets the same answer. Smaller
    /// forgets sooner: a very late repetition then runs again.
    pub remembered_operations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            participants: 350,
            endpoints_per_target: 32,
            feed_events: 4_096,
            remembered_operations: 1_024,
        }
    }
}

/// How long everything may take.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// From the invitation to the acceptance, in one-to-one and group calls; for those who join,
    /// from the join to the first media. Documented: 85 s.
    pub set_up: Duration,
    /// The same for phones. Documented: 115 s.
    pub phone_set_up: Duration,
    /// The same for the third participant, who makes a one-to-one call a group. Documented: 115 s.
    pub promotion: Duration,
    /// From the beginning of a transfer to the acceptance by its target, phones included: no command
    /// may ask for more. Documented: 60 s.
    pub transfer: Duration,
    /// From the acceptance to the media: the documented time of a modality change, 40 s.
    pub modality: Duration,
    /// How long a lost network may stay lost. Documented: two minutes.
    pub network_loss: Duration,
    /// How long speaking flags are collected before one event tells them. Larger saves events in
    /// large calls; smaller lights the speaker up sooner. 200 ms is at the edge of what is noticed.
    pub speaking_interval: Duration,
    /// The longest ringing that a command may ask for. Documented: 180 s.
    pub longest_ringing: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            set_up: Duration::from_secs(85),
            phone_set_up: Duration::from_secs(115),
            promotion: Duration::from_secs(115),
            transfer: Duration::from_secs(60),
            modality: Duration::from_secs(40),
            network_loss: Duration::from_secs(120),
            speaking_interval: Duration::from_millis(200),
            longest_ringing: Duration::from_secs(180),
        }
    }
}
