//! Meetings between wire and domain.

use std::collections::BTreeSet;

use trunkline_ids::{
    CommunicationIdentifier, JoinCode, JoinLink, MeetingCoordinates, MeetingLocator,
    MeetingMessageId, ParticipantId,
};
use trunkline_interop::{
    AllowedPresenters, AttendeeView, LobbyBypassScope, LobbyDecision, Meeting, MeetingRole,
    MeetingSettings, Permission, Reaction, Schedule, SyncMode,
};
use trunkline_proto::meetings::v1 as wire;

use crate::convert;

/// Says which field of a request is malformed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0} is malformed")]
pub struct Malformed(pub &'static str);

/// Reads whatever names a meeting for who wants to join it.
pub fn parse_locator(locator: &wire::MeetingLocator) -> Result<MeetingLocator, Malformed> {
    use wire::meeting_locator::Kind;

    match locator.kind.as_ref().ok_or(Malformed("meeting"))? {
        Kind::Link(link) => {
            let link: JoinLink = link.join_link.parse().map_err(|_| Malformed("meeting.link"))?;
            Ok(MeetingLocator::Link(link))
        }
        Kind::Coordinates(given) => parse_coordinates(given).map(MeetingLocator::Coordinates),
        Kind::Code(code) => {
            let malformed = Malformed("meeting.code");
            let id = code.meeting_id.parse().map_err(|_| malformed)?;
            let passcode = code.passcode.parse().map_err(|_| malformed)?;
            Ok(MeetingLocator::Code(JoinCode { id, passcode }))
        }
    }
}

fn parse_coordinates(given: &wire::MeetingCoordinates) -> Result<MeetingCoordinates, Malformed> {
    let malformed = Malformed("meeting.coordinates");
    let message_id = match given.message_id.as_str() {
        "" => MeetingMessageId::none(),
        text => text.parse().map_err(|_| malformed)?,
    };
    Ok(MeetingCoordinates {
        thread_id: given.thread_id.parse().map_err(|_| malformed)?,
        organizer_id: given.organizer_id.parse().map_err(|_| malformed)?,
        tenant_id: given.tenant_id.parse().map_err(|_| malformed)?,
        message_id,
    })
}

/// Converts coordinates.
pub fn coordinates(coordinates: &MeetingCoordinates) -> wire::MeetingCoordinates {
    wire::MeetingCoordinates {
        thread_id: coordinates.thread_id.to_string(),
        organizer_id: coordinates.organizer_id.to_string(),
        tenant_id: coordinates.tenant_id.to_string(),
        message_id: coordinates.message_id.to_string(),
    }
}

/// Converts the code by which a meeting is joined.
pub fn code(code: &JoinCode) -> wire::JoinCode {
    wire::JoinCode {
        meeting_id: code.id.reveal().to_owned(),
        passcode: code.passcode.reveal().to_owned(),
    }
}

/// Converts a meeting, without its code, its attendees and its call.
pub fn meeting(meeting: &Meeting, join_link: String) -> wire::Meeting {
    let (starts_at, ends_at) = match meeting.schedule() {
        Schedule::MeetNow => (None, None),
        Schedule::Scheduled { starts_at, ends_at } => (Some(starts_at), Some(ends_at)),
    };
    wire::Meeting {
        meeting_id: meeting.id().to_string(),
        organizer: Some(convert::identifier(meeting.organizer())),
        subject: meeting.subject().unwrap_or_default().to_owned(),
        coordinates: Some(coordinates(meeting.coordinates())),
        join_link,
        code: None,
        starts_at: starts_at.map(convert::timestamp),
        ends_at: ends_at.map(convert::timestamp),
        created_at: Some(convert::timestamp(meeting.created_at())),
        is_locked: meeting.is_locked(),
        settings: Some(settings(meeting.settings())),
        attendees: Vec::new(),
        call_id: String::new(),
        end_reason: meeting.end_reason().map(convert::end_reason),
        seq: 0,
    }
}

/// Converts somebody in a meeting or its lobby.
pub fn attendee(view: &AttendeeView, participant_id: Option<ParticipantId>) -> wire::Attendee {
    wire::Attendee {
        participant_id: participant_id.map(|id| id.to_string()).unwrap_or_default(),
        identifier: Some(convert::identifier(&view.identifier)),
        display_name: view.display_name.to_string(),
        role: role(view.role).into(),
        is_guest: view.is_guest,
        is_waiting: view.is_waiting,
        has_raised_hand: view.has_raised_hand,
    }
}

/// Converts a role.
pub fn role(role: MeetingRole) -> wire::MeetingRole {
    match role {
        MeetingRole::Attendee => wire::MeetingRole::Attendee,
        MeetingRole::CoOrganizer => wire::MeetingRole::CoOrganizer,
        MeetingRole::Consumer => wire::MeetingRole::Consumer,
        MeetingRole::Organizer => wire::MeetingRole::Organizer,
        MeetingRole::Presenter => wire::MeetingRole::Presenter,
    }
}

/// Reads a role that is given to somebody.
pub fn parse_role(role: i32) -> Result<MeetingRole, Malformed> {
    match wire::MeetingRole::try_from(role) {
        Ok(wire::MeetingRole::Attendee) => Ok(MeetingRole::Attendee),
        Ok(wire::MeetingRole::CoOrganizer) => Ok(MeetingRole::CoOrganizer),
        Ok(wire::MeetingRole::Consumer) => Ok(MeetingRole::Consumer),
        Ok(wire::MeetingRole::Organizer) => Ok(MeetingRole::Organizer),
        Ok(wire::MeetingRole::Presenter) => Ok(MeetingRole::Presenter),
        Ok(wire::MeetingRole::Unspecified) | Err(_) => Err(Malformed("role")),
    }
}

/// Converts a reaction.
pub fn reaction(reaction: Reaction) -> wire::ReactionKind {
    match reaction {
        Reaction::Applause => wire::ReactionKind::Applause,
        Reaction::Heart => wire::ReactionKind::Heart,
        Reaction::Laugh => wire::ReactionKind::Laugh,
        Reaction::Like => wire::ReactionKind::Like,
        Reaction::Surprised => wire::ReactionKind::Surprised,
    }
}

/// Reads a reaction.
pub fn parse_reaction(reaction: i32) -> Result<Reaction, Malformed> {
    match wire::ReactionKind::try_from(reaction) {
        Ok(wire::ReactionKind::Applause) => Ok(Reaction::Applause),
        Ok(wire::ReactionKind::Heart) => Ok(Reaction::Heart),
        Ok(wire::ReactionKind::Laugh) => Ok(Reaction::Laugh),
        Ok(wire::ReactionKind::Like) => Ok(Reaction::Like),
        Ok(wire::ReactionKind::Surprised) => Ok(Reaction::Surprised),
        Ok(wire::ReactionKind::Unspecified) | Err(_) => Err(Malformed("reaction")),
    }
}

/// Converts the settings.
pub fn settings(settings: &MeetingSettings) -> wire::MeetingSettings {
    let lobby_bypass = match settings.lobby_bypass {
        LobbyBypassScope::Everyone => wire::LobbyBypass::Everyone,
        LobbyBypassScope::Invited => wire::LobbyBypass::Invited,
        LobbyBypassScope::Organization => wire::LobbyBypass::Organization,
        LobbyBypassScope::OrganizationAndFederated => wire::LobbyBypass::OrganizationAndFederated,
        LobbyBypassScope::Organizer => wire::LobbyBypass::Organizer,
    };
    let allowed_presenters = match settings.allowed_presenters {
        AllowedPresenters::Everyone => wire::AllowedPresenters::Everyone,
        AllowedPresenters::Organization => wire::AllowedPresenters::Organization,
        AllowedPresenters::Organizer => wire::AllowedPresenters::Organizer,
        AllowedPresenters::RoleIsPresenter => wire::AllowedPresenters::RoleIsPresenter,
    };
    wire::MeetingSettings {
        lobby_bypass: lobby_bypass.into(),
        phones_bypass: settings.phones_bypass,
        bots: settings.bots.iter().map(ToString::to_string).collect(),
        outsiders_may_start: settings.outsiders_may_start,
        allowed_presenters: allowed_presenters.into(),
        unmuting: permission(settings.unmuting).into(),
        video: permission(settings.video).into(),
        sharing: permission(settings.sharing).into(),
        reactions: permission(settings.reactions).into(),
        manual_chat_roster: settings.sync_roster == SyncMode::Manual,
    }
}

/// Reads the settings; what is unspecified has its default.
pub fn parse_settings(given: &wire::MeetingSettings) -> Result<MeetingSettings, Malformed> {
    let default = MeetingSettings::default();
    let lobby_bypass = match wire::LobbyBypass::try_from(given.lobby_bypass) {
        Ok(wire::LobbyBypass::Unspecified) => default.lobby_bypass,
        Ok(wire::LobbyBypass::Organizer) => LobbyBypassScope::Organizer,
        Ok(wire::LobbyBypass::Invited) => LobbyBypassScope::Invited,
        Ok(wire::LobbyBypass::Organization) => LobbyBypassScope::Organization,
        Ok(wire::LobbyBypass::OrganizationAndFederated) => {
            LobbyBypassScope::OrganizationAndFederated
        }
        Ok(wire::LobbyBypass::Everyone) => LobbyBypassScope::Everyone,
        Err(_) => return Err(Malformed("settings.lobby_bypass")),
    };
    let allowed_presenters = match wire::AllowedPresenters::try_from(given.allowed_presenters) {
        Ok(wire::AllowedPresenters::Unspecified) => default.allowed_presenters,
        Ok(wire::AllowedPresenters::Everyone) => AllowedPresenters::Everyone,
        Ok(wire::AllowedPresenters::Organization) => AllowedPresenters::Organization,
        Ok(wire::AllowedPresenters::Organizer) => AllowedPresenters::Organizer,
        Ok(wire::AllowedPresenters::RoleIsPresenter) => AllowedPresenters::RoleIsPresenter,
        Err(_) => return Err(Malformed("settings.allowed_presenters")),
    };
    let bots = given
        .bots
        .iter()
        .map(|bot| bot.parse::<CommunicationIdentifier>())
        .collect::<Result<BTreeSet<_>, _>>()
        .map_err(|_| Malformed("settings.bots"))?;
    Ok(MeetingSettings {
        lobby_bypass,
        phones_bypass: given.phones_bypass,
        bots,
        outsiders_may_start: given.outsiders_may_start,
        allowed_presenters,
        unmuting: parse_permission(given.unmuting, default.unmuting, "settings.unmuting")?,
        video: parse_permission(given.video, default.video, "settings.video")?,
        sharing: parse_permission(given.sharing, default.sharing, "settings.sharing")?,
        reactions: parse_permission(given.reactions, default.reactions, "settings.reactions")?,
        sync_roster: match given.manual_chat_roster {
            true => SyncMode::Manual,
            false => SyncMode::Automatic,
        },
    })
}

/// Converts a decision of the lobby.
pub fn decision(decision: &LobbyDecision) -> wire::ExplainEntryResponse {
    use trunkline_interop::Admission;

    let (admission, reason) = match decision.admission {
        Admission::Enter => ("enter", None),
        Admission::Refuse(reason) => ("refuse", Some(convert::end_reason(reason))),
        Admission::Wait => ("wait", None),
    };
    let trace = decision
        .trace
        .iter()
        .map(|step| wire::EntryStep { question: step.question.to_string(), answer: step.answer });
    wire::ExplainEntryResponse {
        admission: admission.to_owned(),
        rule: decision.rule.to_owned(),
        fix: decision.fix.unwrap_or_default().to_owned(),
        trace: trace.collect(),
        reason,
    }
}

fn permission(permission: Permission) -> wire::MeetingPermission {
    match permission {
        Permission::Everyone => wire::MeetingPermission::Everyone,
        Permission::Hosts => wire::MeetingPermission::Hosts,
        Permission::Presenters => wire::MeetingPermission::Presenters,
    }
}

fn parse_permission(
    given: i32,
    default: Permission,
    field: &'static str,
) -> Result<Permission, Malformed> {
    match wire::MeetingPermission::try_from(given) {
        Ok(wire::MeetingPermission::Unspecified) => Ok(default),
        Ok(wire::MeetingPermission::Everyone) => Ok(Permission::Everyone),
        Ok(wire::MeetingPermission::Presenters) => Ok(Permission::Presenters),
        Ok(wire::MeetingPermission::Hosts) => Ok(Permission::Hosts),
        Err(_) => Err(Malformed(field)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_went() {
        let mut one = MeetingSettings::default();
        assert_eq!(parse_settings(&settings(&one)), Ok(one.clone()));
        one.lobby_bypass = LobbyBypassScope::Invited;
        one.sharing = Permission::Hosts;
        one.sync_roster = SyncMode::Manual;
        one.bots.insert("28:bot".parse().unwrap());
        assert_eq!(parse_settings(&settings(&one)), Ok(one));
        assert_eq!(
            parse_settings(&wire::MeetingSettings::default()),
            Ok(MeetingSettings::default())
        );
        let odd = wire::MeetingSettings { video: 99, ..Default::default() };
        assert_eq!(parse_settings(&odd), Err(Malformed("settings.video")));
    }

    #[test]
    fn a_locator_without_anything_and_a_bad_code_name_their_field() {
        use wire::meeting_locator::Kind;

        let nothing = wire::MeetingLocator { kind: None };
        assert_eq!(parse_locator(&nothing), Err(Malformed("meeting")));
        let code = wire::JoinCode { meeting_id: "12".into(), passcode: "x".into() };
        let bad = wire::MeetingLocator { kind: Some(Kind::Code(code)) };
        assert_eq!(parse_locator(&bad), Err(Malformed("meeting.code")));
    }
}
