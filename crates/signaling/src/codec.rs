//! Encodings of the frames: binary protobuf and canonical proto3 JSON, chosen by subprotocol.
//!
//! A field, or the name of an enum value, that a receiver does not know is skipped in both
//! encodings, so that either side can be upgraded first. JSON is the canonical mapping: names in lowerCamelCase (names as in the `.proto`
//! are read too), enums by name, 64-bit numbers as strings, times as RFC 3339.

use std::{fmt, str::FromStr, sync::LazyLock};

use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use thiserror::Error;
use trunkline_proto::{
    FILE_DESCRIPTOR_SET,
    signaling::v1::{ClientFrame, ServerFrame},
};

use crate::close::CloseCode;

/// How frames are spelled on a transport.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Encoding {
    /// Canonical proto3 JSON in text messages.
    Json,
    /// Protobuf in binary messages.
    Proto,
}

/// One WebSocket message that carries a frame.
#[derive(Clone, Eq, PartialEq)]
pub enum WireMessage {
    /// A binary message.
    Binary(Vec<u8>),
    /// A text message.
    Text(String),
}

/// The payload of one received WebSocket message.
#[derive(Clone, Copy)]
pub enum WirePayload<'a> {
    /// Of a binary message.
    Binary(&'a [u8]),
    /// Of a text message.
    Text(&'a str),
}

/// Why a message is not a frame. All of these are the peer's fault.
#[derive(Debug, Error)]
pub enum DecodeFrameError {
    /// The message is longer than the limit.
    #[error("frame of {length_bytes} bytes is larger than the limit of {limit_bytes}")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
        /// The length received.
        length_bytes: usize,
    },
    /// Text came where the subprotocol carries binary, or the other way round.
    #[error("wrong kind of message for the subprotocol {}", .expected.subprotocol())]
    WrongMessageKind {
        /// The encoding of the transport.
        expected: Encoding,
    },
    /// The bytes are not a protobuf frame.
    #[error("not a protobuf frame")]
    Protobuf(#[source] prost::DecodeError),
    /// The text is not a proto-JSON frame.
    #[error("not a proto-JSON frame")]
    Json(#[source] serde_json::Error),
}

/// Says that a name is not a subprotocol of this protocol.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a subprotocol of this protocol")]
pub struct UnknownSubprotocol;

/// The largest frame taken from a peer unless configured otherwise, in bytes.
///
/// An offer with sixteen video tiles is about 30 KiB and a snapshot of 350 participants about
/// 120 KiB; a larger limit only helps whoever wants to fill memory.
pub const DEFAULT_MAX_FRAME_BYTES: usize = 256 * 1024;

impl Encoding {
    /// Returns the name negotiated as the WebSocket subprotocol.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "trunkline.v1.json",
            Self::Proto => "trunkline.v1.proto",
        }
    }

    /// Encodes a frame of the client.
    pub fn encode_client(self, frame: &ClientFrame) -> WireMessage {
        self.encode(frame, &DESCRIPTORS.client)
    }

    /// Encodes a frame of the server.
    pub fn encode_server(self, frame: &ServerFrame) -> WireMessage {
        self.encode(frame, &DESCRIPTORS.server)
    }

    /// Decodes a frame of a client, looking at nothing when it is longer than the limit.
    pub fn decode_client(
        self,
        payload: WirePayload<'_>,
        limit_bytes: usize,
    ) -> Result<ClientFrame, DecodeFrameError> {
        self.decode(payload, limit_bytes, &DESCRIPTORS.client)
    }

    /// Decodes a frame of a server, looking at nothing when it is longer than the limit.
    pub fn decode_server(
        self,
        payload: WirePayload<'_>,
        limit_bytes: usize,
    ) -> Result<ServerFrame, DecodeFrameError> {
        self.decode(payload, limit_bytes, &DESCRIPTORS.server)
    }

    fn encode<M: Message>(self, frame: &M, descriptor: &MessageDescriptor) -> WireMessage {
        match self {
            Self::Proto => WireMessage::Binary(frame.encode_to_vec()),
            Self::Json => {
                let mut dynamic = DynamicMessage::new(descriptor.clone());
                dynamic
                    .transcode_from(frame)
                    .expect("the descriptor set and the messages are generated together");
                let mut text = Vec::with_capacity(256);
                let mut serializer = serde_json::Serializer::new(&mut text);
                dynamic
                    .serialize_with_options(&mut serializer, &SerializeOptions::new())
                    .expect("writing JSON to memory fails for no generated message");
                WireMessage::Text(String::from_utf8(text).expect("JSON is UTF-8"))
            }
        }
    }

    fn decode<M: Message + Default>(
        self,
        payload: WirePayload<'_>,
        limit_bytes: usize,
        descriptor: &MessageDescriptor,
    ) -> Result<M, DecodeFrameError> {
        let length_bytes = payload.len();
        if length_bytes > limit_bytes {
            return Err(DecodeFrameError::TooLarge { limit_bytes, length_bytes });
        }
        match (self, payload) {
            (Self::Proto, WirePayload::Binary(bytes)) => {
                M::decode(bytes).map_err(DecodeFrameError::Protobuf)
            }
            (Self::Json, WirePayload::Text(text)) => {
                let mut deserializer = serde_json::Deserializer::from_str(text);
                let dynamic = DynamicMessage::deserialize_with_options(
                    descriptor.clone(),
                    &mut deserializer,
                    &DeserializeOptions::new().deny_unknown_fields(false),
                )
                .map_err(DecodeFrameError::Json)?;
                deserializer.end().map_err(DecodeFrameError::Json)?;
                dynamic.transcode_to().map_err(DecodeFrameError::Protobuf)
            }
            (Self::Proto, WirePayload::Text(_)) | (Self::Json, WirePayload::Binary(_)) => {
                Err(DecodeFrameError::WrongMessageKind { expected: self })
            }
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.subprotocol())
    }
}

impl FromStr for Encoding {
    type Err = UnknownSubprotocol;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Json, Self::Proto]
            .into_iter()
            .find(|encoding| encoding.subprotocol() == name)
            .ok_or(UnknownSubprotocol)
    }
}

impl WireMessage {
    /// Returns what a receiver would see.
    pub fn payload(&self) -> WirePayload<'_> {
        match self {
            Self::Binary(bytes) => WirePayload::Binary(bytes),
            Self::Text(text) => WirePayload::Text(text),
        }
    }
}

impl fmt::Debug for WireMessage {
    /// Shows the length alone: frames carry tokens, names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.payload().fmt(f)
    }
}

impl WirePayload<'_> {
    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for WirePayload<'_> {
    /// Shows the length alone: frames carry tokens, names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Binary(_) => "Binary",
            Self::Text(_) => "Text",
        };
        write!(f, "{kind}({} bytes)", self.len())
    }
}

impl DecodeFrameError {
    /// Returns the code with which the receiver closes the transport.
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::TooLarge { .. } => CloseCode::FrameTooLarge,
            Self::WrongMessageKind { .. } | Self::Protobuf(_) | Self::Json(_) => {
                CloseCode::Malformed
            }
        }
    }
}

struct Descriptors {
    client: MessageDescriptor,
    server: MessageDescriptor,
}

static DESCRIPTORS: LazyLock<Descriptors> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET)
        .expect("the generated descriptor set is complete");
    let message = |name| {
        pool.get_message_by_name(name).expect("the generated descriptor set holds both frames")
    };
    Descriptors {
        client: message("trunkline.signaling.v1.ClientFrame"),
        server: message("trunkline.signaling.v1.ServerFrame"),
    }
});

#[cfg(test)]
mod tests;
