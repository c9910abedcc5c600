//! Writes `Debug` by hand for the messages that carry a secret or name a person.
//!
//! Which fields those are is decided by their names, in one list, so that a new message cannot
//! forget it.

use std::fmt::Write as _;

use anyhow::ensure;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// One message whose `Debug` must not print all of its fields.
#[derive(Debug)]
pub(crate) struct Redacted {
    /// The package the message is in.
    pub(crate) package: String,
    /// The full name with its leading dot, as prost matches it.
    pub(crate) path: String,
    /// The `Debug` implementation.
    pub(crate) source: String,
}

/// Returns the messages of the project's packages that need one, in the order of their files.
pub(crate) fn redacted(set: &FileDescriptorSet) -> anyhow::Result<Vec<Redacted>> {
    let mut found = Vec::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("trunkline.")) {
        for message in &file.message_type {
            ensure!(
                !message.nested_type.iter().any(is_personal),
                "{}.{}: a message with secret or personal fields must stand at the top level",
                file.package(),
                message.name()
            );
            ensure!(
                !message
                    .field
                    .iter()
                    .any(|field| in_oneof(field).is_some() && is_personal_field(field)),
                "{}.{}: a secret or personal field of a oneof must be a message of its own",
                file.package(),
                message.name()
            );
            if is_personal(message) {
                found.push(Redacted {
                    package: file.package().to_owned(),
                    path: format!(".{}.{}", file.package(), message.name()),
                    source: debug_impl(message)?,
                });
            }
        }
    }
    Ok(found)
}

fn is_personal(message: &DescriptorProto) -> bool {
    message.field.iter().any(is_personal_field)
}

fn is_personal_field(field: &FieldDescriptorProto) -> bool {
    match field.r#type() {
        Type::String | Type::Bytes => PERSONAL_FIELDS.contains(&field.name()),
        Type::Message => PERSONAL_MAPS.contains(&field.name()),
        _ => false,
    }
}

/// Returns which oneof the field belongs to; an `optional` field is none.
fn in_oneof(field: &FieldDescriptorProto) -> Option<usize> {
    let index = field.oneof_index.filter(|_| !field.proto3_optional())?;
    usize::try_from(index).ok()
}

fn debug_impl(message: &DescriptorProto) -> anyhow::Result<String> {
    let mut source = String::new();
    writeln!(source, "impl ::core::fmt::Debug for {} {{", message.name())?;
    writeln!(
        source,
        "    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{"
    )?;
    writeln!(source, "        f.debug_struct(\"{}\")", message.name())?;
    let mut oneofs = Vec::new();
    for field in &message.field {
        let name = field.name();
        let member = match KEYWORDS.contains(&name) {
            true => format!("r#{name}"),
            false => name.to_owned(),
        };
        let line = match in_oneof(field) {
            Some(index) if oneofs.contains(&index) => continue,
            Some(index) => {
                oneofs.push(index);
                let Some(oneof) = message.oneof_decl.get(index) else { continue };
                format!(".field(\"{0}\", &self.{0})", oneof.name())
            }
            None if is_personal_field(field) => format!(".field(\"{name}\", &\"[redacted]\")"),
            None if field.r#type() == Type::Enum && field.label() != Label::Repeated => {
                format!(".field(\"{name}\", &self.{member}())")
            }
            None => format!(".field(\"{name}\", &self.{member})"),
        };
        writeln!(source, "            {line}")?;
    }
    writeln!(source, "            .finish()\n    }}\n}}")?;
    Ok(source)
}

/// Fields that carry a secret or what somebody said, name a person or tell where a person is (an SDP
/// names addresses and ICE passwords, the path of an endpoint may open it). A name missing here prints
/// in logs.
const PERSONAL_FIELDS: [&str; 33] = [
    "access_key",
    "alias",
    "bots",
    "caller_display_name",
    "candidate",
    "content",
    "display_name",
    "endpoint",
    "event_json",
    "from",
    "invited",
    "join_link",
    "meeting",
    "object_id",
    "organizer",
    "organizer_id",
    "participant",
    "passcode",
    "primary_key",
    "raw_id",
    "remove",
    "sdp",
    "secondary_key",
    "secret",
    "sender_display_name",
    "subject",
    "target",
    "targets",
    "to",
    "token",
    "topic",
    "user",
    "users",
];

/// Maps that an app fills with what it likes.
const PERSONAL_MAPS: [&str; 2] = ["entries", "metadata"];

/// The words that prost writes as raw identifiers and that are likely as field names.
const KEYWORDS: [&str; 6] = ["for", "in", "match", "ref", "type", "use"];

#[cfg(test)]
mod tests {
    use prost_types::FileDescriptorProto;

    use super::*;

    fn field(name: &str, kind: Type) -> FieldDescriptorProto {
        FieldDescriptorProto {
            name: Some(name.to_owned()),
            r#type: Some(kind.into()),
            ..FieldDescriptorProto::default()
        }
    }

    fn set(message: DescriptorProto) -> FileDescriptorSet {
        let file = FileDescriptorProto {
            package: Some("trunkline.test.v1".to_owned()),
            message_type: vec![message],
            ..FileDescriptorProto::default()
        };
        FileDescriptorSet { file: vec![file] }
    }

    #[test]
    fn a_token_is_never_printed_and_its_neighbours_are() {
        let message = DescriptorProto {
            name: Some("Hello".to_owned()),
            field: vec![field("token", Type::String), field("seq", Type::Uint64)],
            ..DescriptorProto::default()
        };
        let found = redacted(&set(message)).unwrap();
        assert_eq!(found[0].path, ".trunkline.test.v1.Hello");
        assert!(found[0].source.contains(".field(\"token\", &\"[redacted]\")"));
        assert!(found[0].source.contains(".field(\"seq\", &self.seq)"));
        assert!(!found[0].source.contains("self.token"));
    }

    #[test]
    fn what_an_app_attaches_is_never_printed() {
        let message = DescriptorProto {
            name: Some("Note".to_owned()),
            field: vec![field("metadata", Type::Message), field("member", Type::Message)],
            ..DescriptorProto::default()
        };
        let found = redacted(&set(message)).unwrap();
        assert!(found[0].source.contains(".field(\"metadata\", &\"[redacted]\")"));
        assert!(found[0].source.contains(".field(\"member\", &self.member)"));
    }

    #[test]
    fn a_message_without_personal_fields_keeps_the_derived_debug() {
        let message = DescriptorProto {
            name: Some("Ping".to_owned()),
            field: vec![field("nonce", Type::Uint64)],
            ..DescriptorProto::default()
        };
        assert!(redacted(&set(message)).unwrap().is_empty());
    }
}
