//! Tests of the encodings.

use proptest::prelude::*;
use trunkline_proto::{
    calling::v1 as calling,
    signaling::v1::{
        Command, Hello, MediaState, MediaStateChanged, TokenExpiring, client_frame, command,
        server_frame,
    },
};

use super::*;

const LIMIT_BYTES: usize = DEFAULT_MAX_FRAME_BYTES;

fn place_call() -> ClientFrame {
    let tracks = vec![calling::TrackBinding {
        mid: "0".to_owned(),
        role: calling::TrackRole::Camera.into(),
    }];
    let place = calling::PlaceCallRequest {
        operation_id: "op-1".to_owned(),
        targets: vec!["bob".to_owned()],
        media: Some(calling::MediaOffer { sdp: "v=0\r\n".to_owned(), tracks }),
        ..calling::PlaceCallRequest::default()
    };
    let command = Command { kind: Some(command::Kind::PlaceCall(place)) };
    ClientFrame { seq: 5, ack: 1 << 60, body: Some(client_frame::Body::Command(command)) }
}

#[test]
fn json_is_the_canonical_mapping() {
    let WireMessage::Text(text) = Encoding::Json.encode_client(&place_call()) else {
        panic!("JSON travels as text");
    };
    let expected = concat!(
        r#"{"seq":"5","ack":"1152921504606846976","command":{"placeCall":{"operationId":"op-1","#,
        r#""targets":["bob"],"media":{"sdp":"v=0\r\n","#,
        r#""tracks":[{"mid":"0","role":"TRACK_ROLE_CAMERA"}]}}}}"#,
    );
    assert_eq!(text, expected);
}

#[test]
fn json_spells_times_as_rfc_3339_and_enums_by_name() {
    let time = prost_types::Timestamp { seconds: 1_767_225_600, nanos: 500_000_000 };
    let expiring = TokenExpiring { expires_on: Some(time) };
    let frame =
        ServerFrame { seq: 1, ack: 0, body: Some(server_frame::Body::TokenExpiring(expiring)) };
    let expected = r#"{"seq":"1","tokenExpiring":{"expiresOn":"2026-01-01T00:00:00.500Z"}}"#;
    assert_eq!(Encoding::Json.encode_server(&frame), WireMessage::Text(expected.to_owned()));

    let changed = MediaStateChanged {
        call_id: "c".to_owned(),
        state: MediaState::Connected.into(),
        ..MediaStateChanged::default()
    };
    let frame =
        ServerFrame { seq: 2, ack: 0, body: Some(server_frame::Body::MediaStateChanged(changed)) };
    let WireMessage::Text(text) = Encoding::Json.encode_server(&frame) else { panic!() };
    assert!(text.contains(r#""state":"MEDIA_STATE_CONNECTED""#), "{text}");
}

#[test]
fn json_is_read_with_numbers_or_strings_and_with_either_spelling_of_names() {
    let spellings = [
        r#"{"seq":"3","command":{"hangUp":{"callId":"c","forEveryone":true}}}"#,
        r#"{"seq":3,"command":{"hang_up":{"call_id":"c","for_everyone":true}}}"#,
        r#" {"command":{"hangUp":{"callId":"c","forEveryone":true}},"seq":3.0,"ack":null} "#,
        r#"{"seq":3,"soon":[1,{}],"command":{"hangUp":{"callId":"c","forEveryone":true,"x":1}}}"#,
    ];
    for text in spellings {
        let frame = Encoding::Json.decode_client(WirePayload::Text(text), LIMIT_BYTES).unwrap();
        let Some(client_frame::Body::Command(Command {
            kind: Some(command::Kind::HangUp(hang_up)),
        })) = frame.body
        else {
            panic!("{text} is a command");
        };
        assert_eq!((frame.seq, &hang_up.call_id[..], hang_up.for_everyone), (3, "c", true));
    }
}

#[test]
fn what_is_not_a_frame_is_refused_with_4400() {
    for text in [
        "",
        "{",
        "[]",
        "null",
        "3",
        r#"{"seq":-1}"#,
        r#"{"seq":"x"}"#,
        r#"{"hello":3}"#,
        r#"{"hello":{},"goodbye":{}}"#,
        r#"{"seq":1} {"seq":2}"#,
        &format!(r#"{{"hello":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
        &format!(r#"{{"x":{}"#, "[".repeat(100_000)),
    ] {
        let error = Encoding::Json.decode_client(WirePayload::Text(text), LIMIT_BYTES).unwrap_err();
        assert_eq!(error.close_code(), CloseCode::Malformed, "{text:.40}");
    }
    let valid = Encoding::Proto.encode_client(&place_call());
    let error = Encoding::Json.decode_client(valid.payload(), LIMIT_BYTES).unwrap_err();
    assert!(matches!(error, DecodeFrameError::WrongMessageKind { expected: Encoding::Json }));
}

#[test]
fn a_frame_past_the_limit_is_refused_with_4413_before_it_is_read() {
    for encoding in [Encoding::Json, Encoding::Proto] {
        let message = encoding.encode_client(&place_call());
        let length_bytes = message.payload().len();
        assert!(encoding.decode_client(message.payload(), length_bytes).is_ok());
        let error = encoding.decode_client(message.payload(), length_bytes - 1).unwrap_err();
        assert_eq!(error.close_code(), CloseCode::FrameTooLarge);
    }
}

#[test]
fn every_prefix_of_a_frame_is_taken_or_refused_without_panic() {
    for encoding in [Encoding::Json, Encoding::Proto] {
        match encoding.encode_client(&place_call()) {
            WireMessage::Binary(bytes) => {
                for end in 0..bytes.len() {
                    let _ = encoding.decode_client(WirePayload::Binary(&bytes[..end]), LIMIT_BYTES);
                }
            }
            WireMessage::Text(text) => {
                for end in 0..text.len() {
                    let prefix = WirePayload::Text(&text[..end]);
                    assert!(encoding.decode_client(prefix, LIMIT_BYTES).is_err());
                }
            }
        }
    }
}

#[test]
fn debug_shows_no_content() {
    let hello = Hello { token: "secret".to_owned(), ..Hello::default() };
    let frame = ClientFrame { seq: 0, ack: 0, body: Some(client_frame::Body::Hello(hello)) };
    let message = Encoding::Json.encode_client(&frame);
    assert!(!format!("{message:?} {:?}", message.payload()).contains("secret"));
}

#[test]
fn subprotocols_read_back_from_their_names() {
    for encoding in [Encoding::Json, Encoding::Proto] {
        assert_eq!(encoding.to_string().parse(), Ok(encoding));
    }
    assert_eq!("trunkline.v2.proto".parse::<Encoding>(), Err(UnknownSubprotocol));
}

proptest! {
    #[test]
    fn frames_round_trip_in_both_encodings(
        seq: u64,
        ack: u64,
        targets in proptest::collection::vec("\\PC{0,20}", 0..4),
        sdp in "(?s).{0,80}",
        role in 0_i32..7,
    ) {
        let tracks = vec![calling::TrackBinding { mid: "m".to_owned(), role }];
        let place = calling::PlaceCallRequest {
            targets,
            media: Some(calling::MediaOffer { sdp, tracks }),
            ..calling::PlaceCallRequest::default()
        };
        let command = Command { kind: Some(command::Kind::PlaceCall(place)) };
        let frame = ClientFrame { seq, ack, body: Some(client_frame::Body::Command(command)) };
        for encoding in [Encoding::Json, Encoding::Proto] {
            let message = encoding.encode_client(&frame);
            let decoded = encoding.decode_client(message.payload(), LIMIT_BYTES).unwrap();
            prop_assert_eq!(&decoded, &frame);
        }
    }

    #[test]
    fn any_bytes_and_any_text_are_taken_or_refused_without_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "\\PC{0,200}",
    ) {
        let _ = Encoding::Proto.decode_client(WirePayload::Binary(&bytes), LIMIT_BYTES);
        let _ = Encoding::Proto.decode_server(WirePayload::Binary(&bytes), LIMIT_BYTES);
        let _ = Encoding::Json.decode_client(WirePayload::Text(&text), LIMIT_BYTES);
        let _ = Encoding::Json.decode_server(WirePayload::Text(&text), LIMIT_BYTES);
    }
}
