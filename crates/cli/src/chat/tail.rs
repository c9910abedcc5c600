//! `trunkline chat tail`: what happens in a user's threads, across lost connections.

use trunkline_proto::chat::v1::chat_event::Kind;
use trunkline_proto::chat::v1::{
    ChatEvent, Member, Message, MessageType, WatchChatRequest, WatchChatResponse,
};
use trunkline_proto::common::v1::CommunicationIdentifier;

use crate::failure::Failure;
use crate::output::Output;
use crate::remote::{Remote, Who, wait_to_resume};
use crate::wire_json::to_json;

/// Options of `trunkline chat tail`.
#[derive(Debug, clap::Args)]
pub(super) struct TailArguments {
    /// Only this thread; all threads of the user when left out.
    thread: Option<String>,
    /// Begin after this place in the feed; with what happens from here on when left out.
    #[arg(long)]
    after: Option<u64>,
    /// End after so many events.
    #[arg(long)]
    count: Option<usize>,
}

pub(super) async fn run(
    arguments: TailArguments,
    remote: &Remote,
    who: &Who,
    output: &Output,
) -> Result<(), Failure> {
    let mut tail = Tail {
        thread: arguments.thread,
        cursor: arguments.after,
        remaining: arguments.count.unwrap_or(usize::MAX),
    };
    tokio::select! {
        outcome = tail.follow(remote, who, output) => outcome,
        // Whoever interrupts has seen enough.
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// How far the reader is.
struct Tail {
    thread: Option<String>,
    cursor: Option<u64>,
    remaining: usize,
}

impl Tail {
    async fn follow(&mut self, remote: &Remote, who: &Who, output: &Output) -> Result<(), Failure> {
        while self.remaining > 0 {
            let status = match self.watch(remote, who, output).await? {
                None => continue,
                Some(status) => status,
            };
            wait_to_resume(status, self.cursor).await?;
        }
        Ok(())
    }

    /// Reads one stream to its end, and returns why it ended.
    async fn watch(
        &mut self,
        remote: &Remote,
        who: &Who,
        output: &Output,
    ) -> Result<Option<tonic::Status>, Failure> {
        let mut chat = match remote.chat(who).await {
            Ok(chat) => chat,
            // The first connection must succeed; later ones may have to wait for the exchange.
            Err(_) if self.cursor.is_some() => {
                return Ok(Some(tonic::Status::unavailable("the exchange does not answer")));
            }
            Err(failure) => return Err(failure),
        };
        let request = WatchChatRequest { after_seq: self.cursor };
        let mut events = match chat.watch_chat(request).await {
            Ok(events) => events.into_inner(),
            Err(status) => return Ok(Some(status)),
        };
        while self.remaining > 0 {
            match events.message().await {
                Ok(Some(response)) => self.take(response, output),
                Ok(None) => return Ok(None),
                Err(status) => return Ok(Some(status)),
            }
        }
        Ok(None)
    }

    fn take(&mut self, response: WatchChatResponse, output: &Output) {
        self.cursor = response.seq.or(self.cursor);
        let Some(event) = &response.event else { return };
        if self.thread.as_ref().is_some_and(|thread| *thread != event.thread_id) {
            return;
        }
        self.remaining -= 1;
        output.print(text(response.seq, event, output), || {
            to_json("trunkline.chat.v1.WatchChatResponse", &response)
        });
    }
}

fn text(seq: Option<u64>, event: &ChatEvent, output: &Output) -> String {
    let seq = seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    let actor = raw_id(&event.actor);
    let what = match &event.kind {
        Some(Kind::MessageReceived(received)) => said(received.message.as_ref(), "", actor),
        Some(Kind::MessageEdited(edited)) => said(edited.message.as_ref(), " (edited)", actor),
        Some(Kind::MessageDeleted(_)) => format!("{actor} deleted a message"),
        Some(Kind::ParticipantsAdded(added)) => format!("{actor} added {}", names(&added.added)),
        Some(Kind::ParticipantsRemoved(removed)) => {
            format!("{actor} removed {}", names(&removed.removed))
        }
        Some(Kind::ReadReceiptSent(sent)) => {
            let message_id = sent.receipt.as_ref().map(|receipt| receipt.message_id.as_str());
            format!("{actor} has read up to {}", message_id.unwrap_or_default())
        }
        Some(Kind::ThreadCreated(created)) => {
            let topic = created.thread.as_ref().map(|thread| thread.topic.as_str());
            let members = names(&created.members);
            format!("{actor} created “{}” with {members}", topic.unwrap_or_default())
        }
        Some(Kind::ThreadDeleted(deleted)) if deleted.by_policy => {
            "the retention policy deleted the thread".to_owned()
        }
        Some(Kind::ThreadDeleted(_)) => format!("{actor} deleted the thread"),
        Some(Kind::ThreadPropertiesUpdated(updated)) => {
            let topic = updated.thread.as_ref().map(|thread| thread.topic.as_str());
            format!("{actor} set the properties: “{}”", topic.unwrap_or_default())
        }
        Some(Kind::TypingStarted(_)) => format!("{actor} writes …"),
        None => "something that this version does not know".to_owned(),
    };
    format!("{} {} {what}", output.dim(&seq), output.dim(&event.thread_id))
}

fn said(message: Option<&Message>, remark: &str, actor: &str) -> String {
    let Some(message) = message else { return String::new() };
    let name = match message.sender_display_name.as_str() {
        "" => actor,
        name => name,
    };
    let content = message.content.clone().unwrap_or_default();
    match content.r#type() {
        MessageType::TopicUpdated => format!("{actor} set the topic: “{}”", content.topic),
        MessageType::Html
        | MessageType::ParticipantAdded
        | MessageType::ParticipantRemoved
        | MessageType::Text
        | MessageType::Unspecified => {
            // What others say must not steer the reader's terminal.
            let content = content.content.replace(|character: char| character.is_control(), " ");
            format!("{name}{remark}: {content}")
        }
    }
}

fn names(members: &[Member]) -> String {
    let name = |member: &Member| match member.display_name.as_str() {
        "" => raw_id(&member.identifier).to_owned(),
        name => name.to_owned(),
    };
    members.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn raw_id(identifier: &Option<CommunicationIdentifier>) -> &str {
    identifier.as_ref().map(|identifier| identifier.raw_id.as_str()).unwrap_or_default()
}
