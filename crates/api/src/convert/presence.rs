//! Presence.

use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::{Activity, Availability, Presence};
use trunkline_proto::presence::v1 as wire;

/// Converts the presence of somebody.
pub fn presence(user: &CommunicationIdentifier, presence: Presence) -> wire::Presence {
    let availability = match presence.availability {
        Availability::Available => wire::Availability::Available,
        Availability::Away => wire::Availability::Away,
        Availability::BeRightBack => wire::Availability::BeRightBack,
        Availability::Busy => wire::Availability::Busy,
        Availability::DoNotDisturb => wire::Availability::DoNotDisturb,
        Availability::Offline => wire::Availability::Offline,
    };
    let activity = match presence.activity {
        Activity::Available => wire::Activity::Available,
        Activity::Away => wire::Activity::Away,
        Activity::BeRightBack => wire::Activity::BeRightBack,
        Activity::Busy => wire::Activity::Busy,
        Activity::DoNotDisturb => wire::Activity::DoNotDisturb,
        Activity::InACall => wire::Activity::InACall,
        Activity::InAConferenceCall => wire::Activity::InAConferenceCall,
        Activity::OffWork => wire::Activity::OffWork,
        Activity::Offline => wire::Activity::Offline,
        Activity::Presenting => wire::Activity::Presenting,
    };
    wire::Presence {
        user: user.to_string(),
        availability: availability.into(),
        activity: activity.into(),
    }
}

/// Reads an availability; `None` is a number that no availability has, or unspecified.
pub fn parse_availability(availability: i32) -> Option<Availability> {
    match wire::Availability::try_from(availability).ok()? {
        wire::Availability::Available => Some(Availability::Available),
        wire::Availability::Away => Some(Availability::Away),
        wire::Availability::BeRightBack => Some(Availability::BeRightBack),
        wire::Availability::Busy => Some(Availability::Busy),
        wire::Availability::DoNotDisturb => Some(Availability::DoNotDisturb),
        wire::Availability::Offline => Some(Availability::Offline),
        wire::Availability::Unspecified => None,
    }
}
