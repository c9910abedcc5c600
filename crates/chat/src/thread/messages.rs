//! What is said, taken back, read and being written.

use trunkline_clock::Now;
use trunkline_ids::{CommunicationIdentifier, DisplayName, IdentifierKind};

use crate::{
    command::{NewContent, Reply},
    error::ChatError,
    event::ChatEventKind,
    html::clean_html,
    limits::Limits,
    member::ReadReceipt,
    message::{Message, MessageContent, MessageId, Metadata},
    output::Change,
    patch::MetadataPatch,
    thread::{Envelope, Stamp, Thread},
};

impl Thread {
    pub(super) fn send_message(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        content: NewContent,
        envelope: Envelope,
    ) -> Result<Reply, ChatError> {
        self.limits.check_metadata(&envelope.metadata)?;
        self.limits.check_client_message_id(envelope.client_message_id.as_deref())?;
        let content = match content {
            NewContent::Html(html) => MessageContent::Html(checked_html(&self.limits, &html)?),
            NewContent::Text(text) => MessageContent::Text(checked_text(&self.limits, text)?),
        };
        let stamp = self.stamp(now);
        let message = self.append(stamp, content, envelope);
        let id = message.id;
        self.tell_message(stamp, actor, message, ChatEventKind::MessageReceived);
        Ok(Reply::MessageSent(id))
    }

    pub(super) fn edit_message(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        mut message: Message,
        content: Option<String>,
        metadata: MetadataPatch,
    ) -> Result<Reply, ChatError> {
        self.check_own(actor, &message)?;
        if message.deleted_on.is_some() {
            return Err(ChatError::MessageDeleted { message_id: message.id });
        }
        let content = content.map(|text| self.edited(&message, text)).transpose()?;
        let content = content.filter(|content| *content != message.content);
        let metadata = metadata.applied_to(&message.metadata);
        if content.is_none() && metadata.is_none() {
            return Ok(Reply::Done);
        }
        if let Some(content) = content {
            message.content = content;
        }
        if let Some(metadata) = metadata {
            self.limits.check_metadata(&metadata)?;
            message.metadata = metadata;
        }
        let stamp = self.stamp(now);
        message.version = stamp.version;
        message.edited_on = Some(stamp.time);
        self.tell_message(stamp, actor, message, ChatEventKind::MessageEdited);
        Ok(Reply::Done)
    }

    pub(super) fn delete_message(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        mut message: Message,
    ) -> Result<Reply, ChatError> {
        self.check_own(actor, &message)?;
        if message.deleted_on.is_some() {
            return Ok(Reply::Done);
        }
        message.content = match message.content {
            MessageContent::Html(_) => MessageContent::Html(String::new()),
            MessageContent::Text(_) => MessageContent::Text(String::new()),
            MessageContent::ParticipantAdded { .. }
            | MessageContent::ParticipantRemoved { .. }
            | MessageContent::TopicUpdated { .. } => {
                return Err(ChatError::SystemMessage { message_id: message.id });
            }
        };
        message.metadata = Metadata::new();
        // Nothing is left that was edited.
        message.edited_on = None;
        let stamp = self.stamp(now);
        message.version = stamp.version;
        message.deleted_on = Some(stamp.time);
        self.tell_message(stamp, actor, message, ChatEventKind::MessageDeleted);
        Ok(Reply::Done)
    }

    pub(super) fn send_read_receipt(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        message_id: MessageId,
    ) -> Result<Reply, ChatError> {
        self.check_small_enough_for_receipts()?;
        if message_id > self.record.last_version {
            return Err(ChatError::MessageNotFound { message_id });
        }
        let last = self.record.receipts.get(actor);
        if last.is_some_and(|last| last.message_id >= message_id) {
            return Ok(Reply::Done);
        }
        let stamp = self.stamp(now);
        let receipt = ReadReceipt { reader: actor.clone(), message_id, read_on: stamp.time };
        self.record.receipts.insert(actor.clone(), receipt.clone());
        self.store(Change::PutReceipt(receipt.clone()));
        self.store_progress();
        let kind = ChatEventKind::ReadReceiptSent { receipt };
        self.publish(stamp, actor, self.everybody(), kind);
        Ok(Reply::Done)
    }

    pub(super) fn send_typing(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        sender_display_name: Option<DisplayName>,
    ) -> Result<Reply, ChatError> {
        self.check_small_enough_for_receipts()?;
        let stamp = Stamp { version: self.record.last_version, time: now.wall };
        let kind = ChatEventKind::TypingStarted { sender_display_name };
        self.publish(stamp, actor, self.everybody(), kind);
        Ok(Reply::Done)
    }

    /// Returns what a message says after an edit, which leaves its type.
    fn edited(&self, message: &Message, text: String) -> Result<MessageContent, ChatError> {
        match message.content {
            MessageContent::Html(_) => Ok(MessageContent::Html(checked_html(&self.limits, &text)?)),
            MessageContent::Text(_) => Ok(MessageContent::Text(checked_text(&self.limits, text)?)),
            MessageContent::ParticipantAdded { .. }
            | MessageContent::ParticipantRemoved { .. }
            | MessageContent::TopicUpdated { .. } => {
                Err(ChatError::SystemMessage { message_id: message.id })
            }
        }
    }

    fn tell_message(
        &mut self,
        stamp: Stamp,
        actor: &CommunicationIdentifier,
        message: Message,
        kind: fn(Message) -> ChatEventKind,
    ) {
        self.store(Change::PutMessage(message.clone()));
        self.store_progress();
        let recipients = self.those_who_see(&message);
        self.publish(stamp, actor, recipients, kind(message));
    }

    /// Checks that a message is there for the actor, and the actor's own.
    fn check_own(
        &self,
        actor: &CommunicationIdentifier,
        message: &Message,
    ) -> Result<(), ChatError> {
        let message_id = message.id;
        let is_visible = message.is_visible_to(self.reader(actor)?);
        if message.thread_id != self.record.id || !is_visible {
            return Err(ChatError::MessageNotFound { message_id });
        }
        if message.is_system() {
            return Err(ChatError::SystemMessage { message_id });
        }
        if message.sender.as_ref() != Some(actor) {
            return Err(ChatError::NotSender { message_id });
        }
        Ok(())
    }

    /// App users count, directory users do not: the documented reading of the limit.
    fn check_small_enough_for_receipts(&self) -> Result<(), ChatError> {
        let members = self
            .record
            .members
            .keys()
            .filter(|who| who.kind() == IdentifierKind::CommunicationUser)
            .count();
        let limit = self.limits.members_with_receipts;
        if members > limit {
            return Err(ChatError::TooManyMembersForReceipts { limit, members });
        }
        Ok(())
    }
}

fn checked_text(limits: &Limits, text: String) -> Result<String, ChatError> {
    limits.check_content(text.len())?;
    Ok(text)
}

fn checked_html(limits: &Limits, html: &str) -> Result<String, ChatError> {
    limits.check_content(html.len())?;
    let cleaned = clean_html(html)?;
    limits.check_cleaned(cleaned.len())?;
    Ok(cleaned)
}
