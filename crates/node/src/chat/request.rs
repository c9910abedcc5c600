//! What is asked of chat, and by whom.

use std::collections::BTreeSet;
use std::fmt;

use trunkline_chat::{
    InvalidMember, Metadata, MetadataPatch, NewContent, RetentionPolicy, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName};
use trunkline_policy::{Right, Scope, decide_scope};

use crate::chat::failure::ChatFailure;
use crate::page::PageCursor;
use crate::repeatability::RepeatableRequest;
use crate::token::TokenClaims;

/// Who acts in chat.
#[derive(Clone, Debug)]
pub struct ChatActor {
    /// Who it is.
    pub identifier: CommunicationIdentifier,
    /// What the token allows.
    pub scopes: BTreeSet<Scope>,
    /// When the token stops being valid: subscriptions end then.
    pub expires_on: Option<Timestamp>,
    /// How often the user's tokens had been revoked when this one was issued.
    pub(crate) generation: Option<u32>,
    /// Whether a call or a meeting changes its own chat, and so need not be told of it.
    pub(crate) is_roster: bool,
}

impl ChatActor {
    /// Makes an actor without a token: for what runs in the same process.
    pub fn new(
        identifier: CommunicationIdentifier,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        let scopes = scopes.into_iter().collect();
        Self { identifier, scopes, expires_on: None, generation: None, is_roster: false }
    }

    /// Makes the hand with which a call or a meeting changes its own chat, in somebody's name.
    pub(crate) fn roster(identifier: CommunicationIdentifier) -> Self {
        Self { is_roster: true, ..Self::new(identifier, [Scope::Chat]) }
    }

    /// Fails unless the token allows it.
    pub fn require(&self, right: Right) -> Result<(), ChatFailure> {
        let decision = decide_scope(&self.scopes, right);
        match decision.is_allowed() {
            true => Ok(()),
            false => Err(ChatFailure::ScopeDenied(decision)),
        }
    }
}

impl From<&TokenClaims> for ChatActor {
    fn from(claims: &TokenClaims) -> Self {
        Self {
            identifier: claims.identifier.clone(),
            scopes: claims.scopes.clone(),
            expires_on: Some(claims.expires_on),
            generation: Some(claims.generation),
            is_roster: false,
        }
    }
}

/// A thread that was created.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreatedThread {
    /// The thread.
    pub thread: ThreadHeader,
    /// Who is not in it though named, and why.
    pub invalid: Vec<InvalidMember>,
}

/// A message to send.
#[derive(Clone)]
pub struct SendMessage {
    /// What it says.
    pub content: NewContent,
    /// The name to show beside it.
    pub sender_display_name: Option<DisplayName>,
    /// What the app attaches.
    pub metadata: Metadata,
    /// The client's own id of the message, told to everybody with it.
    pub client_message_id: Option<String>,
    /// Set when the request may come again: it is carried out once.
    pub repeatability: Option<RepeatableRequest>,
}

/// A change to a message; what is absent stays.
#[derive(Clone, Default)]
pub struct EditMessage {
    /// What it says from here on.
    pub content: Option<String>,
    /// What changes of what the app attaches.
    pub metadata: MetadataPatch,
}

/// A change to a thread; what is absent stays.
#[derive(Clone, Default)]
pub struct UpdateThread {
    /// What it is about.
    pub topic: Option<String>,
    /// What changes of what the app attaches.
    pub metadata: MetadataPatch,
    /// When it is to be deleted.
    pub retention: Option<RetentionPolicy>,
}

/// Which threads of the actor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ThreadQuery {
    /// Where the page before ended.
    pub after: Option<PageCursor>,
    /// Only threads with a message, or made, at or after this time.
    pub since: Option<Timestamp>,
    /// At most so many; at least one is returned if there is one.
    pub limit: usize,
}

/// Which messages of a thread, newest first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MessageQuery {
    /// Where the page before ended.
    pub after: Option<PageCursor>,
    /// Only messages created at or after this time.
    pub since: Option<Timestamp>,
    /// At most so many; at least one is returned if there is one.
    pub limit: usize,
}

impl SendMessage {
    /// Makes a message that says something, and nothing else.
    pub fn new(content: NewContent) -> Self {
        Self {
            content,
            sender_display_name: None,
            metadata: Metadata::new(),
            client_message_id: None,
            repeatability: None,
        }
    }
}

impl fmt::Debug for SendMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMessage").field("content", &self.content).finish_non_exhaustive()
    }
}

impl fmt::Debug for EditMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.content.as_ref().map(String::len);
        f.debug_struct("EditMessage").field("length_bytes", &length).finish_non_exhaustive()
    }
}

impl fmt::Debug for UpdateThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateThread").field("retention", &self.retention).finish_non_exhaustive()
    }
}
