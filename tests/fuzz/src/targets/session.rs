//! The server's end of a session under any order of frames: it stays bounded and never panics.

use std::time::Duration;

use prost::Message;
use trunkline_clock::{Instant, Now, Timestamp};
use trunkline_ids::{EndpointId, SessionId};
use trunkline_proto::common::v1::CommunicationIdentifier;
use trunkline_proto::signaling::v1::ClientFrame;
use trunkline_signaling::session::{
    Greeting, Resumption, ServerOutput, ServerSession, SessionConfig, TransportId,
};

use super::{Target, chunks, conversation, frames};

pub(super) const TARGET: Target = Target {
    name: "session",
    about: "a session fed any frames in any order, with breaks: bounded output, each seq once",
    run,
    samples,
    words: &[b"\x00\x02\x08\x01", b"\x00\x02\x10\x01", b"\x00\x00", b"\x00\x01\x00"],
    longest_bytes: 8 * 1024,
};

fn run(input: &[u8]) -> bool {
    let start = Now { instant: Instant::from_nanos(1), wall: Timestamp::from_unix_seconds(1) };
    let expires_on = Timestamp::from_unix_seconds(86_400);
    let mut transport = TransportId(1);
    let mut instant = start.instant;
    let mut session =
        ServerSession::new(start, SessionConfig::default(), greeting(), transport, expires_on);
    let mut fed = 0_usize;
    let mut delivered = 0_usize;
    for chunk in chunks(input) {
        instant = instant + Duration::from_millis(1);
        let now = Now { instant, ..start };
        match ClientFrame::decode(chunk) {
            Ok(frame) => session.handle_frame(now, transport, frame),
            Err(_) => {
                // What is no frame breaks the transport; the client comes back with a claim.
                session.detach(now, transport);
                transport = TransportId(transport.0 + 1);
                let last_seq = chunk.first().copied().map_or(0, u64::from);
                let resumption = Resumption { last_seq, token_expires_on: expires_on };
                // A claim that cannot be is refused, which is what is wanted.
                let _ = session.attach(now, transport, resumption);
            }
        }
        session.handle_timeout(now);
        fed += 1;
        let mut outputs = 0_usize;
        while let Some(output) = session.poll_output() {
            outputs += 1;
            if matches!(output, ServerOutput::Deliver(_)) {
                delivered += 1;
            }
            assert!(outputs <= 64, "one frame gave more than 64 outputs");
        }
    }
    assert!(delivered <= fed, "{fed} frames delivered {delivered} commands");
    delivered > 0
}

fn greeting() -> Greeting {
    Greeting {
        session_id: SessionId::from_uuid_bytes([1; 16]),
        endpoint_id: EndpointId::from_uuid_bytes([2; 16]),
        identifier: CommunicationIdentifier::default(),
        display_name: "Alice".to_owned(),
    }
}

fn samples() -> Vec<Vec<u8>> {
    let encoded: Vec<Vec<u8>> = frames::client_frames()
        .into_iter()
        .filter(|frame| frame.seq > 0)
        .map(|frame| ClientFrame { ack: 0, ..frame }.encode_to_vec())
        .collect();
    let in_order = conversation(encoded.iter().map(Vec::as_slice));
    let broken: &[u8] = b"\xff";
    let resumed = conversation([encoded[0].as_slice(), broken, &encoded[0], &encoded[1]]);
    vec![in_order, resumed]
}
