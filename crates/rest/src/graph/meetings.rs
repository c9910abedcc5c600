//! Online meetings: make, find, read, change, end. Passcodes go to hosts alone.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_api::convert;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_interop::{
    AllowedPresenters, ChangeError, LobbyBypassScope, MeetingError, MeetingRole, MeetingSettings,
    MeetingUpdate, Schedule,
};
use trunkline_node::{CreateMeeting, MeetingActor, MeetingFailure, Node};
use trunkline_proto::meetings::v1 as wire;

use crate::error::ApiError;
use crate::graph::options::{self, entity, page};
use crate::graph::people::{self, Caller, forbidden};
use crate::reply::Reply;
use crate::request::Incoming;

/// A meeting to make or to change.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MeetingRequest {
    subject: Option<String>,
    start_date_time: Option<String>,
    end_date_time: Option<String>,
    lobby_bypass_settings: Option<LobbyRequest>,
    allowed_presenters: Option<String>,
    participants: Option<ParticipantsRequest>,
    join_meeting_id_settings: Option<CodeRequest>,
}

#[derive(Deserialize)]
struct ParticipantsRequest {
    #[serde(default)]
    attendees: Vec<AttendeeRequest>,
}

/// Somebody who is invited: by id, or by sign-in name.
#[derive(Deserialize)]
struct AttendeeRequest {
    identity: Option<IdentityRequest>,
    upn: Option<String>,
    role: Option<String>,
}

#[derive(Deserialize)]
struct IdentityRequest {
    user: Option<UserRequest>,
}

#[derive(Deserialize)]
struct UserRequest {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CodeRequest {
    is_passcode_required: Option<bool>,
}

/// Who is invited, and as what.
type Attendees =
    (BTreeSet<CommunicationIdentifier>, BTreeMap<CommunicationIdentifier, MeetingRole>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LobbyRequest {
    scope: Option<String>,
    is_dial_in_bypass_enabled: Option<bool>,
}

impl MeetingRequest {
    fn schedule(&self) -> Result<Schedule, ApiError> {
        match (&self.start_date_time, &self.end_date_time) {
            (None, None) => Ok(Schedule::MeetNow),
            (Some(start), Some(end)) => Ok(Schedule::Scheduled {
                starts_at: instant(start, "startDateTime")?,
                ends_at: instant(end, "endDateTime")?,
            }),
            (Some(_), None) => Err(invalid("endDateTime")),
            (None, Some(_)) => Err(invalid("startDateTime")),
        }
    }

    /// Returns what is said anew; a time that is not named stays.
    fn update(&self, meeting: &wire::Meeting) -> Result<MeetingUpdate, ApiError> {
        let schedule = match (&self.start_date_time, &self.end_date_time) {
            (None, None) => None,
            (start, end) => {
                let time = |given: &Option<String>, kept: Option<&_>, field| match given {
                    Some(text) => instant(text, field),
                    None => kept.and_then(convert::parse_timestamp).ok_or_else(|| invalid(field)),
                };
                Some(Schedule::Scheduled {
                    starts_at: time(start, meeting.starts_at.as_ref(), "startDateTime")?,
                    ends_at: time(end, meeting.ends_at.as_ref(), "endDateTime")?,
                })
            }
        };
        Ok(MeetingUpdate { subject: self.subject.clone(), schedule })
    }

    /// Returns who is invited by name, and as what.
    fn attendees(&self, caller: &Caller<'_>) -> Result<Attendees, ApiError> {
        let (mut invited, mut roles) = Attendees::default();
        let attendees = self.participants.iter().flat_map(|given| &given.attendees);
        for attendee in attendees {
            let user = attendee.identity.as_ref().and_then(|identity| identity.user.as_ref());
            let name = user.map(|user| &user.id).or(attendee.upn.as_ref());
            let who = caller.identifier(name.ok_or_else(|| invalid(ATTENDEES))?)?;
            if let Some(role) = &attendee.role {
                let role = ROLES.iter().find(|(_, name)| name == role);
                roles.insert(who.clone(), role.ok_or_else(|| invalid(ATTENDEES))?.0);
            }
            invited.insert(who);
        }
        Ok((invited, roles))
    }

    /// Fails where a meeting is wanted that its id alone opens.
    fn require_passcode(&self) -> Result<(), ApiError> {
        let code = self.join_meeting_id_settings.as_ref();
        match code.and_then(|code| code.is_passcode_required) {
            Some(false) => {
                let message = "Every meeting has a passcode here.";
                Err(ApiError::bad_request(message).with_target("joinMeetingIdSettings"))
            }
            Some(true) | None => Ok(()),
        }
    }

    /// Changes what is named; the rest stays.
    fn apply(&self, settings: &mut MeetingSettings) -> Result<(), ApiError> {
        if let Some(lobby) = &self.lobby_bypass_settings {
            if let Some(scope) = &lobby.scope {
                settings.lobby_bypass = SCOPES
                    .iter()
                    .find(|(_, name)| name == scope)
                    .map(|(scope, _)| *scope)
                    .ok_or_else(|| invalid("lobbyBypassSettings.scope"))?;
            }
            if let Some(bypass) = lobby.is_dial_in_bypass_enabled {
                settings.phones_bypass = bypass;
            }
        }
        if let Some(given) = &self.allowed_presenters {
            settings.allowed_presenters = PRESENTERS
                .iter()
                .find(|(_, name)| name == given)
                .map(|(presenters, _)| *presenters)
                .ok_or_else(|| invalid("allowedPresenters"))?;
        }
        Ok(())
    }
}

/// Makes a meeting of the caller.
pub(super) async fn create(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let given: MeetingRequest = request.json()?;
    given.require_passcode()?;
    let mut settings = MeetingSettings::default();
    given.apply(&mut settings)?;
    let (invited, roles) = given.attendees(caller)?;
    let wanted = CreateMeeting {
        organizer: caller.claims.identifier.clone(),
        schedule: given.schedule()?,
        subject: given.subject.filter(|subject| !subject.is_empty()),
        settings,
        roles,
        invited,
        is_channel: false,
    };
    // Shown as to the user: a program would see more.
    let (node, actor) = (caller.node, caller.meeting_actor());
    let made = node.meetings().create(&actor, wanted).await.map_err(failed)?;
    let shown = node.meetings().meeting(&actor, &made.meeting_id).await.map_err(failed)?;
    Ok(entity(request, StatusCode::CREATED, model(node, &shown)?))
}

/// Shows a meeting to whoever is in it or hosts it.
pub(super) async fn get(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let (node, actor) = (caller.node, caller.meeting_actor());
    let meeting = node.meetings().meeting(&actor, named(request)?).await.map_err(failed)?;
    Ok(entity(request, StatusCode::OK, model(node, &meeting)?))
}

/// Finds a meeting of the caller by its link or its digits.
pub(super) async fn find(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let (name, value) =
        options::filter(request).split_once(" eq ").ok_or_else(|| invalid("$filter"))?;
    let is_known = ["JoinWebUrl", "joinMeetingIdSettings/joinMeetingId"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name.trim()));
    let value = value.trim().strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    let value = value.filter(|_| is_known).ok_or_else(|| invalid("$filter"))?;
    let (node, actor) = (caller.node, caller.meeting_actor());
    let items = match node.meetings().meeting(&actor, value).await {
        // As documented, the caller finds meetings of its own.
        Ok(meeting) if is_organizer(&meeting, caller) => vec![model(node, &meeting)?],
        Ok(_) | Err(MeetingFailure::NotFound | MeetingFailure::Malformed(_)) => Vec::new(),
        Err(failure) => return Err(failed(failure)),
    };
    Ok(page(request, "users('me')/onlineMeetings", items, None::<(usize, usize)>))
}

/// Changes subject, times and settings of a meeting of the caller.
pub(super) async fn update(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let meeting = own(caller, request).await?;
    let given: MeetingRequest = request.json()?;
    if given.participants.is_some() {
        return Err(ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            "The attendees of a meeting cannot be changed here.",
        ));
    }
    if given.join_meeting_id_settings.is_some() {
        let message = "joinMeetingIdSettings cannot be changed.";
        return Err(ApiError::bad_request(message).with_target("joinMeetingIdSettings"));
    }
    let current = meeting.settings.as_ref().map(convert::meeting::parse_settings);
    let mut settings = current.and_then(Result::ok).ok_or_else(ApiError::internal)?;
    given.apply(&mut settings)?;
    let change = wire::meeting_action::Kind::ChangeSettings(convert::meeting::settings(&settings));
    let update = given.update(&meeting)?;
    let (node, actor) = (caller.node, caller.meeting_actor());
    // Subject and times are checked before anything is changed.
    if update != MeetingUpdate::default() {
        let organizer = &MeetingActor::Application;
        node.meetings().update(organizer, &meeting.meeting_id, "", update).await.map_err(failed)?;
    }
    act(node, &meeting.meeting_id, change).await?;
    let meeting = node.meetings().meeting(&actor, &meeting.meeting_id).await.map_err(failed)?;
    Ok(entity(request, StatusCode::OK, model(node, &meeting)?))
}

/// Ends a meeting of the caller.
pub(super) async fn delete(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let meeting = own(caller, request).await?;
    act(caller.node, &meeting.meeting_id, wire::meeting_action::Kind::End(wire::Nothing {}))
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Acts for the organizer, who need not be in the meeting. Whoever calls has made sure who asks.
async fn act(
    node: &Node,
    meeting_id: &str,
    kind: wire::meeting_action::Kind,
) -> Result<(), ApiError> {
    let action = wire::MeetingAction { kind: Some(kind) };
    let acted = node.meetings().act(&MeetingActor::Application, meeting_id, "", action).await;
    acted.map(drop).map_err(failed)
}

/// Returns the meeting of the path, which must be the caller's.
async fn own(caller: &Caller<'_>, request: &Incoming) -> Result<wire::Meeting, ApiError> {
    let (node, actor) = (caller.node, caller.meeting_actor());
    let meeting = node.meetings().meeting(&actor, named(request)?).await.map_err(failed)?;
    match is_organizer(&meeting, caller) {
        true => Ok(meeting),
        false => Err(forbidden("The organizer alone changes a meeting.")),
    }
}

/// Returns the id of the path. Links and digits lead to a meeting elsewhere, not here.
fn named(request: &Incoming) -> Result<&str, ApiError> {
    let name = request.parameter(0);
    uuid::Uuid::try_parse(name).map(|_| name).map_err(|_| not_found())
}

fn is_organizer(meeting: &wire::Meeting, caller: &Caller<'_>) -> bool {
    let organizer = meeting.organizer.as_ref().map(|organizer| organizer.raw_id.as_str());
    organizer == Some(caller.claims.identifier.to_string().as_str())
}

fn model(node: &Node, meeting: &wire::Meeting) -> Result<Value, ApiError> {
    let organizer: CommunicationIdentifier = meeting
        .organizer
        .as_ref()
        .and_then(|organizer| organizer.raw_id.parse().ok())
        .ok_or_else(ApiError::internal)?;
    let settings = meeting.settings.as_ref().map(convert::meeting::parse_settings);
    let settings = settings.and_then(Result::ok).ok_or_else(ApiError::internal)?;
    let entry = node.identity().directory_entry(&organizer);
    let time = |at: Option<&_>| at.and_then(convert::parse_timestamp).map(|at| at.to_string());
    let coordinates = meeting.coordinates.as_ref();
    let scope = SCOPES.iter().find(|(scope, _)| *scope == settings.lobby_bypass);
    let presenters =
        PRESENTERS.iter().find(|(presenters, _)| *presenters == settings.allowed_presenters);
    Ok(json!({
        "id": meeting.meeting_id,
        "subject": (!meeting.subject.is_empty()).then_some(&meeting.subject),
        "creationDateTime": time(meeting.created_at.as_ref()),
        "startDateTime": time(meeting.starts_at.as_ref().or(meeting.created_at.as_ref())),
        "endDateTime": time(meeting.ends_at.as_ref()),
        "joinWebUrl": meeting.join_link,
        "joinMeetingIdSettings": meeting.code.as_ref().map(|code| json!({
            "joinMeetingId": code.meeting_id,
            "passcode": code.passcode,
            "isPasscodeRequired": true,
        })),
        "chatInfo": {
            "threadId": coordinates.map(|coordinates| &coordinates.thread_id),
            "messageId": coordinates.map(|coordinates| &coordinates.message_id),
            "replyChainMessageId": null,
        },
        "participants": {
            "organizer": {
                "upn": entry.map(|(_, user)| user.alias.to_string()),
                "role": "presenter",
                "identity": {"user": people::identity(node, &organizer)},
            },
            "attendees": [],
        },
        "lobbyBypassSettings": {
            "scope": scope.map(|(_, name)| name),
            "isDialInBypassEnabled": settings.phones_bypass,
        },
        "allowedPresenters": presenters.map(|(_, name)| name),
    }))
}

fn instant(text: &str, field: &'static str) -> Result<Timestamp, ApiError> {
    text.parse().map_err(|_| invalid(field))
}

fn invalid(field: &'static str) -> ApiError {
    ApiError::bad_request(format!("The value of `{field}` is missing or not valid."))
        .with_target(field)
}

fn not_found() -> ApiError {
    ApiError::not_found("There is no such meeting, or not for this caller.")
}

/// Says why the node has not done it.
fn failed(failure: MeetingFailure) -> ApiError {
    let of = |status, code: &'static str, failure: &MeetingFailure| {
        ApiError::new(status, code, failure.to_string())
    };
    match failure {
        MeetingFailure::Chat(failure) => failure.into(),
        MeetingFailure::Store(source) => ApiError::of_store(source.is_transient(), &source),
        MeetingFailure::NotFound => not_found(),
        MeetingFailure::Create(_)
        | MeetingFailure::Malformed(_)
        | MeetingFailure::Refused(MeetingError::Change(ChangeError::Invalid(_))) => {
            of(StatusCode::BAD_REQUEST, "BadRequest", &failure)
        }
        MeetingFailure::Code(_) | MeetingFailure::Denied(_) | MeetingFailure::NotOwn => {
            of(StatusCode::FORBIDDEN, "Forbidden", &failure)
        }
        MeetingFailure::Failed(_) | MeetingFailure::Refused(_) => {
            of(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", &failure)
        }
        MeetingFailure::ShuttingDown => ApiError::unavailable("The exchange is shutting down."),
        MeetingFailure::TooManyReaders { .. } => {
            ApiError::too_many_requests(std::time::Duration::from_secs(1))
        }
    }
}

const ATTENDEES: &str = "participants.attendees";

const ROLES: [(MeetingRole, &str); 3] = [
    (MeetingRole::Attendee, "attendee"),
    (MeetingRole::CoOrganizer, "coorganizer"),
    (MeetingRole::Presenter, "presenter"),
];

const SCOPES: [(LobbyBypassScope, &str); 5] = [
    (LobbyBypassScope::Organizer, "organizer"),
    (LobbyBypassScope::Invited, "invited"),
    (LobbyBypassScope::Organization, "organization"),
    (LobbyBypassScope::OrganizationAndFederated, "organizationAndFederated"),
    (LobbyBypassScope::Everyone, "everyone"),
];

const PRESENTERS: [(AllowedPresenters, &str); 4] = [
    (AllowedPresenters::Everyone, "everyone"),
    (AllowedPresenters::Organization, "organization"),
    (AllowedPresenters::RoleIsPresenter, "roleIsPresenter"),
    (AllowedPresenters::Organizer, "organizer"),
];
