//! How much of everything a thread may hold; each limit has a typed error.

/// How much of everything a thread may hold, with the documented values as defaults.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Members at once. Documented: 250.
    pub members: usize,
    /// Members named in one request. Documented: 200.
    pub members_per_request: usize,
    /// Bytes of a message's content, before and after cleaning. Documented: 28 KB.
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
