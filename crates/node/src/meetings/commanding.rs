//! Commands of the call that concern others: done as the meeting allows.

use tokio::sync::oneshot;
use trunkline_call::{Action as CallAction, Command as CallCommand, ParticipantSelector};
use trunkline_ids::{CommunicationIdentifier, EndpointId};
use trunkline_interop::{Action, Actor, Capability, MeetingError};
use trunkline_reasons::EndReason;

use crate::calls::{AnswerAt, CallHandle};
use crate::commands::{CallingError, Outcome};
use crate::meetings::{MeetingFailure, MeetingTask};

impl MeetingTask {
    /// Carries out a command of the call that concerns others, if the meeting lets the actor.
    pub(super) async fn command(
        &mut self,
        command: CallCommand,
        answer_at: AnswerAt,
        answer: oneshot::Sender<Result<Outcome, CallingError>>,
    ) {
        if let CallAction::AddParticipant(invite) = &command.action {
            let who = invite.target.identifier.clone();
            self.ring(command, who, answer_at, answer).await;
        } else {
            let outcome = self.carry_out(command, answer_at).await;
            let _ = answer.send(outcome);
        }
    }

    async fn carry_out(
        &mut self,
        command: CallCommand,
        answer_at: AnswerAt,
    ) -> Result<Outcome, CallingError> {
        let actor = Actor::User(command.actor.identifier.clone(), command.actor.endpoint.clone());
        let operation_id = command.operation_id.clone();
        let call = self.call.clone().ok_or(CallingError::NotFound)?;
        match &command.action {
            CallAction::MuteAllOthers | CallAction::MuteParticipant(_) => {
                self.check(&actor, Capability::MuteOthers)?;
                act_on(call, command, answer_at).await
            }
            CallAction::CancelAddParticipant(_) => {
                self.check(&actor, Capability::AddUser)?;
                act_on(call, command, answer_at).await
            }
            CallAction::RemoveParticipant(selector) => match self.selected(selector) {
                Ok(selected) => {
                    let removals: Vec<_> = selected.into_iter().map(Action::Remove).collect();
                    self.act_in_call(actor, operation_id, removals).await?;
                    Ok(Outcome { call, accepted: None })
                }
                // Who is being rung is in the call and not yet in the meeting.
                Err(_) => {
                    self.check(&actor, Capability::RemoveParticipant)?;
                    act_on(call, command, answer_at).await
                }
            },
            CallAction::HangUpForEveryone => {
                self.act_in_call(actor, operation_id, [Action::End]).await?;
                Ok(Outcome { call, accepted: None })
            }
            CallAction::Accept { .. }
            | CallAction::AddParticipant(_)
            | CallAction::Cancel
            | CallAction::HangUp
            | CallAction::Hold
            | CallAction::Join { .. }
            | CallAction::Mute
            | CallAction::Place { .. }
            | CallAction::Reject
            | CallAction::Resume
            | CallAction::StartScreenShare
            | CallAction::StartVideo
            | CallAction::StopScreenShare
            | CallAction::StopVideo
            | CallAction::Transfer(_)
            | CallAction::Unmute => Err(CallingError::Refused {
                message: "a meeting is not placed, and nobody is transferred out of it".to_owned(),
                code: "not_supported_in_meetings".to_owned(),
                reason: EndReason::NOT_SUPPORTED,
            }),
        }
    }

    /// Has somebody rung. Whoever waits for the end of that does not keep the meeting waiting.
    async fn ring(
        &mut self,
        command: CallCommand,
        who: CommunicationIdentifier,
        answer_at: AnswerAt,
        answer: oneshot::Sender<Result<Outcome, CallingError>>,
    ) {
        let actor = Actor::User(command.actor.identifier.clone(), command.actor.endpoint.clone());
        let operation_id = command.operation_id.clone();
        let allowed = match &self.call {
            Some(call) => {
                let call = call.clone();
                self.act(actor, operation_id, Action::Ring(who)).await.map(|()| call)
            }
            None => Err(MeetingFailure::NotFound),
        };
        match allowed {
            Ok(call) => self.node.spawn(async move {
                let _ = answer.send(act_on(call, command, answer_at).await);
            }),
            Err(failure) => {
                let _ = answer.send(Err(failure.into()));
            }
        }
    }

    pub(super) fn check(
        &self,
        actor: &Actor,
        capability: Capability,
    ) -> Result<(), MeetingFailure> {
        self.meeting.check(actor, capability).map_err(MeetingFailure::Refused)
    }

    pub(super) fn selected(
        &self,
        selector: &ParticipantSelector,
    ) -> Result<Vec<EndpointId>, MeetingFailure> {
        let endpoints: Vec<EndpointId> = match selector {
            ParticipantSelector::Id(id) => {
                let found = self.people.iter().find(|(_, participant)| *participant == id);
                found.map(|(endpoint, _)| endpoint.clone()).into_iter().collect()
            }
            // Removing somebody at one endpoint removes them at all.
            ParticipantSelector::Identifier(identifier) => {
                let mut own = self.meeting.attendees().filter(|a| a.identifier == *identifier);
                own.next().map(|attendee| attendee.endpoint).into_iter().collect()
            }
        };
        match endpoints.is_empty() {
            true => Err(MeetingFailure::Refused(MeetingError::Target(
                trunkline_interop::TargetError::NotFound,
            ))),
            false => Ok(endpoints),
        }
    }
}

/// Has the call carry out what the meeting allows.
async fn act_on(
    call: CallHandle,
    command: CallCommand,
    answer_at: AnswerAt,
) -> Result<Outcome, CallingError> {
    let accepted = call.act_in_meeting(command, answer_at).await?;
    Ok(Outcome { call, accepted: Some(accepted) })
}
