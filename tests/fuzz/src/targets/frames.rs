//! Signaling frames, as protobuf and as JSON: what decodes must encode and decode to the same.

use trunkline_proto::calling::v1::{
    AddParticipantRequest, CallEvent, MediaOffer, Participant, PlaceCallRequest, call_event,
};
use trunkline_proto::common::v1::CommunicationIdentifier;
use trunkline_proto::signaling::v1::{
    ClientFrame, Command, Hello, MediaAnswer, Ping, RefreshToken, ResumeSession, ServerFrame,
    Welcome, client_frame, command, server_frame,
};
use trunkline_signaling::codec::{DEFAULT_MAX_FRAME_BYTES, Encoding, WireMessage, WirePayload};

use super::Target;

pub(super) const PROTO: Target = Target {
    name: "frames-proto",
    about: "signaling frames as protobuf: never a panic, and decode(encode(decode(x))) is decode(x)",
    run: proto,
    samples: proto_samples,
    words: &[
        b"\x0a\x00",
        b"\x52\x04",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0b",
        b"\x0c",
    ],
    longest_bytes: 1 << 16,
};

pub(super) const JSON: Target = Target {
    name: "frames-json",
    about: "signaling frames as JSON: never a panic, and decode(encode(decode(x))) is decode(x)",
    run: json,
    samples: json_samples,
    words: &[
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b":",
        b",",
        b"null",
        b"true",
        b"1e309",
        b"-1",
        b"\\u0000",
        b"\\ud800",
        b"\"seq\"",
        b"\"hello\"",
        b"\"command\"",
        b"\"token\"",
        b"\"NaN\"",
        b"\"1970-01-01T00:00:00Z\"",
        b"\xff",
        b"\xe2\x80\xae",
    ],
    longest_bytes: 1 << 16,
};

fn proto(input: &[u8]) -> bool {
    let payload = WirePayload::Binary(input);
    round_trip(Encoding::Proto, payload)
}

fn json(input: &[u8]) -> bool {
    // A WebSocket hands on text that is UTF-8 and nothing else.
    std::str::from_utf8(input).is_ok_and(|text| round_trip(Encoding::Json, WirePayload::Text(text)))
}

fn round_trip(encoding: Encoding, payload: WirePayload<'_>) -> bool {
    let client = encoding.decode_client(payload, DEFAULT_MAX_FRAME_BYTES);
    if let Ok(frame) = &client {
        let encoded = encoding.encode_client(frame);
        let again = encoding.decode_client(encoded.payload(), usize::MAX);
        assert_same(frame, &again.expect("an encoded client frame decodes"));
    }
    let server = encoding.decode_server(payload, DEFAULT_MAX_FRAME_BYTES);
    if let Ok(frame) = &server {
        let encoded = encoding.encode_server(frame);
        let again = encoding.decode_server(encoded.payload(), usize::MAX);
        assert_same(frame, &again.expect("an encoded server frame decodes"));
    }
    client.is_ok() || server.is_ok()
}

fn assert_same<T: std::fmt::Debug + PartialEq>(frame: &T, again: &T) {
    assert!(frame == again, "a frame changed on its way: {frame:?} became {again:?}");
}

/// Frames of both sides, as a session has them.
pub(super) fn client_frames() -> Vec<ClientFrame> {
    let media = MediaOffer { sdp: "v=0\r\n".to_owned(), ..MediaOffer::default() };
    let place = PlaceCallRequest {
        operation_id: "op-1".to_owned(),
        targets: vec!["8:orgid:6b1f3a2e-0d55-4f0b-9a7e-3b6a3a8a1c11".to_owned()],
        display_name: "Zoë".to_owned(),
        media: Some(media),
        ..PlaceCallRequest::default()
    };
    let add =
        AddParticipantRequest { target: "bob".to_owned(), ..AddParticipantRequest::default() };
    let command = |kind| Some(client_frame::Body::Command(Command { kind: Some(kind) }));
    let hello = Hello {
        token: "eyJhbGciOiJFUzI1NiJ9.e30.c2ln".to_owned(),
        display_name: "Alice".to_owned(),
        resume: Some(ResumeSession {
            session_id: "c6d6f2a0-5e0c-4b0e-8a43-5f4f0a1d2e3c".to_owned(),
            last_seq: 17,
        }),
        user_agent: "fuzz/1".to_owned(),
    };
    vec![
        ClientFrame { seq: 0, ack: 0, body: Some(client_frame::Body::Hello(hello)) },
        ClientFrame { seq: 0, ack: 3, body: None },
        ClientFrame { seq: 0, ack: 0, body: Some(client_frame::Body::Ping(Ping { nonce: 9 })) },
        ClientFrame { seq: 1, ack: 1, body: command(command::Kind::PlaceCall(place)) },
        ClientFrame { seq: 2, ack: 1, body: command(command::Kind::AddParticipant(add)) },
        ClientFrame {
            seq: 3,
            ack: 2,
            body: Some(client_frame::Body::RefreshToken(RefreshToken { token: "t".to_owned() })),
        },
    ]
}

fn server_frames() -> Vec<ServerFrame> {
    let participant = Participant {
        participant_id: "p-1".to_owned(),
        identifier: Some(CommunicationIdentifier { raw_id: "4:+14255550100".to_owned(), kind: 3 }),
        is_muted: true,
        ..Participant::default()
    };
    let event = CallEvent {
        call_id: "c-1".to_owned(),
        seq: u64::MAX,
        kind: Some(call_event::Kind::ParticipantUpdated(
            trunkline_proto::calling::v1::ParticipantUpdated { participant: Some(participant) },
        )),
        ..CallEvent::default()
    };
    let welcome = Welcome { heartbeat_seconds: 15, resume_seconds: 120, ..Welcome::default() };
    let answer = MediaAnswer { call_id: "c-1".to_owned(), sdp: "v=0\r\n".to_owned() };
    vec![
        ServerFrame { seq: 0, ack: 0, body: Some(server_frame::Body::Welcome(welcome)) },
        ServerFrame { seq: 1, ack: 1, body: Some(server_frame::Body::CallEvent(event)) },
        ServerFrame { seq: 2, ack: 1, body: Some(server_frame::Body::MediaAnswer(answer)) },
    ]
}

fn samples(encoding: Encoding) -> Vec<Vec<u8>> {
    let clients = client_frames().into_iter().map(|frame| encoding.encode_client(&frame));
    let servers = server_frames().into_iter().map(|frame| encoding.encode_server(&frame));
    clients
        .chain(servers)
        .map(|message| match message {
            WireMessage::Binary(bytes) => bytes,
            WireMessage::Text(text) => text.into_bytes(),
        })
        .collect()
}

fn proto_samples() -> Vec<Vec<u8>> {
    samples(Encoding::Proto)
}

fn json_samples() -> Vec<Vec<u8>> {
    samples(Encoding::Json)
}
