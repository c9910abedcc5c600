//! Close codes: why the exchange ends a transport or a whole session.

use thiserror::Error;

/// Why a transport is closed, in the numbers of the protocol.
///
/// Over a WebSocket the number is the close code, over gRPC it is in the trailer
/// `trunkline-close-code`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CloseCode {
    /// 1000: the client said Goodbye.
    Normal,
    /// 1001: the server is shutting down.
    GoingAway,
    /// 4400: a frame was malformed or not expected at this point.
    Malformed,
    /// 4401: the token is missing, invalid, expired or revoked.
    Unauthorized,
    /// 4403: the token lacks a scope.
    Forbidden,
    /// 4404: the session is unknown or of another user.
    SessionUnknown,
    /// 4408: no Hello or no heartbeat came in time.
    TimedOut,
    /// 4409: a newer connection took the session over.
    TakenOver,
    /// 4413: a frame was larger than the limit.
    FrameTooLarge,
    /// 4429: frames came faster than the limit.
    TooManyFrames,
    /// 4430: the client does not read, or reads and never acknowledges.
    SlowReader,
}

/// Says that a number is not one of the protocol's close codes.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{0} is not a close code of the protocol")]
pub struct UnknownCloseCode(pub u16);

impl CloseCode {
    /// Every code, in the order of its number.
    pub const ALL: [Self; 11] = [
        Self::Normal,
        Self::GoingAway,
        Self::Malformed,
        Self::Unauthorized,
        Self::Forbidden,
        Self::SessionUnknown,
        Self::TimedOut,
        Self::TakenOver,
        Self::FrameTooLarge,
        Self::TooManyFrames,
        Self::SlowReader,
    ];

    /// Returns the number on the wire.
    pub const fn as_u16(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Malformed => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::SessionUnknown => 4404,
            Self::TimedOut => 4408,
            Self::TakenOver => 4409,
            Self::FrameTooLarge => 4413,
            Self::TooManyFrames => 4429,
            Self::SlowReader => 4430,
        }
    }

    /// Returns the stable name that `SessionClosed.error.code` carries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "goodbye",
            Self::GoingAway => "going_away",
            Self::Malformed => "malformed_frame",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::SessionUnknown => "session_unknown",
            Self::TimedOut => "timed_out",
            Self::TakenOver => "taken_over",
            Self::FrameTooLarge => "frame_too_large",
            Self::TooManyFrames => "too_many_frames",
            Self::SlowReader => "slow_reader",
        }
    }

    /// Returns what happened, short enough for the reason of a WebSocket close frame.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Normal => "the client ended the session",
            Self::GoingAway => "the server is shutting down",
            Self::Malformed => "a frame is malformed or not expected here",
            Self::Unauthorized => "the token is missing, invalid, expired or revoked",
            Self::Forbidden => "the token lacks a scope",
            Self::SessionUnknown => "the session is unknown; start a new one",
            Self::TimedOut => "no hello or no heartbeat in time",
            Self::TakenOver => "a newer connection took the session over",
            Self::FrameTooLarge => "a frame is larger than the limit",
            Self::TooManyFrames => "frames come faster than the limit",
            Self::SlowReader => "the client does not read or acknowledge",
        }
    }

    /// Returns whether the session can be resumed on another transport after this code.
    pub const fn is_resumable(self) -> bool {
        match self {
            Self::Malformed | Self::TimedOut | Self::FrameTooLarge | Self::TooManyFrames => true,
            Self::Normal
            | Self::GoingAway
            | Self::Unauthorized
            | Self::Forbidden
            | Self::SessionUnknown
            | Self::TakenOver
            | Self::SlowReader => false,
        }
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = UnknownCloseCode;

    fn try_from(number: u16) -> Result<Self, Self::Error> {
        Self::ALL.into_iter().find(|code| code.as_u16() == number).ok_or(UnknownCloseCode(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_from_its_number_and_no_other_number_does() {
        for number in 0..=u16::MAX {
            match CloseCode::try_from(number) {
                Ok(code) => assert_eq!(code.as_u16(), number),
                Err(UnknownCloseCode(unknown)) => assert_eq!(unknown, number),
            }
        }
        let known = (0..=u16::MAX).filter(|number| CloseCode::try_from(*number).is_ok()).count();
        assert_eq!(known, CloseCode::ALL.len());
    }

    #[test]
    fn meanings_fit_the_reason_of_a_close_frame() {
        // RFC 6455 §5.5: a control frame holds 125 bytes, two of them the code.
        for code in CloseCode::ALL {
            assert!(code.meaning().len() <= 123, "{code:?}");
        }
    }
}
