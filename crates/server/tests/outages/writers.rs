//! Those who write and read while the exchange comes and goes under them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Code, Status};
use trunkline_api::chat::v1::chat_service_client::ChatServiceClient;
use trunkline_proto::chat::v1::{WatchChatRequest, chat_event::Kind};

use crate::chat::{User, written};

/// What writers and the test share.
#[derive(Clone)]
pub(crate) struct Course {
    /// The way to the exchange that runs.
    pub(crate) channel: watch::Receiver<Channel>,
    pub(crate) acknowledged: Arc<AtomicUsize>,
    pub(crate) is_over: Arc<AtomicBool>,
}

/// One who writes numbered messages into a thread.
pub(crate) struct Writer {
    pub(crate) name: usize,
    pub(crate) user: User,
    pub(crate) thread: String,
}

/// What a writer knows at the end.
pub(crate) struct Written {
    pub(crate) writer: Writer,
    /// The ids of its messages 1, 2, …, as they were acknowledged.
    pub(crate) ids: Vec<String>,
    /// Requests that were made again because no answer came.
    pub(crate) retries: usize,
}

impl Writer {
    /// Writes until the course is over. A message without an answer is sent until it has one.
    pub(crate) async fn run(self, mut course: Course) -> Written {
        let (mut ids, mut retries) = (Vec::<String>::new(), 0);
        while !course.is_over.load(Ordering::Relaxed) {
            let (id, attempts) = self.send(&mut course, ids.len() + 1).await;
            if attempts > 1 {
                retries += attempts - 1;
                // What was acknowledged before the kill gets the same answer after it.
                if let Some(before) = ids.last() {
                    let (again, _) = self.send(&mut course, ids.len()).await;
                    assert_eq!(again, *before, "writer {} message {}", self.name, ids.len());
                }
            }
            ids.push(id);
            course.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        Written { writer: self, ids, retries }
    }

    async fn send(&self, course: &mut Course, number: usize) -> (String, usize) {
        let text = format!("{} {number}", self.name);
        for attempt in 1.. {
            let channel = course.channel.borrow_and_update().clone();
            match self.user.send(channel, &self.thread, &text, &text).await {
                Ok(id) => return (id, attempt),
                Err(status) => wait_after(&status, &mut course.channel).await,
            }
        }
        unreachable!("it is tried for ever")
    }
}

/// Reads all that happens to a user across all kills, each time from where it was; returns the
/// sequences and ids of messages of each thread when it has seen so many.
pub(crate) async fn watch_all(
    user: User,
    mut channel: watch::Receiver<Channel>,
    seen: watch::Sender<usize>,
    mut wanted: watch::Receiver<usize>,
) -> BTreeMap<String, Vec<(u64, String)>> {
    let mut threads = BTreeMap::<String, Vec<(u64, String)>>::new();
    let (mut count, mut cursor) = (0, Some(0));
    loop {
        let mut chat = ChatServiceClient::new(channel.borrow_and_update().clone());
        let request = user.sign(WatchChatRequest { after_seq: cursor });
        let mut stream = match chat.watch_chat(request).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => {
                wait_after(&status, &mut channel).await;
                continue;
            }
        };
        loop {
            if count >= *wanted.borrow_and_update() {
                return threads;
            }
            let item = tokio::select! {
                item = stream.message() => item,
                changed = wanted.changed() => {
                    changed.unwrap();
                    continue;
                }
            };
            match item {
                Ok(Some(item)) => {
                    cursor = item.seq.or(cursor);
                    let kind = item.event.and_then(|event| event.kind);
                    if let Some(Kind::MessageReceived(received)) = kind
                        && let Some(message) = received.message
                        && written(&message).is_some()
                    {
                        let of_thread = threads.entry(message.thread_id).or_default();
                        of_thread.push((message.sequence, message.message_id));
                        count += 1;
                        seen.send_replace(count);
                    }
                }
                Ok(None) => break,
                Err(status) => {
                    wait_after(&status, &mut channel).await;
                    break;
                }
            }
        }
    }
}

/// Waits until it may work again. What a kill cannot be the reason of is a failure.
async fn wait_after(status: &Status, channel: &mut watch::Receiver<Channel>) {
    match status.code() {
        // The connection broke, or the request before is still being answered.
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::ResourceExhausted
        | Code::Unavailable
        | Code::Unknown => {}
        _ => panic!("refused: {status:?}"),
    }
    // The next exchange, or another attempt at this one.
    let _ = tokio::time::timeout(Duration::from_millis(200), channel.changed()).await;
}
