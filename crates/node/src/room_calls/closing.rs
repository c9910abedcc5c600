//! The end of a room's validity, which ends its call, and the end of its call.

use tokio::sync::watch;
use trunkline_call::MeetingInput;
use trunkline_clock::Timestamp;
use trunkline_interop::RoomId;
use trunkline_reasons::EndReason;

use crate::calls::{CallHandle, CallMessage};
use crate::node::Node;

/// Ends the call when its room is not valid any more, unless it is over before, and takes it off the
/// table when it is gone.
pub(super) async fn close_in_time(
    node: Node,
    id: RoomId,
    call: CallHandle,
    valid_until: watch::Receiver<Timestamp>,
) {
    tokio::select! {
        () = invalid(&node, valid_until) => {
            let reason = EndReason::ROOM_NOT_VALID;
            let end = Box::new(MeetingInput::EndCall { reason });
            call.tell(CallMessage::MeetingStep(end)).await;
        }
        () = call.gone() => {}
        () = node.shutting_down() => return,
    }
    tokio::select! {
        () = call.gone() => node.room_calls().forget(&id, call.id()),
        () = node.shutting_down() => {}
    }
}

/// Waits until the room is not valid, as it is changed meanwhile.
async fn invalid(node: &Node, mut valid_until: watch::Receiver<Timestamp>) {
    loop {
        let until = *valid_until.borrow_and_update();
        let left = until.saturating_duration_since(node.wall());
        if left.is_zero() {
            return;
        }
        tokio::select! {
            // The wall clock may have been set meanwhile: it is asked again.
            () = tokio::time::sleep(left) => {}
            changed = valid_until.changed() => if changed.is_err() {
                // The room has another call by now.
                return std::future::pending().await;
            },
        }
    }
}
