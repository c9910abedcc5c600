//! Messages of the interfaces as canonical proto3 JSON, without what is empty.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use trunkline_proto::FILE_DESCRIPTOR_SET;

/// Returns the JSON of a message of the type with this full name, in one line.
pub(crate) fn to_line(name: &str, message: &impl Message) -> String {
    let descriptor = POOL.get_message_by_name(name).expect("the descriptor set has every message");
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic
        .transcode_from(message)
        .expect("the descriptor set and the messages are generated together");
    let mut text = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::new(&mut text);
    dynamic
        .serialize_with_options(&mut serializer, &SerializeOptions::new())
        .expect("writing JSON to memory fails for no generated message");
    String::from_utf8(text).expect("JSON is UTF-8")
}

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the generated descriptor set is whole")
});
