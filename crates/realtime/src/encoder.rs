//! Encodes each event once, however many endpoints are told of it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use trunkline_chat::ChatEvent;

use crate::push::Push;

/// Remembers the pushes of the last events.
///
/// Endpoints get the same `Arc` of an event at about the same time, so a small table suffices. One
/// that is late encodes once more and is right all the same.
pub(crate) struct Encoder {
    slots: [Mutex<Option<Slot>>; SLOTS],
}

struct Slot {
    /// Held, so that no other event can take its address.
    event: Arc<ChatEvent>,
    push: Option<Arc<Push>>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self { slots: [const { Mutex::new(None) }; SLOTS] }
    }

    /// Returns the push of an event; `None` if the client is not told of it.
    pub(crate) fn encode(&self, event: &Arc<ChatEvent>) -> Option<Arc<Push>> {
        // Allocations are aligned and of a few hundred bytes: the low bits tell nothing.
        let address = Arc::as_ptr(event).addr();
        let slot = &self.slots[(address >> 6) % SLOTS];
        // The lock is held while encoding, so that the others wait for the push and not make it too.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = &*slot
            && Arc::ptr_eq(&slot.event, event)
        {
            return slot.push.clone();
        }
        let push = Push::encode(event).map(Arc::new);
        *slot = Some(Slot { event: Arc::clone(event), push: push.clone() });
        push
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

/// More keep more events alive that nobody needs; fewer make events that come at the same time push
/// each other out.
const SLOTS: usize = 61;

#[cfg(test)]
mod tests {
    use trunkline_chat::{ChatEventKind, MessageId};
    use trunkline_clock::Timestamp;

    use super::*;

    fn event() -> Arc<ChatEvent> {
        Arc::new(ChatEvent {
            thread_id: "19:t@thread.v2".parse().unwrap(),
            version: MessageId::from_millis(1),
            time: Timestamp::UNIX_EPOCH,
            actor: "8:acs:contoso_alice".parse().unwrap(),
            actor_display_name: None,
            recipients: vec![],
            kind: ChatEventKind::ThreadDeleted { by_policy: false },
        })
    }

    #[test]
    fn an_event_is_encoded_once() {
        let encoder = Encoder::new();
        let event = event();
        let (first, second) = (encoder.encode(&event).unwrap(), encoder.encode(&event).unwrap());
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn events_do_not_answer_for_each_other() {
        let encoder = Encoder::new();
        let events: Vec<_> = std::iter::repeat_with(event).take(3 * SLOTS).collect();
        let pushes: Vec<_> = events.iter().map(|event| encoder.encode(event).unwrap()).collect();
        for (index, push) in pushes.iter().enumerate() {
            assert!(!pushes[..index].iter().any(|earlier| Arc::ptr_eq(earlier, push)));
        }
    }
}
