//! The states of a connection, the states that the others see, and the kinds of call.

use std::{fmt, str::FromStr};

/// The state of a call as one connection sees it: the `call.state` of that side.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CallState {
    /// Initial state.
    None,
    /// The call is placed, joined or received.
    Connecting,
    /// The callee's client rings.
    Ringing,
    /// Media is played before the call is connected.
    EarlyMedia,
    /// Media flows.
    Connected,
    /// Put on hold by this side; no media flows.
    LocalHold,
    /// Put on hold by the one remote participant; no media flows.
    RemoteHold,
    /// Waiting in the lobby; no media flows.
    InLobby,
    /// On the way to `Disconnected`.
    Disconnecting,
    /// Final state.
    Disconnected,
}

impl CallState {
    /// All states, in the order of the source.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Connecting,
        Self::Ringing,
        Self::EarlyMedia,
        Self::Connected,
        Self::LocalHold,
        Self::RemoteHold,
        Self::InLobby,
        Self::Disconnecting,
        Self::Disconnected,
    ];

    /// Returns the name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Connecting => "Connecting",
            Self::Ringing => "Ringing",
            Self::EarlyMedia => "EarlyMedia",
            Self::Connected => "Connected",
            Self::LocalHold => "LocalHold",
            Self::RemoteHold => "RemoteHold",
            Self::InLobby => "InLobby",
            Self::Disconnecting => "Disconnecting",
            Self::Disconnected => "Disconnected",
        }
    }

    /// Returns whether the set-up is behind and the end is not yet there: connected or on hold.
    pub const fn is_established(self) -> bool {
        match self {
            Self::Connected | Self::LocalHold | Self::RemoteHold => true,
            Self::None
            | Self::Connecting
            | Self::Ringing
            | Self::EarlyMedia
            | Self::InLobby
            | Self::Disconnecting
            | Self::Disconnected => false,
        }
    }
}

impl fmt::Display for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CallState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownName)
    }
}

/// The state of a participant as the others see it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ParticipantState {
    /// Initial state.
    Idle,
    /// On the way into the call.
    Connecting,
    /// A client of the participant rings.
    Ringing,
    /// In the call.
    Connected,
    /// Holds the call.
    Hold,
    /// Media is played before the participant connects.
    EarlyMedia,
    /// Waiting in the lobby.
    InLobby,
    /// Final state.
    Disconnected,
}

impl ParticipantState {
    /// All states, in the order of the source.
    pub const ALL: [Self; 8] = [
        Self::Idle,
        Self::Connecting,
        Self::Ringing,
        Self::Connected,
        Self::Hold,
        Self::EarlyMedia,
        Self::InLobby,
        Self::Disconnected,
    ];

    /// Derives what the others see from the state of the participant's own connection.
    ///
    /// A connection that is held by the other side is still there for the others, so it shows as
    /// `Connected`: only who holds shows as `Hold`.
    pub const fn of(state: CallState) -> Self {
        match state {
            CallState::None => Self::Idle,
            CallState::Connecting => Self::Connecting,
            CallState::Ringing => Self::Ringing,
            CallState::EarlyMedia => Self::EarlyMedia,
            CallState::Connected | CallState::RemoteHold => Self::Connected,
            CallState::LocalHold => Self::Hold,
            CallState::InLobby => Self::InLobby,
            CallState::Disconnecting | CallState::Disconnected => Self::Disconnected,
        }
    }

    /// Returns the name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Connecting => "Connecting",
            Self::Ringing => "Ringing",
            Self::Connected => "Connected",
            Self::Hold => "Hold",
            Self::EarlyMedia => "EarlyMedia",
            Self::InLobby => "InLobby",
            Self::Disconnected => "Disconnected",
        }
    }
}

impl fmt::Display for ParticipantState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ParticipantState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownName)
    }
}

/// Says that no state or kind has the name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

/// The kinds of call.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CallKind {
    /// Any number of participants, bound to a chat thread.
    Group,
    /// A scheduled or instant meeting, with roles and a lobby.
    Meeting,
    /// Two participants.
    OneToOne,
}

impl CallKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Group, Self::Meeting, Self::OneToOne];

    /// Returns the name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "Group",
            Self::Meeting => "Meeting",
            Self::OneToOne => "OneToOne",
        }
    }

    /// Returns whether calls of this kind have a lobby.
    pub const fn has_lobby(self) -> bool {
        match self {
            Self::Meeting => true,
            Self::Group | Self::OneToOne => false,
        }
    }
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_states_read_back() {
        for state in CallState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for state in ParticipantState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        assert_eq!("connected".parse::<CallState>(), Err(UnknownName));
    }

    #[test]
    fn only_the_one_who_holds_shows_hold() {
        assert_eq!(ParticipantState::of(CallState::LocalHold), ParticipantState::Hold);
        assert_eq!(ParticipantState::of(CallState::RemoteHold), ParticipantState::Connected);
    }
}
