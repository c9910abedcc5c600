//! A call that rings here.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use trunkline_ids::CallId;

use crate::{
    agent::AgentLink,
    call::{Call, CallInfo, CallerInfo},
    error::{AcceptCallError, RejectCallError},
    identity::CallEndReason,
    media::MediaOptions,
};

/// A call that rings this endpoint, and perhaps others of the same user.
#[derive(Clone)]
pub struct IncomingCall {
    pub(crate) shared: Arc<IncomingShared>,
}

/// What became of a ringing call on this endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IncomingCallState {
    /// It was accepted here.
    Accepted,
    /// It stopped ringing: cancelled, accepted elsewhere, not answered, declined.
    Ended(Option<CallEndReason>),
    /// It rings.
    Ringing,
}

pub(crate) struct IncomingShared {
    pub(crate) call_id: CallId,
    pub(crate) caller: CallerInfo,
    pub(crate) info: CallInfo,
    pub(crate) agent: AgentLink,
    state: Mutex<IncomingCallState>,
    changed: watch::Sender<u64>,
}

impl IncomingShared {
    pub(crate) fn new(
        call_id: CallId,
        caller: CallerInfo,
        info: CallInfo,
        agent: AgentLink,
    ) -> Arc<Self> {
        let state = Mutex::new(IncomingCallState::Ringing);
        Arc::new(Self { call_id, caller, info, agent, state, changed: watch::Sender::new(0) })
    }

    pub(crate) fn set_state(&self, state: IncomingCallState) {
        *self.lock() = state;
        self.changed.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, IncomingCallState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IncomingCall {
    /// Returns the exchange's name of the call.
    pub fn id(&self) -> CallId {
        self.shared.call_id
    }

    /// Returns who calls.
    pub fn caller_info(&self) -> &CallerInfo {
        &self.shared.caller
    }

    /// Returns the chat thread and the kind of the call.
    pub fn info(&self) -> &CallInfo {
        &self.shared.info
    }

    /// Returns whether it still rings, and what became of it if not.
    pub fn state(&self) -> IncomingCallState {
        self.shared.lock().clone()
    }

    /// Returns why it stopped ringing without being accepted here, once it has.
    pub fn call_end_reason(&self) -> Option<CallEndReason> {
        match self.state() {
            IncomingCallState::Ended(reason) => reason,
            IncomingCallState::Accepted | IncomingCallState::Ringing => None,
        }
    }

    /// Accepts the call with media and returns once the exchange has given it to this endpoint.
    pub async fn accept(&self, media: MediaOptions) -> Result<Call, AcceptCallError> {
        self.accept_with(Some(media)).await
    }

    /// Accepts the call without media, as a controller.
    pub async fn accept_without_media(&self) -> Result<Call, AcceptCallError> {
        self.accept_with(None).await
    }

    /// Declines the call, for all endpoints of the user.
    pub async fn reject(&self) -> Result<(), RejectCallError> {
        if self.state() != IncomingCallState::Ringing {
            return Err(RejectCallError::NotRinging);
        }
        Ok(self.shared.agent.reject(self.shared.call_id).await?)
    }

    /// Waits until the call no longer rings here and returns what became of it: `callEnded`.
    pub async fn ended(&self) -> IncomingCallState {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let state = self.state();
            if state != IncomingCallState::Ringing {
                return state;
            }
            // The sender lives in what `self` holds, so that it cannot be gone.
            let _ = changed.changed().await;
        }
    }

    async fn accept_with(&self, media: Option<MediaOptions>) -> Result<Call, AcceptCallError> {
        if self.state() != IncomingCallState::Ringing {
            return Err(AcceptCallError::NotRinging);
        }
        Ok(self.shared.agent.accept(Arc::clone(&self.shared), media).await?)
    }
}

impl PartialEq for IncomingCall {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for IncomingCall {}

impl fmt::Debug for IncomingCall {
    /// Shows nobody's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("id", &self.id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
