//! What each failure of the node is told as: the one place where they become statuses.

use std::fmt;

use axum::http::StatusCode;
use trunkline_chat::ChatError;
use trunkline_interop::RoomError;
use trunkline_node::{ChatFailure, ExchangeError, IdentityError, RoomFailure, TokenError};

use crate::error::ApiError;

impl ApiError {
    /// Makes an error of a failure that knows its status and code.
    fn of(status: u16, code: &str, words: &impl fmt::Display) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, code.to_owned(), sentence(&words.to_string()))
    }

    /// Makes an error of a store that failed. What it says is for the operator.
    pub(crate) fn of_store(is_transient: bool, error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error, "the store failed");
        match is_transient {
            true => Self::unavailable("The exchange cannot store anything at the moment."),
            false => Self::internal(),
        }
    }
}

impl From<ChatFailure> for ApiError {
    fn from(failure: ChatFailure) -> Self {
        if let ChatFailure::Store(source) = failure {
            return Self::of_store(source.is_transient(), &source);
        }
        let is_repeated_differently = matches!(failure, ChatFailure::RepeatedDifferently);
        let words = match &failure {
            // Those of the documented service.
            ChatFailure::NotFound => "The specified thread id was not found.".to_owned(),
            ChatFailure::Refused(ChatError::NotMember) => {
                "The initiator doesn't have the permission to perform the requested operation."
                    .to_owned()
            }
            _ => failure.to_string(),
        };
        let mut error = Self::of(failure.status(), failure.code(), &words);
        if let Some(after) = failure.retry_after() {
            error = error.with_retry_after(after);
        }
        match is_repeated_differently {
            true => error.with_repeatability_rejected(),
            false => error,
        }
    }
}

/// The codes and sentences are those of the documented service, which tells a token whose time is
/// over from a bad one in neither.
impl From<ExchangeError> for ApiError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Expired | ExchangeError::Invalid => {
                let message = "Provided access token is not valid.";
                Self::unauthorized("InvalidAccessToken", message)
            }
            ExchangeError::Identity(error) => error.into(),
            ExchangeError::NoScopes => Self::of(403, "Forbidden", &error),
            ExchangeError::OtherApp => {
                Self::validation("AAD application is not the expected one.", "appId")
            }
            // No request of REST names an issuer.
            ExchangeError::OtherIssuer => Self::validation(sentence(&error.to_string()), "token"),
            ExchangeError::OtherUser => {
                Self::validation("Provided AAD token issued for unexpected user.", "userId")
            }
            // Who asked the issuer and got nothing has logged that.
            ExchangeError::Unavailable(_) => {
                Self::unavailable("The keys of the directory's issuer cannot be had at the moment.")
            }
        }
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::LifeOutOfRange { .. } => {
                Self::validation(sentence(&error.to_string()), "ExpiresInMinutes")
            }
            IdentityError::NoScopes => Self::validation(sentence(&error.to_string()), "scopes"),
            IdentityError::Signing(source) => {
                tracing::error!(error = %source, "cannot sign tokens");
                Self::internal()
            }
            IdentityError::Store(source) => Self::of_store(source.is_transient(), &source),
            IdentityError::UnknownResource => Self::denied(),
            IdentityError::UnknownUser => Self::not_found("The specified identity was not found."),
        }
    }
}

impl From<RoomFailure> for ApiError {
    fn from(failure: RoomFailure) -> Self {
        match failure {
            RoomFailure::NotFound => {
                Self::not_found("The server cannot find the requested resource.")
            }
            RoomFailure::Refused(error) => error.into(),
            RoomFailure::RepeatedDifferently => {
                Self::of(409, failure.code(), &failure).with_repeatability_rejected()
            }
            RoomFailure::RepeatedTooSoon { retry_after } => {
                Self::of(429, failure.code(), &failure).with_retry_after(retry_after)
            }
            RoomFailure::Store(source) => Self::of_store(source.is_transient(), &source),
        }
    }
}

/// The sentences are those of the documented service, because programs compare them.
impl From<RoomError> for ApiError {
    fn from(error: RoomError) -> Self {
        let of = |message: &'static str| Self::new(StatusCode::BAD_REQUEST, error.code(), message);
        let (wire, exact) = (error.wire_message(), sentence(&error.to_string()));
        match error {
            RoomError::FromTooFar { .. }
            | RoomError::UntilNotAfterFrom { .. }
            | RoomError::UntilPast { .. }
            | RoomError::ValidTooLong { .. } => {
                Self::malformed(error.target().unwrap_or_default(), wire)
            }
            RoomError::MalformedParticipant
            | RoomError::MalformedRoomId
            | RoomError::NotAppUser
            | RoomError::RoomIdLength => of(wire),
            RoomError::TooManyParticipants { .. } | RoomError::UnknownRole(_) => {
                of(wire).with_detail(error.target().unwrap_or_default(), exact)
            }
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::unauthorized("TokenExpired", "The token has expired."),
            TokenError::Invalid => {
                Self::unauthorized("Unauthorized", "The token is not valid here.")
            }
            TokenError::Revoked => {
                Self::unauthorized("Unauthorized", "The token has been revoked.")
            }
            TokenError::Unavailable => {
                Self::unavailable("The exchange cannot check tokens at the moment.")
            }
        }
    }
}

/// Makes a sentence of the words of an error; the name of a member that begins it stays as it is.
fn sentence(words: &str) -> String {
    let first_word = words.split(' ').next().unwrap_or_default();
    let is_name = first_word.chars().any(char::is_uppercase);
    let mut characters = words.chars();
    let first: String = match is_name {
        true => characters.next().into_iter().collect(),
        false => characters.next().into_iter().flat_map(char::to_uppercase).collect(),
    };
    let mut sentence = first + characters.as_str();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_sentence() {
        assert_eq!(sentence("the actor is not a member"), "The actor is not a member.");
        assert_eq!(sentence("Denied."), "Denied.");
        assert_eq!(sentence("validUntil is in the past"), "validUntil is in the past.");
        assert_eq!(sentence(""), ".");
    }
}
