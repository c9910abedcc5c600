//! An endpoint of a simulated life: it does anything at any time, right or wrong, and repeats what
//! it asked for until it knows how that ended.

use std::collections::BTreeMap;

use trunkline_call::{
    Action, Actor, Command, EventKind, Invite, MediaMode, ParticipantSelector, ResolvedTarget,
    Roster, RosterError, Transfer,
};
use trunkline_clock::Instant;
use trunkline_ids::{CommunicationIdentifier, EndpointId, OperationId};
use trunkline_testkit::{Rng, build};

use crate::server::{Address, Message, Network};

/// Everybody who may take part: who they are and where they are.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) users: Vec<(CommunicationIdentifier, Vec<EndpointId>)>,
}

impl Cast {
    pub(crate) fn invite(&self, user: usize, is_registered: bool) -> Invite {
        let (identifier, endpoints) = &self.users[user];
        let endpoints = if is_registered { endpoints.clone() } else { Vec::new() };
        let identifier = identifier.clone();
        Invite {
            target: ResolvedTarget { identifier, endpoints, display_name: None },
            ring_for: None,
        }
    }
}

/// One endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    number: usize,
    user: usize,
    actor: Actor,
    pub(crate) roster: Option<Roster>,
    is_ringing: bool,
    /// Whether the endpoint believes that it has business in the call.
    is_involved: bool,
    pending: BTreeMap<OperationId, Command>,
    operations: u64,
}

impl Client {
    pub(crate) fn new(number: usize, user: usize, cast: &Cast, endpoint: EndpointId) -> Self {
        let identifier = cast.users[user].0.clone();
        Self {
            number,
            user,
            actor: Actor { identifier, endpoint },
            roster: None,
            is_ringing: false,
            is_involved: false,
            pending: BTreeMap::new(),
            operations: 0,
        }
    }

    pub(crate) fn user(&self) -> usize {
        self.user
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(crate) fn receive(&mut self, now: Instant, network: &mut Network, message: Message) {
        match message {
            Message::Answer { operation_id, is_over } => {
                if is_over {
                    self.pending.remove(&operation_id);
                }
            }
            Message::Attach => {
                self.is_involved = true;
                self.is_ringing = false;
                self.poll(now, network);
            }
            Message::Events(events) => {
                for event in &events {
                    let Some(roster) = &mut self.roster else {
                        break;
                    };
                    if let EventKind::OperationCompleted { operation_id, endpoint, .. } =
                        &event.kind
                        && *endpoint == self.actor.endpoint
                    {
                        self.pending.remove(operation_id);
                    }
                    match roster.apply(event) {
                        Ok(_) => {}
                        // The next poll fills the gap.
                        Err(RosterError::Gap { .. }) => break,
                        Err(error @ RosterError::UnknownParticipant { .. }) => panic!("{error}"),
                    }
                }
            }
            Message::Ring => {
                self.is_ringing = true;
                network.send(now, self.address(), Address::Server, Message::Ringing);
            }
            Message::Snapshot(snapshot) => {
                let is_newer =
                    self.roster.as_ref().is_none_or(|roster| roster.seq() < snapshot.seq);
                if is_newer {
                    self.roster = Some(Roster::new(&snapshot));
                }
            }
            Message::StopRinging => self.is_ringing = false,
            Message::Busy | Message::Command(_) | Message::Poll { .. } | Message::Ringing => {
                unreachable!("the server does not send this")
            }
        }
    }

    /// Repeats what has not been answered and asks for what has been missed.
    pub(crate) fn tick(&mut self, now: Instant, network: &mut Network) {
        for command in self.pending.values() {
            let message = Message::Command(Box::new(command.clone()));
            network.send(now, self.address(), Address::Server, message);
        }
        if self.is_involved {
            self.poll(now, network);
        }
    }

    pub(crate) fn poll(&self, now: Instant, network: &mut Network) {
        let cursor = self.roster.as_ref().map(Roster::seq);
        network.send(now, self.address(), Address::Server, Message::Poll { cursor });
    }

    pub(crate) fn ask(&mut self, now: Instant, network: &mut Network, action: Action) {
        self.operations += 1;
        let operation_id = build::operation(&format!("{}", self.operations));
        let command =
            Command { actor: self.actor.clone(), operation_id: operation_id.clone(), action };
        self.pending.insert(operation_id, command.clone());
        let message = Message::Command(Box::new(command));
        network.send(now, self.address(), Address::Server, message);
    }

    /// Does something, often what fits, sometimes what does not.
    pub(crate) fn improvise(
        &mut self,
        now: Instant,
        network: &mut Network,
        rng: &mut Rng,
        cast: &Cast,
    ) {
        let media =
            if rng.chance(850) { MediaMode::PeerConnection } else { MediaMode::SignalingOnly };
        if self.is_ringing && rng.chance(700) {
            let action = match rng.below(10) {
                0 | 1 => Action::Reject,
                2 => {
                    network.send(now, self.address(), Address::Server, Message::Busy);
                    return;
                }
                _ => Action::Accept { display_name: None, media },
            };
            return self.ask(now, network, action);
        }
        let whom = rng.below(cast.users.len());
        let selector = ParticipantSelector::Identifier(cast.users[whom].0.clone());
        let action = match rng.below(46) {
            0 => Action::Accept { display_name: None, media },
            1 => Action::Reject,
            2 => Action::Cancel,
            3 => Action::HangUp,
            4 if rng.chance(200) => Action::HangUpForEveryone,
            5..=7 => Action::AddParticipant(cast.invite(whom, rng.chance(900))),
            8 => Action::CancelAddParticipant(selector),
            9 => Action::RemoveParticipant(selector),
            10..=14 => Action::Hold,
            15..=19 => Action::Resume,
            20..=22 => Action::Mute,
            23..=25 => Action::Unmute,
            26 => Action::MuteAllOthers,
            27 => Action::MuteParticipant(selector),
            28 | 29 => Action::StartVideo,
            30 => Action::StopVideo,
            31 | 32 => Action::StartScreenShare,
            33 => Action::StopScreenShare,
            34..=39 => Action::Transfer(Transfer {
                target: cast.invite(whom, rng.chance(900)),
                transferee: rng.chance(200).then(|| {
                    let whom = rng.below(cast.users.len());
                    ParticipantSelector::Identifier(cast.users[whom].0.clone())
                }),
            }),
            _ => Action::Join { display_name: None, media },
        };
        self.ask(now, network, action);
    }

    fn address(&self) -> Address {
        Address::Client(self.number)
    }
}
