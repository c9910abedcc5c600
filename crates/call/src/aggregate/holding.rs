//! Holds, and the switches of the media plane that follow from them.

use super::Call;
use crate::{
    connection::{MediaSwitches, Ordinal},
    input::MediaMode,
    output::{MediaCommand, Output, StreamKind},
    state::CallState,
    transition::Trigger,
};

impl Call {
    /// Brings the hold state of every established connection up to date.
    ///
    /// Only calls of two show `RemoteHold`, so only the step to or from two and three established
    /// connections can change anything: larger calls are left alone.
    pub(super) fn refresh_holds(&mut self) {
        if self.established.len() > 3 {
            return;
        }
        let ordinals: Vec<_> = self.established.iter().copied().collect();
        for ordinal in ordinals {
            self.refresh_hold(ordinal);
        }
    }

    /// Walks one connection to the state that its own hold and that of the one other ask for.
    ///
    /// Where the profile has no edge for that (both sides hold, and the text table knows no way from
    /// one hold to the other), the connection stays in the hold it shows until nobody holds, or the
    /// other is no longer the one who could hold it.
    pub(super) fn refresh_hold(&mut self, ordinal: Ordinal) {
        let Some(connection) = self.connections.get(&ordinal) else {
            return;
        };
        let (is_holding, is_held) = (connection.is_holding, self.is_held_remotely(ordinal));
        let on = match connection.state {
            CallState::Connected if is_holding => Trigger::HoldLocally,
            CallState::Connected if is_held => Trigger::HoldRemotely,
            CallState::LocalHold if !is_holding && is_held => {
                Trigger::ResumeLocallyWhileRemotelyHeld
            }
            CallState::LocalHold if !is_holding => Trigger::ResumeLocally,
            CallState::RemoteHold if is_holding => Trigger::HoldLocally,
            CallState::RemoteHold if !is_held => Trigger::ResumeRemotely,
            CallState::None
            | CallState::Connecting
            | CallState::Ringing
            | CallState::EarlyMedia
            | CallState::Connected
            | CallState::LocalHold
            | CallState::RemoteHold
            | CallState::InLobby
            | CallState::Disconnecting
            | CallState::Disconnected => return,
        };
        // A refusal means that the profile lacks the edge: see above.
        let is_lacking = self.walk(ordinal, on).is_err();
        if is_lacking && on == Trigger::HoldLocally && self.established.len() != 2 {
            for on in [Trigger::ResumeRemotely, Trigger::HoldLocally] {
                let _ = self.walk(ordinal, on);
            }
        }
    }

    fn is_held_remotely(&self, ordinal: Ordinal) -> bool {
        self.established.len() == 2
            && self
                .established
                .iter()
                .filter(|other| **other != ordinal)
                .any(|other| self.connections.get(other).is_some_and(|other| other.is_holding))
    }

    /// Tells the media plane what changed for a connection since it was told last.
    pub(super) fn sync_media(&mut self, ordinal: Ordinal) {
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        let (connection_id, switches) = (connection.connection_id, connection.switches());
        let Some(joined) = connection.joined_mut() else {
            return;
        };
        if joined.media == MediaMode::SignalingOnly || !joined.is_media_up {
            return;
        }
        let told = joined.told.replace(switches);
        for kind in StreamKind::ALL {
            let is_enabled = published(switches, kind);
            if told.map(|told| published(told, kind)) != Some(is_enabled) {
                let command = MediaCommand::SetPublish { connection_id, kind, is_enabled };
                self.outputs.push_back(Output::Media(command));
            }
        }
        if told.map(|told| told.receive) != Some(switches.receive) {
            let command = MediaCommand::SetReceive { connection_id, is_enabled: switches.receive };
            self.outputs.push_back(Output::Media(command));
        }
    }
}

fn published(switches: MediaSwitches, kind: StreamKind) -> bool {
    match kind {
        StreamKind::Audio => switches.audio,
        StreamKind::Camera => switches.camera,
        StreamKind::Screen => switches.screen,
    }
}
