//! Topic, metadata, retention, and the end of a thread.

use trunkline_clock::Now;
use trunkline_ids::CommunicationIdentifier;

use crate::{
    command::Reply,
    error::ChatError,
    event::ChatEventKind,
    message::MessageContent,
    output::Change,
    patch::MetadataPatch,
    thread::{Envelope, Thread, record::RetentionPolicy},
};

impl Thread {
    /// Sets what is given; only a new topic is worth a message.
    pub(super) fn update(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        topic: Option<String>,
        metadata: MetadataPatch,
        retention: Option<RetentionPolicy>,
    ) -> Result<Reply, ChatError> {
        let topic = topic.filter(|topic| *topic != self.record.topic);
        let metadata = metadata.applied_to(&self.record.metadata);
        let retention = retention.filter(|retention| *retention != self.record.retention);
        if topic.is_none() && metadata.is_none() && retention.is_none() {
            return Ok(Reply::Done);
        }
        if let Some(topic) = &topic {
            self.limits.check_topic(topic)?;
        }
        if let Some(metadata) = &metadata {
            self.limits.check_metadata(metadata)?;
        }
        if let Some(retention) = retention {
            self.limits.check_retention(retention)?;
            self.record.retention = retention;
        }
        if let Some(metadata) = metadata {
            self.record.metadata = metadata;
        }
        let stamp = self.stamp(now);
        let message = topic.map(|topic| {
            self.record.topic.clone_from(&topic);
            let content = MessageContent::TopicUpdated { topic, initiator: actor.clone() };
            self.append(stamp, content, Envelope::default())
        });
        let thread = self.record.header();
        self.store(Change::PutThread(thread.clone()));
        if let Some(message) = message {
            self.store(Change::PutMessage(message));
        }
        let kind = ChatEventKind::ThreadPropertiesUpdated { thread };
        self.publish(stamp, actor, self.everybody(), kind);
        Ok(Reply::Done)
    }

    pub(super) fn delete(&mut self, now: Now, actor: &CommunicationIdentifier) -> Reply {
        self.end(now, actor, false);
        Reply::Done
    }

    pub(super) fn expire(&mut self, now: Now) {
        let creator = self.record.created_by.clone();
        self.end(now, &creator, true);
    }

    fn end(&mut self, now: Now, actor: &CommunicationIdentifier, by_policy: bool) {
        let stamp = self.stamp(now);
        self.record.deleted_on = Some(stamp.time);
        self.store(Change::DeleteThread(self.record.header()));
        let kind = ChatEventKind::ThreadDeleted { by_policy };
        self.publish(stamp, actor, self.everybody(), kind);
    }
}
