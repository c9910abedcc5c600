//! What participants do before everybody's eyes: hands, spotlights, reactions.

use trunkline_ids::EndpointId;

use super::Meeting;
use crate::meeting::{
    capability::Capability,
    entering::Done,
    error::{ChangeError, MeetingError, TargetError},
    input::{Actor, Reaction},
    output::EventKind,
};

impl Meeting {
    pub(super) fn raise_hand(&mut self, actor: &Actor) -> Result<Done, MeetingError> {
        let endpoint = self.own_endpoint(actor)?;
        self.require(actor, Capability::RaiseHand)?;
        let at = self.next_place;
        if let Some(attendee) = self.attendees.get_mut(&endpoint)
            && attendee.hand.is_none()
        {
            attendee.hand = Some(at);
            self.next_place += 1;
            self.emit(EventKind::HandRaised { endpoint });
        }
        Ok(Done::Here)
    }

    pub(super) fn lower_hand(
        &mut self,
        actor: &Actor,
        endpoint: &EndpointId,
    ) -> Result<Done, MeetingError> {
        let is_own = self.own_endpoint(actor).is_ok_and(|own| own == *endpoint);
        if !is_own {
            self.require(actor, Capability::MuteOthers)?;
        }
        self.present_at(endpoint)?;
        self.drop_hand(endpoint);
        Ok(Done::Here)
    }

    pub(super) fn lower_all_hands(&mut self, actor: &Actor) -> Result<Done, MeetingError> {
        self.require(actor, Capability::MuteOthers)?;
        let raised: Vec<_> = self.raised_hands().cloned().collect();
        for endpoint in raised {
            self.drop_hand(&endpoint);
        }
        Ok(Done::Here)
    }

    pub(super) fn react(
        &mut self,
        actor: &Actor,
        reaction: Reaction,
    ) -> Result<Done, MeetingError> {
        let endpoint = self.own_endpoint(actor)?;
        self.require(actor, Capability::UseReactions)?;
        self.emit(EventKind::Reacted { endpoint, reaction });
        Ok(Done::Here)
    }

    pub(super) fn spotlight(
        &mut self,
        actor: &Actor,
        endpoint: EndpointId,
    ) -> Result<Done, MeetingError> {
        self.require(actor, Capability::Spotlight)?;
        self.present_at(&endpoint)?;
        if self.spotlights.contains(&endpoint) {
            return Ok(Done::Here);
        }
        let (limit, requested) = (self.config.spotlights, self.spotlights.len() + 1);
        if requested > limit {
            return Err(ChangeError::TooManySpotlights { limit, requested }.into());
        }
        self.spotlights.push(endpoint);
        self.tell_spotlights();
        Ok(Done::Here)
    }

    /// Takes somebody out of view: oneself without further right, others with it.
    pub(super) fn stop_spotlight(
        &mut self,
        actor: &Actor,
        endpoint: &EndpointId,
    ) -> Result<Done, MeetingError> {
        let is_own = self.own_endpoint(actor).is_ok_and(|own| own == *endpoint);
        if !is_own {
            self.require(actor, Capability::Spotlight)?;
        }
        self.present_at(endpoint)?;
        self.drop_spotlight(endpoint);
        Ok(Done::Here)
    }

    pub(super) fn drop_spotlight(&mut self, endpoint: &EndpointId) {
        let before = self.spotlights.len();
        self.spotlights.retain(|shown| shown != endpoint);
        if self.spotlights.len() != before {
            self.tell_spotlights();
        }
    }

    fn tell_spotlights(&mut self) {
        let endpoints = self.spotlights.clone();
        self.emit(EventKind::SpotlightChanged { endpoints });
    }

    fn drop_hand(&mut self, endpoint: &EndpointId) {
        let hand = self.attendees.get_mut(endpoint).and_then(|attendee| attendee.hand.take());
        if hand.is_some() {
            self.emit(EventKind::HandLowered { endpoint: endpoint.clone() });
        }
    }

    fn own_endpoint(&self, actor: &Actor) -> Result<EndpointId, MeetingError> {
        match actor {
            Actor::Application => Err(MeetingError::NotInMeeting),
            Actor::User(identifier, endpoint) => self
                .own(identifier, endpoint)
                .map(|attendee| attendee.endpoint.clone())
                .ok_or(MeetingError::NotInMeeting),
        }
    }

    fn present_at(&self, endpoint: &EndpointId) -> Result<(), TargetError> {
        let attendee = self.attendees.get(endpoint).ok_or(TargetError::NotFound)?;
        if attendee.is_waiting() { Err(TargetError::Waiting) } else { Ok(()) }
    }
}
