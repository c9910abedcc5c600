//! How much of everything a thread may hold; each limit has a typed error.

use crate::{error::ChatError, message::Metadata, thread::record::RetentionPolicy};

/// How much of everything a thread may hold, with the documented values as defaults.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Members at once. Documented: 250.
    pub members: usize,
    /// Members named in one request. Documented: 200.
    pub members_per_request: usize,
    /// Bytes of a message's content. Documented: 28 KB. Markup may be twice as long once it is
    /// cleaned, because cleaning escapes characters and adds attributes to links.
    pub content_bytes: usize,
    /// App users in a thread with receipts and typing. Documented: 20; each receipt costs one message
    /// per member, so the cost grows with the square.
    pub members_with_receipts: usize,
    /// Characters of a topic. Documented: 256.
    pub topic_characters: usize,
    /// Bytes of the keys and values attached to a thread or a message.
    pub metadata_bytes: usize,
    /// Bytes of the keys and values attached to a member. Smaller, because every record of a thread
    /// and every event about members carries all of it.
    pub member_metadata_bytes: usize,
    /// Bytes of a client's own id of a message.
    pub client_message_id_bytes: usize,
    /// The shortest time after which a thread may delete itself, in days. Documented: 30.
    pub shortest_retention_days: u16,
    /// The longest. Documented: 90.
    pub longest_retention_days: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 250,
            members_per_request: 200,
            content_bytes: 28 * 1_024,
            members_with_receipts: 20,
            topic_characters: 256,
            metadata_bytes: 8 * 1_024,
            member_metadata_bytes: 1_024,
            client_message_id_bytes: 256,
            shortest_retention_days: 30,
            longest_retention_days: 90,
        }
    }
}

impl Limits {
    pub(crate) fn check_topic(&self, topic: &str) -> Result<(), ChatError> {
        let limit_characters = self.topic_characters;
        // Counting stops where it is too long for certain: a character has at least one byte.
        if topic.len() <= limit_characters {
            return Ok(());
        }
        let length_characters = topic.chars().count();
        if length_characters > limit_characters {
            return Err(ChatError::TopicTooLong { limit_characters, length_characters });
        }
        Ok(())
    }

    pub(crate) fn check_metadata(&self, metadata: &Metadata) -> Result<(), ChatError> {
        check_metadata(metadata, self.metadata_bytes)
    }

    pub(crate) fn check_member_metadata(&self, metadata: &Metadata) -> Result<(), ChatError> {
        check_metadata(metadata, self.member_metadata_bytes)
    }

    pub(crate) fn check_client_message_id(&self, id: Option<&str>) -> Result<(), ChatError> {
        let (limit_bytes, length_bytes) = (self.client_message_id_bytes, id.map_or(0, str::len));
        if length_bytes > limit_bytes {
            return Err(ChatError::ClientMessageIdTooLong { limit_bytes, length_bytes });
        }
        Ok(())
    }

    pub(crate) fn check_content(&self, length_bytes: usize) -> Result<(), ChatError> {
        let limit_bytes = self.content_bytes;
        match length_bytes {
            0 => Err(ChatError::ContentEmpty),
            _ if length_bytes > limit_bytes => {
                Err(ChatError::ContentTooLarge { limit_bytes, length_bytes })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn check_cleaned(&self, length_bytes: usize) -> Result<(), ChatError> {
        let limit_bytes = self.content_bytes.saturating_mul(2);
        if length_bytes > limit_bytes {
            return Err(ChatError::ContentTooLarge { limit_bytes, length_bytes });
        }
        Ok(())
    }

    pub(crate) fn check_retention(&self, retention: RetentionPolicy) -> Result<(), ChatError> {
        let (shortest, longest) = (self.shortest_retention_days, self.longest_retention_days);
        match retention {
            RetentionPolicy::None => Ok(()),
            RetentionPolicy::ThreadCreationDate { delete_thread_after_days: days } => {
                if !(shortest..=longest).contains(&days) {
                    return Err(ChatError::RetentionOutOfRange { days, shortest, longest });
                }
                Ok(())
            }
        }
    }
}

fn check_metadata(metadata: &Metadata, limit_bytes: usize) -> Result<(), ChatError> {
    let length_bytes = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if length_bytes > limit_bytes {
        return Err(ChatError::MetadataTooLarge { limit_bytes, length_bytes });
    }
    Ok(())
}
