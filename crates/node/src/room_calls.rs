//! Calls of rooms: the room says who may join, when and with which rights.

mod closing;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use trunkline_call::{
    Action, Actor, Call, CallConfig, Command, Entry, Limits, MediaMode, MediaRights, MeetingInput,
    NewCall, Origin,
};
use trunkline_clock::Timestamp;
use trunkline_ids::{CallId, CommunicationIdentifier, EndpointId};
use trunkline_interop::{Room, RoomId, RoomRight, RoomRole};
use trunkline_reasons::EndReason;

use crate::call_task::CallTask;
use crate::calls::{AnswerAt, CallHandle, CallMessage, Refused};
use crate::commands::{CallingError, Endpoint, Outcome};
use crate::media::Offer;
use crate::meetings::JoinRequest;
use crate::node::Node;

/// The live calls by room. A room's call is over when the last one left; the next one is new.
#[derive(Debug, Default)]
pub(crate) struct RoomCalls {
    live: Mutex<HashMap<RoomId, RoomCall>>,
}

#[derive(Debug)]
struct RoomCall {
    call: CallHandle,
    /// Who came, and as what.
    seats: HashMap<EndpointId, (CommunicationIdentifier, RoomRole)>,
    /// Until when the room is valid.
    valid_until: watch::Sender<Timestamp>,
}

impl RoomCalls {
    fn of(&self, node: &Node, room: &Room) -> CallHandle {
        let start = || {
            let call = start(node, room.id().clone());
            let (valid_until, follower) = watch::channel(room.valid_until());
            let id = room.id().clone();
            node.spawn(closing::close_in_time(node.clone(), id, call.clone(), follower));
            RoomCall { call, seats: HashMap::new(), valid_until }
        };
        self.live().entry(room.id().clone()).or_insert_with(start).call.clone()
    }

    fn forget(&self, id: &RoomId, call: CallId) {
        let mut live = self.live();
        if live.get(id).is_some_and(|own| own.call.id() == call) {
            live.remove(id);
        }
    }

    fn seat(&self, id: &RoomId, call: CallId, actor: &Actor, role: RoomRole) {
        if let Some(own) = self.live().get_mut(id).filter(|own| own.call.id() == call) {
            own.seats.insert(actor.endpoint.clone(), (actor.identifier.clone(), role));
        }
    }

    /// Ends, in the live call, whoever is there and no longer has the role to which the rights
    /// belong, and has the call end with the room; `None` is a room that is deleted.
    pub(crate) async fn follow(&self, id: &RoomId, room: Option<&Room>) {
        let Some((call, unseated)) = self.unseat(id, room) else { return };
        for endpoint in unseated {
            let input = MeetingInput::End { endpoint, reason: EndReason::ROLE_CHANGED };
            call.tell(CallMessage::MeetingStep(Box::new(input))).await;
        }
    }

    fn unseat(&self, id: &RoomId, room: Option<&Room>) -> Option<(CallHandle, Vec<EndpointId>)> {
        let mut live = self.live();
        let own = live.get_mut(id)?;
        if let Some(room) = room {
            own.valid_until.send_replace(room.valid_until());
        }
        let has_changed =
            |_: &EndpointId, (who, role): &mut (CommunicationIdentifier, RoomRole)| {
                let now =
                    room.and_then(|room| room.participants().find(|(other, _)| *other == who));
                now.map(|(_, role)| role) != Some(*role)
            };
        let unseated = own.seats.extract_if(has_changed).map(|(endpoint, _)| endpoint).collect();
        Some((own.call.clone(), unseated))
    }

    fn live(&self) -> MutexGuard<'_, HashMap<RoomId, RoomCall>> {
        // Each change is one operation on a map: a panic leaves it whole.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Joins the call of a room, or starts it.
pub(crate) async fn join(
    node: &Node,
    endpoint: &Endpoint,
    room_id: &str,
    request: JoinRequest,
) -> Result<Outcome, CallingError> {
    // A name that no room can have is the name of no room.
    let id: RoomId = room_id.parse().map_err(|_| not_found())?;
    let room = room(node, &id).await?;
    let role = room.may_join(node.wall(), &endpoint.claims.identifier).map_err(refused)?;
    let gives = |right| room.gives(role, right);
    let media = match request.offer {
        Some(_) => MediaMode::PeerConnection,
        None => MediaMode::SignalingOnly,
    };
    let actor =
        Actor { identifier: endpoint.claims.identifier.clone(), endpoint: endpoint.id.clone() };
    let input = MeetingInput::Join {
        actor: actor.clone(),
        operation_id: request.operation_id,
        display_name: request.display_name,
        media,
        entry: Entry::Direct,
        rights: MediaRights {
            audio: gives(RoomRight::SendAudio),
            camera: gives(RoomRight::SendVideo),
            screen: gives(RoomRight::ShareScreen),
        },
    };
    // To its end even when the one who joins goes away: whoever is in the call has a seat.
    node.base().complete(enter(node.clone(), room, (actor, role), input, request.offer)).await
}

/// Takes somebody into the live call, who is seated with the role that gave the rights.
async fn enter(
    node: Node,
    room: Room,
    (actor, role): (Actor, RoomRole),
    input: MeetingInput,
    offer: Option<Offer>,
) -> Result<Outcome, CallingError> {
    let id = room.id();
    // A room's call may end between finding it and joining it.
    for _ in 0..JOIN_ATTEMPTS {
        let call = node.room_calls().of(&node, &room);
        let (input, offer) = (Box::new(input.clone()), offer.clone());
        let answer_at = AnswerAt::Start;
        let asked =
            call.ask(|answer| CallMessage::Meeting { input, offer, answer_at, answer }).await;
        match asked.unwrap_or(Err(Refused::NotFound)) {
            Ok(accepted) => {
                node.room_calls().seat(id, call.id(), &actor, role);
                // The roster may have changed since it was asked.
                let now = node.store().room(id).await.unwrap_or_else(|_| Some(room.clone()));
                node.room_calls().follow(id, now.as_ref()).await;
                return Ok(Outcome { call, accepted: Some(accepted) });
            }
            Err(
                Refused::NotFound
                | Refused::Command(trunkline_call::CommandError::CallEnded { .. }),
            ) => node.room_calls().forget(id, call.id()),
            Err(refused) => return Err(refused.into()),
        }
    }
    Err(CallingError::NotFound)
}

/// Carries out a command that concerns others, if the role of the actor gives the right.
pub(crate) async fn command(
    node: &Node,
    call: CallHandle,
    id: &RoomId,
    command: Command,
    answer_at: AnswerAt,
) -> Result<Outcome, CallingError> {
    let room = room(node, id).await?;
    let who = &command.actor.identifier;
    let own = room.participants().find(|(identifier, _)| *identifier == who);
    let role = own.map(|(_, role)| role).ok_or_else(|| refused(EndReason::ROOM_NOT_ON_ROSTER))?;
    let right = right_for(&command.action);
    if !right.is_some_and(|right| room.gives(role, right)) {
        return Err(refused(EndReason::NOT_PERMITTED));
    }
    let accepted = call.act_in_meeting(command, answer_at).await?;
    Ok(Outcome { call, accepted: Some(accepted) })
}

/// Returns the right that an action on others takes; no role of a room gives more.
fn right_for(action: &Action) -> Option<RoomRight> {
    match action {
        Action::MuteAllOthers | Action::MuteParticipant(_) => Some(RoomRight::MuteOthers),
        Action::HangUpForEveryone | Action::RemoveParticipant(_) => Some(RoomRight::RemoveOthers),
        Action::Accept { .. }
        | Action::AddParticipant(_)
        | Action::Cancel
        | Action::CancelAddParticipant(_)
        | Action::HangUp
        | Action::Hold
        | Action::Join { .. }
        | Action::Mute
        | Action::Place { .. }
        | Action::Reject
        | Action::Resume
        | Action::StartScreenShare
        | Action::StartVideo
        | Action::StopScreenShare
        | Action::StopVideo
        | Action::Transfer(_)
        | Action::Unmute => None,
    }
}

fn start(node: &Node, id: RoomId) -> CallHandle {
    let limits = Limits {
        participants: Room::PARTICIPANT_LIMIT.min(node.participant_limit()),
        feed_events: 0,
        ..Limits::default()
    };
    let new = NewCall {
        call_id: CallId::from_uuid_bytes(node.random_id()),
        origin: Origin::Meeting,
        thread_id: None,
        config: CallConfig { limits, ..CallConfig::default() },
    };
    let call = Call::new(node.clock().now(), new);
    let handle = CallTask::spawn_in_room(node, call, id);
    node.calls().insert(handle.clone());
    handle
}

async fn room(node: &Node, id: &RoomId) -> Result<Room, CallingError> {
    node.store().room(id).await?.ok_or_else(not_found)
}

fn not_found() -> CallingError {
    CallingError::Refused {
        message: "there is no such room".to_owned(),
        code: "room_not_found".to_owned(),
        reason: EndReason::NOT_FOUND,
    }
}

fn refused(reason: EndReason) -> CallingError {
    CallingError::Refused {
        message: reason.meaning().to_owned(),
        code: "denied_by_room".to_owned(),
        reason,
    }
}

/// Each attempt lost a race against the end of a call; more in a row is somebody's script.
const JOIN_ATTEMPTS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_over_others_are_the_presenters_alone() {
        for action in [Action::MuteAllOthers, Action::HangUpForEveryone] {
            let right = right_for(&action).unwrap();
            for role in RoomRole::ALL {
                assert_eq!(role.gives(right), role == RoomRole::Presenter, "{action:?} {role}");
            }
        }
        assert_eq!(right_for(&Action::Mute), None);
    }
}
