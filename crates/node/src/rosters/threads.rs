//! What others do to a chat, told to the meeting or the calls to which it belongs.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use trunkline_call::Signal as CallSignal;
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_interop::{CallRoster, RosterPlan, RosterStep, Signal};

use super::{Standing, standing};
use crate::calls::CallHandle;
use crate::chat::{Direction, Movement};
use crate::node::Node;

/// Runs until the node stops. Calls and meetings wait for chat, so chat does not wait for this.
pub(crate) async fn follow(node: Node, mut movements: mpsc::UnboundedReceiver<Movement>) {
    loop {
        tokio::select! {
            movement = movements.recv() => match movement {
                Some(movement) => tell(&node, movement).await,
                None => return,
            },
            () = node.shutting_down() => return,
        }
    }
}

async fn tell(node: &Node, movement: Movement) {
    let Movement { thread_id, identifier, direction } = movement;
    if let Some(meeting) = node.meeting_tables().of_thread(&thread_id) {
        meeting.signal(match direction {
            Direction::Came => Signal::ThreadJoined { identifier },
            Direction::Went => Signal::ThreadLeft { identifier },
        });
        return;
    }
    match direction {
        // Welcome in the call, but not rung: nobody expects a chat to ring.
        Direction::Came => {}
        Direction::Went => {
            let calls = node.calls().of_user(&identifier);
            for call in calls.into_iter().filter(|call| call.meeting().is_none()) {
                remove(&call, &thread_id, &identifier).await;
            }
        }
    }
}

/// Takes somebody out of a call whose chat they were taken out of.
async fn remove(call: &CallHandle, thread_id: &ThreadId, who: &CommunicationIdentifier) {
    let Ok(Standing { thread_id: Some(own), participants, .. }) = standing(call).await else {
        return;
    };
    if own != *thread_id {
        return;
    }
    let roster = CallRoster { participants: participants.into_iter().collect(), limit: 0 };
    let removed = BTreeSet::from([who.clone()]);
    let plan = RosterPlan::follow_thread(call.sync(), &removed, &roster, thread_id);
    for step in plan.steps() {
        if let RosterStep::RemoveFromCall(identifier, _) = step {
            call.signal(CallSignal::ThreadLeft { identifier: identifier.clone() }).await;
        }
    }
}
