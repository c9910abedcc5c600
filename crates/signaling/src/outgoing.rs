//! Frames of the exchange on their way out.
//!
//! What happens in a call is told to everybody in it. Each session numbers its frames by itself, but
//! the body, nearly all of a frame, is the same for all of them: it is encoded once, and what is
//! kept and sent are the bytes.

use std::fmt;

use prost::Message;
use prost::bytes::Bytes;
use trunkline_proto::signaling::v1::{ServerFrame, server_frame};

use crate::codec::{Encoding, WireMessage};
use crate::session::server_body_name;

/// A body as its one field of a frame. Its clones share the bytes.
#[derive(Clone, Eq, PartialEq)]
pub struct EncodedBody(Bytes);

/// A frame to be sent.
#[derive(Clone, Eq, PartialEq)]
pub struct OutgoingFrame {
    /// The number of the frame, or 0 for one that is not sequenced.
    pub seq: u64,
    /// The highest number received in order from the client.
    pub ack: u64,
    /// The content; none makes a bare acknowledgment.
    pub body: Option<EncodedBody>,
}

impl EncodedBody {
    /// Returns how many bytes of a protobuf frame it takes.
    pub fn encoded_len(&self) -> usize {
        self.0.len()
    }

    /// Returns the body.
    pub fn decode(&self) -> Option<server_frame::Body> {
        // These bytes were made from a body.
        ServerFrame::decode(self.0.clone()).ok().and_then(|frame| frame.body)
    }
}

impl OutgoingFrame {
    /// Encodes the frame, byte for byte as [`Encoding::encode_server`] does.
    pub fn encode(&self, encoding: Encoding) -> WireMessage {
        match encoding {
            Encoding::Proto => {
                let head = ServerFrame { seq: self.seq, ack: self.ack, body: None };
                let body = self.body.as_ref().map(|body| &*body.0).unwrap_or_default();
                let mut bytes = Vec::with_capacity(head.encoded_len() + body.len());
                head.encode(&mut bytes).expect("a vector grows");
                bytes.extend_from_slice(body);
                WireMessage::Binary(bytes)
            }
            Encoding::Json => encoding.encode_server(&self.clone().into()),
        }
    }
}

impl From<OutgoingFrame> for ServerFrame {
    fn from(frame: OutgoingFrame) -> Self {
        let OutgoingFrame { seq, ack, body } = frame;
        Self { seq, ack, body: body.and_then(|body| body.decode()) }
    }
}

impl From<server_frame::Body> for EncodedBody {
    fn from(body: server_frame::Body) -> Self {
        let mut bytes = Vec::with_capacity(body.encoded_len());
        body.encode(&mut bytes);
        Self(bytes.into())
    }
}

impl fmt::Debug for EncodedBody {
    /// Shows the kind and the length: bodies carry names, addresses and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", server_body_name(self.decode().as_ref()), self.0.len())
    }
}

impl fmt::Debug for OutgoingFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body.as_ref().and_then(EncodedBody::decode);
        let name = server_body_name(body.as_ref());
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
    fn a_frame_is_spelled_as_if_its_body_were_encoded_with_it() {
        for body in bodies() {
            let encoded = EncodedBody::from(body.clone());
            for (seq, ack) in [(0, 0), (0, 3), (9, 0), (300, u64::MAX)] {
                let outgoing = OutgoingFrame { seq, ack, body: Some(encoded.clone()) };
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
