//! Who is in a room, what is published, and which slot shows whom.

use trunkline_clock::{Instant, Now};

use super::{
    AddLegError, CommandError, LegConfig, LegId, LegPlace, Router, SetKeysError, Timer,
    leg::Leg,
    slot::{Slot, SourceId},
};
use crate::{
    control::{LegKey, MediaCommand, MediaEvent, Mid, ReceiveKind, RoomKey, StreamKind},
    speaker::{SpeakerOrder, SpeakerScore},
    srtp::{InboundContext, OutboundContext, SrtpKeys},
};

/// The legs that may hear and see each other.
#[derive(Debug)]
pub(super) struct Room {
    key: RoomKey,
    /// Places of the legs, in order of joining.
    members: Vec<u32>,
    /// The legs with a microphone, in the order in which they are heard.
    speakers: SpeakerOrder,
}

impl Router {
    pub(super) fn join(&mut self, now: Now, config: LegConfig) -> Result<LegId, AddLegError> {
        config.check()?;
        if self.by_key.contains_key(&config.leg) {
            return Err(AddLegError::DuplicateLeg { leg: config.leg });
        }
        if self.by_key.len() >= self.config.max_legs {
            return Err(AddLegError::TooManyLegs { limit: self.config.max_legs });
        }
        let index = match self.free_legs.pop() {
            Some(index) => index,
            None => {
                self.legs.push(LegPlace { generation: 0, leg: None });
                self.sealers.push(None);
                (self.legs.len() - 1) as u32
            }
        };
        let id = LegId { index, generation: self.legs[index as usize].generation };
        let key = config.leg;
        let room = self.room(config.room);
        let mut slots = Vec::with_capacity(config.receive.len());
        for track in &config.receive {
            let slot = Slot::new(id, track)
                .map_err(|_| AddLegError::InvalidExtensionId { mid: track.mid.clone() });
            match slot {
                Ok(slot) => slots.push(self.add_slot(slot)),
                Err(error) => {
                    // Nothing half-done stays behind.
                    slots.iter().for_each(|slot| self.remove_slot(*slot));
                    self.free_legs.push(index);
                    self.drop_room_if_empty(room);
                    return Err(error);
                }
            }
        }
        let mut next_epoch = self.next_epoch;
        let mut leg = Leg::new(config, room, || {
            next_epoch += 1;
            next_epoch - 1
        });
        self.next_epoch = next_epoch;
        leg.slots = slots;
        let has_microphone = leg.microphone().is_some();
        self.legs[index as usize].leg = Some(Box::new(leg));
        self.by_key.insert(key, id);
        if let Some(Some(room)) = self.rooms.get_mut(room as usize) {
            room.members.push(index);
            if has_microphone {
                room.speakers.add(index);
            }
        }
        if has_microphone {
            self.assign_room(room);
        }
        self.show_to_waiting(now.instant, room, key);
        Ok(id)
    }

    pub(super) fn start_leg(
        &mut self,
        now: Now,
        id: LegId,
        keys: &SrtpKeys,
    ) -> Result<(), SetKeysError> {
        let Some(leg) = self.leg_mut(id) else {
            return Err(SetKeysError::UnknownLeg { leg: id });
        };
        if leg.inbound.is_some() {
            return Err(SetKeysError::AlreadySet);
        }
        leg.inbound = Some(InboundContext::new(keys));
        self.sealers[id.index()] = Some(OutboundContext::new(keys));
        self.refresh_slots(now.instant, id);
        self.send_bitrate_limit(id);
        Ok(())
    }

    pub(super) fn carry_out(
        &mut self,
        now: Now,
        command: MediaCommand,
    ) -> Result<(), CommandError> {
        let key = command.leg();
        let id = self.leg_id(key).ok_or(CommandError::UnknownLeg { leg: key })?;
        match command {
            MediaCommand::CloseLeg { .. } => {
                self.leave(now, id);
                Ok(())
            }
            MediaCommand::SetPublish { kind, enabled, .. } => {
                self.set_publish(now.instant, id, kind, enabled);
                Ok(())
            }
            MediaCommand::SetReceive { enabled, .. } => {
                self.set_receive(now.instant, id, enabled);
                Ok(())
            }
            MediaCommand::SubscribeVideo { mid, source, .. } => {
                self.subscribe(now.instant, id, mid, source)
            }
        }
    }

    pub(super) fn leave(&mut self, _now: Now, id: LegId) -> bool {
        if self.leg(id).is_none() {
            return false;
        }
        let slots = self.leg(id).map(|leg| leg.slots.clone()).unwrap_or_default();
        for slot in slots {
            self.detach(slot);
            self.remove_slot(slot);
        }
        let place = &mut self.legs[id.index()];
        place.generation = place.generation.wrapping_add(1);
        let Some(leg) = place.leg.take() else { return false };
        self.free_legs.push(id.index);
        self.sealers[id.index()] = None;
        self.by_key.remove(&leg.key);
        for timer in [Timer::Nack(id.index), Timer::Report(id.index), Timer::TransportCc(id.index)]
        {
            self.timers.cancel(&timer);
        }
        for subscriber in leg.publishers.iter().flat_map(|publisher| &publisher.subscribers) {
            if let Some(slot) = self.slot_mut(*subscriber) {
                slot.detach();
            }
        }
        let mut was_heard = false;
        if let Some(Some(room)) = self.rooms.get_mut(leg.room as usize) {
            room.members.retain(|member| *member != id.index);
            was_heard = room.speakers.remove(id.index);
        }
        if was_heard {
            self.assign_room(leg.room);
        }
        self.drop_room_if_empty(leg.room);
        true
    }

    /// Lets a member that speaks rise, and reassigns the audio slots when that matters.
    pub(super) fn promote(&mut self, now: Instant, room: u32, member: u32) {
        let (legs, rooms) = (&self.legs, &mut self.rooms);
        let Some(Some(entry)) = rooms.get_mut(room as usize) else { return };
        let score = |member: u32| {
            legs.get(member as usize)
                .and_then(|place| place.leg.as_deref())
                .and_then(Leg::microphone)
                .map_or(SpeakerScore::default(), |microphone| microphone.speaker)
        };
        if entry.speakers.promote(now, member, HEARD_SPEAKERS, score) {
            self.assign_room(room);
        }
    }

    /// Looks for speakers that fell silent, with or without packets.
    pub(super) fn check_silence(&mut self, now: Instant, room: u32) {
        let Some(Some(entry)) = self.rooms.get(room as usize) else { return };
        let mut next: Option<Instant> = None;
        for member in entry.members.iter().copied() {
            let Some(leg) = self.legs.get_mut(member as usize).and_then(|p| p.leg.as_deref_mut())
            else {
                continue;
            };
            let key = leg.key;
            for publisher in &mut leg.publishers {
                if let Some(speaking) = publisher.speaker.check_silence(now) {
                    self.events.push_back(MediaEvent::SpeakingChanged { leg: key, speaking });
                }
                let deadline = publisher.speaker.silence_deadline();
                next = next.into_iter().chain(deadline).min();
            }
        }
        if let Some(next) = next {
            self.timers.set(Timer::Silence(room), next);
        }
    }

    /// Makes every subscriber of a video stream wait for a keyframe.
    pub(super) fn await_keyframe(&mut self, id: LegId, track: u8) {
        let subscribers = self
            .leg(id)
            .and_then(|leg| leg.publishers.get(usize::from(track)))
            .map(|publisher| publisher.subscribers.clone())
            .unwrap_or_default();
        for slot in subscribers {
            if let Some(slot) = self.slot_mut(slot) {
                slot.awaits_keyframe = true;
            }
        }
    }

    fn set_publish(&mut self, now: Instant, id: LegId, kind: StreamKind, enabled: bool) {
        let Some(leg) = self.leg_mut(id) else { return };
        let (key, track) = (leg.key, leg.track_of(kind));
        let Some(track) = track else { return };
        let publisher = &mut leg.publishers[usize::from(track)];
        if publisher.enabled == enabled {
            return;
        }
        publisher.enabled = enabled;
        publisher.is_broken = true;
        if let Some(video) = &mut publisher.video {
            video.losses.clear();
            video.keyframe_timestamp = None;
            // What was said before the mute is not said again after it.
            video.ring.clear();
        }
        let change = publisher.speaker.reset();
        let has_subscribers = !publisher.subscribers.is_empty();
        if let Some(speaking) = change {
            self.events.push_back(MediaEvent::SpeakingChanged { leg: key, speaking });
        }
        if kind.is_video() {
            self.await_keyframe(id, track);
            if enabled && has_subscribers {
                self.want_keyframe(now, id, track);
            }
        }
    }

    fn set_receive(&mut self, now: Instant, id: LegId, enabled: bool) {
        let Some(leg) = self.leg_mut(id) else { return };
        if leg.receives == enabled {
            return;
        }
        leg.receives = enabled;
        if !enabled {
            leg.reports_armed = false;
            leg.transport_cc_armed = false;
            for timer in
                [Timer::Nack(id.index), Timer::Report(id.index), Timer::TransportCc(id.index)]
            {
                self.timers.cancel(&timer);
            }
        }
        self.refresh_slots(now, id);
    }

    fn subscribe(
        &mut self,
        now: Instant,
        id: LegId,
        mid: Mid,
        source: Option<(LegKey, StreamKind)>,
    ) -> Result<(), CommandError> {
        if matches!(source, Some((_, StreamKind::Audio))) {
            return Err(CommandError::SourceNotVideo);
        }
        let slots = self.leg(id).map(|leg| leg.slots.as_slice()).unwrap_or_default();
        let found =
            slots.iter().copied().find(|slot| self.slot(*slot).is_some_and(|slot| slot.mid == mid));
        let Some(place) = found else { return Err(CommandError::UnknownMid { mid }) };
        let Some(slot) = self.slot_mut(place) else {
            return Err(CommandError::UnknownMid { mid });
        };
        if slot.kind != ReceiveKind::Video {
            return Err(CommandError::NotVideo { mid });
        }
        if slot.wanted == source && slot.source.is_some() == source.is_some() {
            return Ok(());
        }
        slot.wanted = source;
        self.show_wanted(now, id, place);
        Ok(())
    }

    /// Attaches what a leg should receive, or detaches everything when it should not.
    fn refresh_slots(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.leg(id) else { return };
        for slot in leg.slots.clone() {
            if self.slot(slot).is_some_and(|slot| slot.kind == ReceiveKind::Video) {
                self.show_wanted(now, id, slot);
            }
        }
        self.assign_leg(id.index);
    }

    /// Makes a video slot show what is wanted, if that is there.
    fn show_wanted(&mut self, now: Instant, id: LegId, place: u32) {
        let is_live = self.leg(id).is_some_and(Leg::is_live);
        let room = self.leg(id).map(|leg| leg.room);
        let wanted = self.slot(place).and_then(|slot| slot.wanted).filter(|_| is_live);
        let source = wanted.and_then(|(key, kind)| {
            let source = self.leg_id(key)?;
            let leg = self.leg(source).filter(|leg| Some(leg.room) == room)?;
            Some(SourceId { leg: source, track: leg.track_of(kind)? })
        });
        if self.slot(place).is_none_or(|slot| slot.source == source) {
            return;
        }
        self.detach(place);
        if let Some(source) = source {
            self.attach(place, source);
            self.arm_reports(now, id);
            self.want_keyframe(now, source.leg, source.track);
        }
    }

    /// Shows a leg that has just come on the slots that have been waiting for it.
    fn show_to_waiting(&mut self, now: Instant, room: u32, key: LegKey) {
        let Some(Some(entry)) = self.rooms.get(room as usize) else { return };
        let mut waiting = Vec::new();
        for member in &entry.members {
            let Some(id) = self.id_at(*member) else { continue };
            let slots = self.leg(id).map(|leg| leg.slots.as_slice()).unwrap_or_default();
            waiting.extend(
                slots
                    .iter()
                    .filter(|slot| {
                        self.slot(**slot)
                            .and_then(|slot| slot.wanted)
                            .is_some_and(|(wanted, _)| wanted == key)
                    })
                    .map(|slot| (id, *slot)),
            );
        }
        for (id, slot) in waiting {
            self.show_wanted(now, id, slot);
        }
    }

    fn assign_room(&mut self, room: u32) {
        let Some(Some(entry)) = self.rooms.get(room as usize) else { return };
        for member in entry.members.clone() {
            self.assign_leg(member);
        }
    }

    /// Gives a leg's audio slots to the best speakers other than itself, moving as few as possible.
    fn assign_leg(&mut self, member: u32) {
        let Some(id) = self.id_at(member) else { return };
        let Some(leg) = self.leg(id) else { return };
        let Some(Some(room)) = self.rooms.get(leg.room as usize) else { return };
        let is_audio =
            |slot: &&u32| self.slot(**slot).is_some_and(|slot| slot.kind == ReceiveKind::Audio);
        let slots: Vec<u32> = leg.slots.iter().filter(is_audio).copied().collect();
        let heard = if leg.is_live() { slots.len().min(HEARD_SPEAKERS) } else { 0 };
        let desired: Vec<SourceId> = room
            .speakers
            .members()
            .iter()
            .filter(|speaker| **speaker != member)
            .take(heard)
            .filter_map(|speaker| {
                let source = self.id_at(*speaker)?;
                let track = self.leg(source)?.track_of(StreamKind::Audio)?;
                Some(SourceId { leg: source, track })
            })
            .collect();
        let shown: Vec<Option<SourceId>> =
            slots.iter().map(|slot| self.slot(*slot).and_then(|slot| slot.source)).collect();
        let mut missing = desired.iter().filter(|source| !shown.contains(&Some(**source))).copied();
        let mut has_changed = false;
        for (slot, shown) in slots.iter().zip(&shown) {
            if shown.is_some_and(|shown| desired.contains(&shown)) {
                continue;
            }
            let next = missing.next();
            if *shown == next {
                continue;
            }
            has_changed = true;
            self.detach(*slot);
            if let Some(source) = next {
                self.attach(*slot, source);
            }
        }
        if has_changed {
            self.announce_slots(id, &slots);
        }
    }

    fn announce_slots(&mut self, id: LegId, slots: &[u32]) {
        let Some(leg) = self.leg(id) else { return };
        let slots = slots
            .iter()
            .filter_map(|slot| self.slot(*slot))
            .map(|slot| {
                let source = slot.source.and_then(|source| self.leg(source.leg));
                (slot.mid.clone(), source.map(|leg| leg.key))
            })
            .collect();
        self.events.push_back(MediaEvent::AudioSlotsChanged { leg: leg.key, slots });
    }

    fn attach(&mut self, place: u32, source: SourceId) {
        if let Some(slot) = self.slot_mut(place) {
            slot.attach(source);
        }
        let publisher = self
            .leg_mut(source.leg)
            .and_then(|leg| leg.publishers.get_mut(usize::from(source.track)));
        if let Some(publisher) = publisher {
            publisher.subscribers.push(place);
        }
    }

    fn detach(&mut self, place: u32) {
        let Some(source) = self.slot_mut(place).and_then(|slot| {
            let source = slot.source;
            slot.detach();
            source
        }) else {
            return;
        };
        let publisher = self
            .leg_mut(source.leg)
            .and_then(|leg| leg.publishers.get_mut(usize::from(source.track)));
        if let Some(publisher) = publisher {
            publisher.remove_subscriber(place);
        }
    }

    fn add_slot(&mut self, slot: Slot) -> u32 {
        match self.free_slots.pop() {
            Some(place) => {
                self.slots[place as usize] = Some(slot);
                place
            }
            None => {
                self.slots.push(Some(slot));
                (self.slots.len() - 1) as u32
            }
        }
    }

    fn remove_slot(&mut self, place: u32) {
        if self.slots.get_mut(place as usize).and_then(Option::take).is_some() {
            self.free_slots.push(place);
        }
    }

    /// Returns the place of a room, which is made if there is none.
    fn room(&mut self, key: RoomKey) -> u32 {
        if let Some(place) = self.by_room.get(&key) {
            return *place;
        }
        let room = Room { key, members: Vec::new(), speakers: SpeakerOrder::default() };
        let place = match self.free_rooms.pop() {
            Some(place) => {
                self.rooms[place as usize] = Some(room);
                place
            }
            None => {
                self.rooms.push(Some(room));
                (self.rooms.len() - 1) as u32
            }
        };
        self.by_room.insert(key, place);
        place
    }

    fn drop_room_if_empty(&mut self, place: u32) {
        let Some(entry) = self.rooms.get_mut(place as usize) else { return };
        if let Some(room) = entry.take_if(|room| room.members.is_empty()) {
            self.by_room.remove(&room.key);
            self.free_rooms.push(place);
            self.timers.cancel(&Timer::Silence(place));
        }
    }
}

/// How many speakers a listener hears. Three covers people who interrupt each other; more is noise
/// and costs bandwidth on every leg.
const HEARD_SPEAKERS: usize = 3;
