//! What an administrator is told about two users.

use std::fmt;

use serde::Serialize;
use trunkline_ids::CommunicationIdentifier;

use crate::{
    calling::{Principal, decide_call},
    chatting::decide_chat,
    decision::Decision,
    snapshot::Policy,
};

/// Both decisions about two users. Prints as several lines, for people.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Who asks.
    pub from: CommunicationIdentifier,
    /// Who is asked for.
    pub to: CommunicationIdentifier,
    /// Whether one may call the other.
    pub call: Decision,
    /// Whether one may start a chat with the other.
    pub chat: Decision,
}

/// Decides whether `from` may call `to`, and chat with `to`.
pub fn explain(
    from: &CommunicationIdentifier,
    to: &CommunicationIdentifier,
    policy: &Policy,
) -> Explanation {
    let principal = Principal { identifier: from.clone() };
    Explanation {
        from: from.clone(),
        to: to.clone(),
        call: decide_call(&principal, to, policy),
        chat: decide_chat(&principal, to, policy),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} → {}", self.from, self.to)?;
        write!(f, "call: {}\nchat: {}", self.call, self.chat)
    }
}
