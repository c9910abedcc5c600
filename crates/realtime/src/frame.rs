//! Frames of the socket: the text protocol of socket.io 0.9, read and printed.
//!
//! A frame is `type:id:namespace:data`; what follows the third colon is data whatever it holds.
//! Namespaces are not served: the client uses the default one alone.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// One frame.
#[derive(Clone, PartialEq)]
pub enum Frame {
    /// `6:::<id>+[…]`: answers the frame that asked for it.
    Ack {
        /// The id of the frame that is answered.
        id: u64,
        /// What its sender's callback is given.
        args: Vec<Value>,
    },
    /// `1::`: the socket is ready.
    Connect,
    /// `0::`: the socket is about to close.
    Disconnect {
        /// Why; empty if nobody said.
        reason: String,
    },
    /// `7:::<reason>+<advice>`: something failed.
    Error {
        /// The reason and the advice, by their numbers.
        text: String,
    },
    /// `5:<id>+::{"name":…}`: something happened.
    Event {
        /// Whether and how it is to be answered.
        answer: Answer,
        /// What happened.
        name: String,
        /// What there is to say about it.
        args: Vec<Value>,
    },
    /// `2::`: the socket still works.
    Heartbeat,
    /// `4:<id>::<json>`: a JSON value.
    Json {
        /// Whether and how it is to be answered.
        answer: Answer,
        /// The value.
        value: Value,
    },
    /// `3:<id>::<text>`: a text.
    Message {
        /// Whether and how it is to be answered.
        answer: Answer,
        /// The text.
        text: String,
    },
    /// `8::`: nothing.
    Noop,
}

/// Whether the sender of a frame wants an [`Frame::Ack`], and what is in it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Answer {
    /// `<id>+`: an answer with arguments, from whoever handles the frame.
    Data(u64),
    /// No answer.
    None,
    /// `<id>`: an answer as soon as the frame is read.
    Receipt(u64),
}

/// What a client answers to a push: the text of a [`Frame::Message`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PushAnswer {
    /// The id of the push.
    pub id: u64,
    /// 200 if a handler took it, 404 if none did, 504 if none did in time.
    pub status: u16,
}

/// Says what is wrong with a frame; never repeats it, because it may hold what people wrote.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum FrameError {
    /// The answer to a frame does not begin with the frame's id, or has no list behind it.
    #[error("an acknowledgement is malformed")]
    Ack,
    /// A colon is missing: the frame ends within its first three fields.
    #[error("the frame ends before its {field}")]
    Cut {
        /// The field that is missing.
        field: &'static str,
    },
    /// The data of an event is not `{"name":…,"args":[…]}`.
    #[error("an event is malformed")]
    Event,
    /// The id is not a number, with or without a plus sign.
    #[error("the frame's id is malformed")]
    Id,
    /// The data of a JSON frame is not JSON.
    #[error("a JSON frame is malformed")]
    Json,
    /// A namespace was named.
    #[error("no namespaces are served")]
    Namespace,
    /// The message is not the answer to a push.
    #[error("the answer to a push is malformed")]
    PushAnswer,
    /// The frame is longer than any that a client needs to send.
    #[error("the frame has {length_bytes} bytes, limit {limit_bytes}")]
    TooLong {
        /// The limit in bytes.
        limit_bytes: usize,
        /// The length in bytes that was given.
        length_bytes: usize,
    },
    /// The type is none of `0` to `8`.
    #[error("the frame's type is unknown")]
    Type,
}

impl Frame {
    /// The longest frame read, in bytes. The longest that the client sends answers a push: some
    /// headers, no body. Shorter refuses clients that echo longer headers; longer lets a peer make
    /// the exchange parse more JSON for nothing.
    pub const LIMIT_BYTES: usize = 16 * 1024;

    /// Makes an event that wants no answer.
    pub fn event(name: &str, args: Vec<Value>) -> Self {
        Self::Event { answer: Answer::None, name: name.to_owned(), args }
    }

    /// Returns the name of the type, for logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ack { .. } => "ack",
            Self::Connect => "connect",
            Self::Disconnect { .. } => "disconnect",
            Self::Error { .. } => "error",
            Self::Event { .. } => "event",
            Self::Heartbeat => "heartbeat",
            Self::Json { .. } => "json",
            Self::Message { .. } => "message",
            Self::Noop => "noop",
        }
    }
}

impl FromStr for Frame {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::LIMIT_BYTES {
            let (limit_bytes, length_bytes) = (Self::LIMIT_BYTES, text.len());
            return Err(FrameError::TooLong { limit_bytes, length_bytes });
        }
        let (kind, rest) = text.split_once(':').ok_or(FrameError::Cut { field: "id" })?;
        let (id, rest) = rest.split_once(':').ok_or(FrameError::Cut { field: "namespace" })?;
        let (namespace, data) = rest.split_once(':').unwrap_or((rest, ""));
        let answer = answer(id)?;
        if !namespace.is_empty() {
            return Err(FrameError::Namespace);
        }
        Ok(match kind {
            "0" => Self::Disconnect { reason: data.to_owned() },
            "1" => Self::Connect,
            "2" => Self::Heartbeat,
            "3" => Self::Message { answer, text: data.to_owned() },
            "4" => Self::Json {
                answer,
                value: serde_json::from_str(data).map_err(|_| FrameError::Json)?,
            },
            "5" => {
                let Event { name, args } =
                    serde_json::from_str(data).map_err(|_| FrameError::Event)?;
                Self::Event { answer, name, args }
            }
            "6" => ack(data)?,
            "7" => Self::Error { text: data.to_owned() },
            "8" => Self::Noop,
            _ => return Err(FrameError::Type),
        })
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ack { id, args } if args.is_empty() => write!(f, "6:::{id}"),
            Self::Ack { id, args } => write!(f, "6:::{id}+{}", Value::Array(args.clone())),
            Self::Connect => f.write_str("1::"),
            Self::Disconnect { reason } => write_data(f, '0', Answer::None, reason),
            Self::Error { text } => write_data(f, '7', Answer::None, text),
            Self::Event { answer, name, args } => {
                let event = Event { name: name.clone(), args: args.clone() };
                let data = serde_json::to_string(&event).map_err(|_| fmt::Error)?;
                write_data(f, '5', *answer, &data)
            }
            Self::Heartbeat => f.write_str("2::"),
            Self::Json { answer, value } => write_data(f, '4', *answer, &value.to_string()),
            Self::Message { answer, text } => write_data(f, '3', *answer, text),
            Self::Noop => f.write_str("8::"),
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { name, .. } => write!(f, "Frame(event {name:?})"),
            Self::Ack { .. }
            | Self::Connect
            | Self::Disconnect { .. }
            | Self::Error { .. }
            | Self::Heartbeat
            | Self::Json { .. }
            | Self::Message { .. }
            | Self::Noop => write!(f, "Frame({})", self.as_str()),
        }
    }
}

impl FromStr for PushAnswer {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map_err(|_| FrameError::PushAnswer)
    }
}

#[derive(Deserialize, Serialize)]
struct Event {
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<Value>,
}

fn answer(id: &str) -> Result<Answer, FrameError> {
    if id.is_empty() {
        return Ok(Answer::None);
    }
    match id.strip_suffix('+') {
        Some(digits) => number(digits).map(Answer::Data),
        None => number(id).map(Answer::Receipt),
    }
    .ok_or(FrameError::Id)
}

fn ack(data: &str) -> Result<Frame, FrameError> {
    let (id, args) = match data.split_once('+') {
        Some((id, args)) => (id, serde_json::from_str(args).map_err(|_| FrameError::Ack)?),
        None => (data, Vec::new()),
    };
    Ok(Frame::Ack { id: number(id).ok_or(FrameError::Ack)?, args })
}

/// Reads digits alone: `FromStr` of integers would take a sign.
fn number(digits: &str) -> Option<u64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn write_data(f: &mut fmt::Formatter<'_>, kind: char, answer: Answer, data: &str) -> fmt::Result {
    match answer {
        Answer::Data(id) => write!(f, "{kind}:{id}+:")?,
        Answer::None => write!(f, "{kind}::")?,
        Answer::Receipt(id) => write!(f, "{kind}:{id}:")?,
    }
    match data.is_empty() {
        true => Ok(()),
        false => write!(f, ":{data}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_that_the_client_sends_are_read() {
        let cases = [
            ("2::", Frame::Heartbeat),
            ("0::", Frame::Disconnect { reason: String::new() }),
            (
                r#"5:1+::{"name":"ping"}"#,
                Frame::Event { answer: Answer::Data(1), name: "ping".into(), args: vec![] },
            ),
            (
                r#"5:2+::{"name":"user.activity","args":[{"state":"active","cv":"A.1"}]}"#,
                Frame::Event {
                    answer: Answer::Data(2),
                    name: "user.activity".into(),
                    args: vec![json!({ "state": "active", "cv": "A.1" })],
                },
            ),
            (
                r#"3:::{"id":7,"status":200,"headers":{},"body":""}"#,
                Frame::Message {
                    answer: Answer::None,
                    text: r#"{"id":7,"status":200,"headers":{},"body":""}"#.into(),
                },
            ),
        ];
        for (text, frame) in cases {
            assert_eq!(text.parse::<Frame>(), Ok(frame), "{text}");
        }
    }

    #[test]
    fn frames_that_the_client_reads_are_printed() {
        let connected = json!({ "ttl": "86400" });
        let cases = [
            (Frame::Connect, "1::"),
            (Frame::Heartbeat, "2::"),
            (Frame::Ack { id: 4, args: vec![json!("pong")] }, r#"6:::4+["pong"]"#),
            (Frame::Ack { id: 4, args: vec![] }, "6:::4"),
            (Frame::Disconnect { reason: "dup".into() }, "0:::dup"),
            (
                Frame::event("trouter.connected", vec![connected]),
                r#"5:::{"name":"trouter.connected","args":[{"ttl":"86400"}]}"#,
            ),
        ];
        for (frame, text) in cases {
            assert_eq!(frame.to_string(), text);
        }
    }

    #[test]
    fn frames_that_cannot_be_read_say_what_is_wrong() {
        let cases = [
            ("", FrameError::Cut { field: "id" }),
            ("2", FrameError::Cut { field: "id" }),
            ("2:", FrameError::Cut { field: "namespace" }),
            ("9::", FrameError::Type),
            ("::", FrameError::Type),
            ("22::", FrameError::Type),
            ("5:x::{}", FrameError::Id),
            ("5:+::{}", FrameError::Id),
            ("5:+1::{}", FrameError::Id),
            ("5:99999999999999999999+::{}", FrameError::Id),
            ("1::/room", FrameError::Namespace),
            ("5:::", FrameError::Event),
            ("5:::[]", FrameError::Event),
            (r#"5:::{"args":[]}"#, FrameError::Event),
            (r#"5:::{"name":"x","args":{}}"#, FrameError::Event),
            ("4:::{", FrameError::Json),
            ("6:::", FrameError::Ack),
            ("6:::x", FrameError::Ack),
            ("6:::1+{}", FrameError::Ack),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Frame>(), Err(error), "{text:?}");
        }
        let long = format!("3:::{}", "x".repeat(Frame::LIMIT_BYTES));
        assert!(matches!(long.parse::<Frame>(), Err(FrameError::TooLong { .. })));
        let deep = format!("4:::{}", "[".repeat(10_000));
        assert_eq!(deep.parse::<Frame>(), Err(FrameError::Json));
    }

    #[test]
    fn answers_to_pushes_are_read() {
        let text = r#"{"status":404,"headers":{"trouter-client":"{\"cd\":1}"},"body":"","id":3}"#;
        assert_eq!(text.parse(), Ok(PushAnswer { id: 3, status: 404 }));
        for text in ["", "{}", "3", r#"{"id":-1,"status":200}"#, r#"{"id":1,"status":70000}"#] {
            assert_eq!(text.parse::<PushAnswer>(), Err(FrameError::PushAnswer), "{text}");
        }
    }

    #[test]
    fn debug_does_not_show_what_people_wrote() {
        let frame = Frame::Message { answer: Answer::None, text: "secret".into() };
        assert_eq!(format!("{frame:?}"), "Frame(message)");
    }

    fn answers() -> impl Strategy<Value = Answer> {
        prop_oneof![
            any::<u64>().prop_map(Answer::Data),
            Just(Answer::None),
            any::<u64>().prop_map(Answer::Receipt),
        ]
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("\\PC{0,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn frames() -> impl Strategy<Value = Frame> {
        let args = || prop::collection::vec(values(), 0..3);
        prop_oneof![
            (any::<u64>(), args()).prop_map(|(id, args)| Frame::Ack { id, args }),
            Just(Frame::Connect),
            ".{0,20}".prop_map(|reason| Frame::Disconnect { reason }),
            ".{0,20}".prop_map(|text| Frame::Error { text }),
            (answers(), ".{0,20}", args()).prop_map(|(answer, name, args)| Frame::Event {
                answer,
                name,
                args
            }),
            Just(Frame::Heartbeat),
            (answers(), values()).prop_map(|(answer, value)| Frame::Json { answer, value }),
            (answers(), "(?s:.{0,40})").prop_map(|(answer, text)| Frame::Message { answer, text }),
            Just(Frame::Noop),
        ]
    }

    proptest! {
        #[test]
        fn frames_round_trip(frame in frames()) {
            prop_assert_eq!(frame.to_string().parse::<Frame>().unwrap(), frame);
        }

        #[test]
        fn every_prefix_of_a_frame_is_read_or_refused(frame in frames()) {
            let text = frame.to_string();
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                if let Ok(read) = text[..end].parse::<Frame>() {
                    prop_assert_eq!(read.to_string().parse::<Frame>().unwrap(), read);
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "[0-9+:]{0,6}.{0,40}") {
            let _ = text.parse::<Frame>();
            let _ = text.parse::<PushAnswer>();
        }
    }
}
