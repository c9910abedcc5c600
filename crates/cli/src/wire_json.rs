//! Wire messages as canonical proto3 JSON, as programs read them, with the keys in order.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;
use trunkline_proto::FILE_DESCRIPTOR_SET;

/// Returns the JSON of a message of the type with this full name.
pub(crate) fn to_json(name: &str, message: &impl Message) -> Value {
    let descriptor = POOL.get_message_by_name(name).expect("the descriptor set has every message");
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice());
    let dynamic = dynamic.expect("what the message's own type encodes is of that type");
    let options = SerializeOptions::new().skip_default_fields(false);
    let json = dynamic.serialize_with_options(serde_json::value::Serializer, &options);
    json.expect("every message of the descriptor set has a JSON form")
}

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the generated descriptor set is whole")
});

#[cfg(test)]
mod tests {
    use trunkline_proto::admin::v1::{Decision, Step};

    use super::*;

    #[test]
    fn what_is_false_or_empty_is_there_too() {
        let step = Step { question: "is it?".to_owned(), answer: false };
        let decision =
            Decision { rule: "rule".to_owned(), trace: vec![step], ..Decision::default() };
        let json = to_json("trunkline.admin.v1.Decision", &decision).to_string();
        let expected = r#"{"fix":"","isAllowed":false,"rule":"rule","trace":[{"answer":false,"question":"is it?"}]}"#;
        assert_eq!(json, expected);
    }
}
