//! Guests: app users for whom nothing vouches but a meeting's link or code that they show.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use trunkline_ids::{CommunicationIdentifier, MeetingLocator};
use trunkline_interop::{Caller, JoinByCodeError};
use trunkline_policy::Scope;
use trunkline_storage::StoreError;

use crate::identity::{IdentityError, TokenRequest, User};
use crate::meetings::MeetingFailure;
use crate::node::Node;
use crate::token::{AccessToken, TokenError};

/// What somebody shows who wants to come as a guest.
#[derive(Clone, Copy, Debug)]
pub struct GuestRequest<'a> {
    /// Where they are. Wrong codes count against it.
    pub peer: IpAddr,
    /// The meeting.
    pub locator: &'a MeetingLocator,
    /// The token that they have, to stay who they are; somebody new without.
    pub token: Option<&'a str>,
}

/// Why nobody became a guest.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// Identity failed.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No meeting that is there lets guests in by the locator, and which of these it is remains
    /// unsaid.
    #[error("no meeting takes guests by that link, or by that id and passcode")]
    NoMeeting,
    /// The exchange is stopping.
    #[error("the exchange is shutting down")]
    ShuttingDown,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The token is not in force, or is no guest's.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Too many wrong codes were shown from there.
    #[error("too many wrong codes: try again in {} s", retry_after.as_secs())]
    TooManyAttempts {
        /// When they may try again.
        retry_after: Duration,
    },
}

/// Signs guests in.
#[derive(Clone, Debug)]
pub struct Guests {
    node: Node,
}

impl Node {
    /// Returns what signs guests in.
    pub fn guests(&self) -> Guests {
        Guests { node: self.clone() }
    }
}

impl Guests {
    /// How long the token of a guest lives. It is replaced while the guest still knows a way into the
    /// meeting.
    pub const LIFE: Duration = Duration::from_secs(60 * 60);

    /// What the token of a guest is good for: to join and to write, and to begin nothing. Who is in
    /// the chat follows the meeting, whose lobby they would open to others otherwise.
    pub const SCOPES: [Scope; 2] = [Scope::ChatJoinLimited, Scope::VoipJoin];

    /// Gives a token to whoever shows the way into a meeting that takes guests. Whether they come
    /// further than its lobby is the meeting's to say when they join.
    pub async fn sign_in(
        &self,
        request: GuestRequest<'_>,
    ) -> Result<(User, AccessToken), GuestError> {
        let GuestRequest { peer, locator, token } = request;
        let (identity, now) = (self.node.identity(), self.node.clock().wall());
        let known = match token {
            Some(token) => Some(identity.verify(token, now).await?.identifier),
            None => None,
        };
        if known.as_ref().is_some_and(|known| !is_guest(known)) {
            return Err(TokenError::Invalid.into());
        }
        let drawn = identity.draw_guest();
        let new = CommunicationIdentifier::CommunicationUser(drawn.clone());
        let guest = known.clone().unwrap_or(new);
        let meeting = self.node.meetings().locate(&Caller::Address(peer), locator).await?;
        match meeting.is_open_to(guest.clone()).await {
            Some(true) => {}
            Some(false) => return Err(GuestError::NoMeeting),
            None => return Err(GuestError::ShuttingDown),
        }
        if known.is_none() {
            identity.create_guest(drawn, now).await?;
        }
        let request =
            TokenRequest { scopes: &BTreeSet::from(Self::SCOPES), life: Some(Self::LIFE) };
        let name = guest.to_string();
        Ok(identity.issue_token(identity.resource(), &name, request, now).await?)
    }
}

impl From<MeetingFailure> for GuestError {
    fn from(failure: MeetingFailure) -> Self {
        match failure {
            MeetingFailure::Code(JoinByCodeError::TooManyAttempts { retry_after }) => {
                Self::TooManyAttempts { retry_after }
            }
            MeetingFailure::ShuttingDown => Self::ShuttingDown,
            MeetingFailure::Store(error) => Self::Store(error),
            MeetingFailure::Chat(_)
            | MeetingFailure::Code(JoinByCodeError::Refused)
            | MeetingFailure::Create(_)
            | MeetingFailure::Denied(_)
            | MeetingFailure::Failed(_)
            | MeetingFailure::Malformed(_)
            | MeetingFailure::NotFound
            | MeetingFailure::NotOwn
            | MeetingFailure::Refused(_)
            | MeetingFailure::TooManyReaders { .. } => Self::NoMeeting,
        }
    }
}

/// Returns whether somebody came as a guest.
pub(crate) fn is_guest(identifier: &CommunicationIdentifier) -> bool {
    matches!(identifier, CommunicationIdentifier::CommunicationUser(user) if user.is_guest())
}
