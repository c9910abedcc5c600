//! The thread: members, messages, receipts, and the one clock that orders them.

pub(crate) mod record;

use std::{collections::VecDeque, fmt};

use trunkline_clock::{Now, Timestamp};
use trunkline_ids::{CommunicationIdentifier, ThreadId};

use crate::{
    command::{Command, CreateThread, Reply},
    error::{ChatError, CreateThreadError},
    limits::Limits,
    member::InvalidMember,
    output::Output,
    thread::record::ThreadRecord,
};

/// One thread of chat.
///
/// The driver hands in one command at a time and then drains [`Thread::poll_output`]: all
/// [`Output::Store`] of one input are committed as one unit, after which its [`Output::Publish`] are
/// told, and the command is answered. If the commit fails the thread is to be restored from the
/// store, because it is ahead of it. After any `handle_*` the timer is armed anew.
pub struct Thread {
    record: ThreadRecord,
    limits: Limits,
    outputs: VecDeque<Output>,
}

/// What came of creating a thread.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreateOutcome {
    /// Who is not in it though named, and why.
    pub invalid: Vec<InvalidMember>,
}

impl Thread {
    /// Creates a thread, whose outputs are to be drained as those of a command.
    ///
    /// # Errors
    ///
    /// As adding members and setting properties of a thread that exists.
    pub fn create(
        now: Now,
        id: ThreadId,
        creator: &CommunicationIdentifier,
        request: CreateThread,
        limits: Limits,
    ) -> Result<(Self, CreateOutcome), CreateThreadError> {
        let _ = (now, id, creator, request, limits);
        Err(ChatError::NotMember.into())
    }

    /// Restores a thread from what a store kept of it.
    pub fn restore(record: ThreadRecord, limits: Limits) -> Self {
        Self { record, limits, outputs: VecDeque::new() }
    }

    /// Takes a command of a user.
    ///
    /// # Errors
    ///
    /// Says why nothing was done; there are no outputs then.
    pub fn handle_input(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        command: Command,
    ) -> Result<Reply, ChatError> {
        let _ = (now, actor, command);
        Err(ChatError::NotMember)
    }

    /// Deletes the thread if its retention policy says so.
    pub fn handle_timeout(&mut self, now: Now) {
        let _ = now;
    }

    /// Takes the next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when `handle_timeout` is due, by the wall clock; `None` if never.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.record.expires_on()
    }

    /// Returns what is durable about the thread.
    pub fn record(&self) -> &ThreadRecord {
        &self.record
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("record", &self.record)
            .field("outputs", &self.outputs.len())
            .finish_non_exhaustive()
    }
}
