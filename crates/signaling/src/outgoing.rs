//! Frames of the exchange on their way out, whose bodies many sessions may share.
//!
//! What happens in a call is told to everybody in it. Each session numbers its frames by itself, but
//! the body, nearly all of a frame, is the same for all of them: it is kept and encoded once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prost::Message;
use trunkline_proto::signaling::v1::{ServerFrame, server_frame};

use crate::codec::{Encoding, WireMessage};
use crate::session::server_body_name;

/// A body that any number of sessions send. Its clones are one body.
#[derive(Clone)]
pub struct SharedBody(Arc<Shared>);

struct Shared {
    body: server_frame::Body,
    /// As the one field of a frame.
    proto: OnceLock<Vec<u8>>,
    /// As the members of a frame's object, without its braces.
    json: OnceLock<String>,
}

/// A frame to be sent.
#[derive(Clone, PartialEq)]
pub struct OutgoingFrame {
    /// The number of the frame, or 0 for one that is not sequenced.
    pub seq: u64,
    /// The highest number received in order from the client.
    pub ack: u64,
    /// The content; none makes a bare acknowledgment.
    pub body: Option<SharedBody>,
}

impl SharedBody {
    /// Takes a body to be shared.
    pub fn new(body: server_frame::Body) -> Self {
        Self(Arc::new(Shared { body, proto: OnceLock::new(), json: OnceLock::new() }))
    }

    /// Returns the body.
    pub fn get(&self) -> &server_frame::Body {
        &self.0.body
    }

    /// Returns how many bytes of a protobuf frame it takes.
    pub fn encoded_len(&self) -> usize {
        self.proto().len()
    }

    fn proto(&self) -> &[u8] {
        self.0.proto.get_or_init(|| {
            let mut bytes = Vec::with_capacity(self.0.body.encoded_len());
            self.0.body.encode(&mut bytes);
            bytes
        })
    }

    fn json(&self) -> &str {
        self.0.json.get_or_init(|| {
            let body = Some(self.0.body.clone());
            let object = Encoding::Json.encode_server(&ServerFrame { seq: 0, ack: 0, body });
            let WireMessage::Text(object) = object else {
                unreachable!("JSON is text");
            };
            object[1..object.len() - 1].to_owned()
        })
    }
}

impl OutgoingFrame {
    /// Encodes the frame, byte for byte as [`Encoding::encode_server`] does.
    pub fn encode(&self, encoding: Encoding) -> WireMessage {
        let head = ServerFrame { seq: self.seq, ack: self.ack, body: None };
        let Some(body) = &self.body else {
            return encoding.encode_server(&head);
        };
        match encoding {
            Encoding::Proto => {
                let body = body.proto();
                let mut bytes = Vec::with_capacity(head.encoded_len() + body.len());
                head.encode(&mut bytes).expect("a vector grows");
                bytes.extend_from_slice(body);
                WireMessage::Binary(bytes)
            }
            Encoding::Json => {
                let WireMessage::Text(mut text) = encoding.encode_server(&head) else {
                    unreachable!("JSON is text");
                };
                text.pop();
                if text.len() > 1 {
                    text.push(',');
                }
                text.push_str(body.json());
                text.push('}');
                WireMessage::Text(text)
            }
        }
    }
}

impl From<OutgoingFrame> for ServerFrame {
    /// Copies the body if another session has it too.
    fn from(frame: OutgoingFrame) -> Self {
        let body = frame.body.map(|SharedBody(shared)| match Arc::try_unwrap(shared) {
            Ok(own) => own.body,
            Err(shared) => shared.body.clone(),
        });
        Self { seq: frame.seq, ack: frame.ack, body }
    }
}

impl From<server_frame::Body> for SharedBody {
    fn from(body: server_frame::Body) -> Self {
        Self::new(body)
    }
}

impl PartialEq for SharedBody {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.body == other.0.body
    }
}

impl fmt::Debug for SharedBody {
    /// Shows the kind and the length: bodies carry names, addresses and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = server_body_name(Some(self.get()));
        write!(f, "{name}({} bytes)", self.get().encoded_len())
    }
}

impl fmt::Debug for OutgoingFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = server_body_name(self.body.as_ref().map(SharedBody::get));
        write!(f, "{name}, seq {}, ack {}", self.seq, self.ack)
    }
}

#[cfg(test)]
mod tests {
    use trunkline_proto::calling::v1::CallEvent;
    use trunkline_proto::signaling::v1::{Ping, TokenExpiring};

    use super::*;

    fn bodies() -> Vec<server_frame::Body> {
        vec![
            server_frame::Body::Ping(Ping { nonce: 7 }),
            server_frame::Body::Ping(Ping { nonce: 0 }),
            server_frame::Body::TokenExpiring(TokenExpiring { expires_on: None }),
            server_frame::Body::CallEvent(CallEvent {
                call_id: "a \"call\" ü".to_owned(),
                seq: u64::MAX,
                ..CallEvent::default()
            }),
        ]
    }

    #[test]
    fn a_shared_body_is_spelled_as_if_it_were_the_frames_own() {
        for body in bodies() {
            let shared = SharedBody::new(body.clone());
            for (seq, ack) in [(0, 0), (0, 3), (9, 0), (300, u64::MAX)] {
                let outgoing = OutgoingFrame { seq, ack, body: Some(shared.clone()) };
                let frame = ServerFrame { seq, ack, body: Some(body.clone()) };
                for encoding in [Encoding::Proto, Encoding::Json] {
                    assert!(outgoing.encode(encoding) == encoding.encode_server(&frame));
                }
                assert_eq!(ServerFrame::from(outgoing), frame);
            }
        }
    }

    #[test]
    fn a_bare_acknowledgment_has_no_body() {
        let outgoing = OutgoingFrame { seq: 0, ack: 5, body: None };
        let frame = ServerFrame { seq: 0, ack: 5, body: None };
        for encoding in [Encoding::Proto, Encoding::Json] {
            assert!(outgoing.encode(encoding) == encoding.encode_server(&frame));
        }
    }
}
