//! Creating a thread: nobody uses its id before the first commit, so it needs no task for that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_chat::{CreateThread, InvalidMember, Output, Thread, ThreadHeader};
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_storage::ChatUnit;

use crate::chat::{Begun, ChatFailure, CreatedThread, Parts, admission};
use crate::repeatability::RepeatableRequest;

/// The answer as it is kept for when the request comes again.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeptAnswer {
    thread: ThreadHeader,
    invalid: Vec<InvalidMember>,
}

pub(super) async fn create(
    parts: &Parts,
    creator: CommunicationIdentifier,
    mut request: CreateThread,
    id: Option<ThreadId>,
    repeatability: Option<RepeatableRequest>,
) -> Result<CreatedThread, ChatFailure> {
    if parts.base.stopping.is_cancelled() {
        return Err(ChatFailure::ShuttingDown);
    }
    let scope = || format!("chat/create/{creator}");
    let repeating = match parts.begin(scope, repeatability).await? {
        Begun::Answered(KeptAnswer { thread, invalid }) => {
            return Ok(CreatedThread { thread, invalid });
        }
        Begun::First(repeating) => repeating,
    };
    admission::judge(&parts.directory.policy(), &creator, &mut request.members, &[]);
    let (now, limits) = (parts.base.clock.now(), parts.config.limits.clone());
    let id = id.unwrap_or_else(fresh_id);
    let (mut thread, outcome) = Thread::create(now, id.clone(), &creator, request, limits)?;
    let answer = KeptAnswer { thread: thread.record().header(), invalid: outcome.invalid };
    let mut unit = ChatUnit {
        thread_id: id,
        changes: Vec::new(),
        events: Vec::new(),
        repeatability: repeating
            .as_ref()
            .map(|repeating| parts.repeatability.record_json(repeating, &answer)),
    };
    let mut told = Vec::new();
    while let Some(output) = thread.poll_output() {
        match output {
            Output::Store(change) => unit.changes.push(change),
            Output::Publish(event) => {
                told.push(Arc::new(event.clone()));
                unit.events.push(event);
            }
        }
    }
    let places = parts.base.store.commit(unit).await?;
    parts.feed.publish(places.into_iter().zip(told));
    metrics::counter!("trunkline_chat_threads_created_total").increment(1);
    Ok(CreatedThread { thread: answer.thread, invalid: answer.invalid })
}

fn fresh_id() -> ThreadId {
    let text = format!("19:acsV1_{}@thread.v2", uuid::Uuid::new_v4().simple());
    text.parse().expect("the text is visible ASCII and short")
}
