//! The first frame of a transport: reads Hello, checks the token, opens or resumes the session.

use std::time::Duration;

use tokio::time::timeout;
use trunkline_ids::{DisplayName, SessionId};
use trunkline_policy::{Right, decide_scope};
use trunkline_proto::common::v1 as common;
use trunkline_proto::signaling::v1::{
    ClientFrame, Hello, SessionClosed, client_frame, server_frame,
};
use trunkline_signaling::close::CloseCode;
use trunkline_signaling::outgoing::{EncodedBody, OutgoingFrame};

use crate::link::{Inbound, Link, Outbound};
use crate::node::Node;
use crate::registry::NoSuchSession;
use crate::session::{NotOpened, SessionTask};
use crate::token::{TokenClaims, TokenError};

/// Runs a new transport until it belongs to a session, and then that session.
pub(crate) async fn run(node: Node, mut link: Link) {
    let hello = tokio::select! {
        hello = timeout(HELLO_DEADLINE, link.inbound.recv()) => hello,
        () = node.shutting_down() => return refuse(link, CloseCode::GoingAway, None),
    };
    let hello = match hello {
        Err(_elapsed) => return refuse(link, CloseCode::TimedOut, None),
        Ok(None) => return,
        Ok(Some(Inbound::Refused(code))) => return refuse(link, code, None),
        Ok(Some(Inbound::Frame(frame))) => match read_hello(frame) {
            Some(hello) => hello,
            None => return refuse(link, CloseCode::Malformed, None),
        },
    };
    let claims = match node.identity().verify(&hello.token, node.clock().wall()).await {
        Ok(claims) => claims,
        Err(error) => return refuse_token(link, error),
    };
    if let Err(error) = require_scope(&claims) {
        let detail = Some((error.code(), error.to_string()));
        return refuse(link, CloseCode::Forbidden, detail);
    }
    let display_name = match display_name(&node, &claims, &hello.display_name) {
        Ok(display_name) => display_name,
        Err(error) => {
            let detail = Some(("invalid_display_name", error.to_string()));
            return refuse(link, CloseCode::Malformed, detail);
        }
    };
    match hello.resume {
        None => match SessionTask::open(node, claims, display_name, link).await {
            Ok(task) => task.run().await,
            Err(NotOpened { link, error }) => refuse_token(link, error),
        },
        Some(resume) => {
            let refused = match resume.session_id.parse::<SessionId>() {
                Ok(id) => node
                    .registry()
                    .resume(&id, &claims.identifier, link, resume.last_seq, claims.expires_on)
                    .map_err(|NoSuchSession(link)| link),
                Err(_malformed) => Err(link),
            };
            if let Err(link) = refused {
                refuse(link, CloseCode::SessionUnknown, None);
            }
        }
    }
}

/// Fails where a token neither opens a session nor keeps one.
pub(crate) fn require_scope(claims: &TokenClaims) -> Result<(), ScopeMissing> {
    match decide_scope(&claims.scopes, Right::JoinCalls).is_allowed() {
        true => Ok(()),
        false => Err(ScopeMissing),
    }
}

/// Says that a token is one for chat alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("calling needs the scope voip or voip.join")]
pub(crate) struct ScopeMissing;

impl ScopeMissing {
    /// Returns the stable code.
    pub(crate) const fn code(self) -> &'static str {
        "scope_missing"
    }
}

/// Decides the name that others see: the directory's for directory users, else what the user
/// says, else `Guest`.
pub(crate) fn display_name(
    node: &Node,
    claims: &TokenClaims,
    offered: &str,
) -> Result<DisplayName, trunkline_ids::ParseIdError> {
    if let Some(name) = node.identity().directory_name(&claims.identifier) {
        return Ok(name);
    }
    match offered {
        "" => Ok(DisplayName::guest()),
        offered => offered.parse(),
    }
}

fn read_hello(frame: ClientFrame) -> Option<Hello> {
    match (frame.seq, frame.body) {
        (0, Some(client_frame::Body::Hello(hello)))
            if hello.user_agent.len() <= USER_AGENT_LIMIT_BYTES =>
        {
            Some(hello)
        }
        (_, _) => None,
    }
}

fn refuse_token(link: Link, error: TokenError) {
    let code = error.code();
    metrics::counter!("trunkline_tokens_refused_total", "reason" => code).increment(1);
    refuse(link, CloseCode::Unauthorized, Some((code, error.to_string())));
}

fn refuse(link: Link, code: CloseCode, detail: Option<(&str, String)>) {
    let (name, message) = match detail {
        Some((name, message)) => (name.to_owned(), message),
        None => (code.name().to_owned(), code.meaning().to_owned()),
    };
    let closed = SessionClosed {
        close_code: u32::from(code.as_u16()),
        error: Some(common::Error { code: name, message, reason: None }),
    };
    let body = Some(EncodedBody::from(server_frame::Body::SessionClosed(closed)));
    // A new transport has room; one that is gone needs nothing.
    let _ = link.outbound.try_send(Outbound::Frame(OutgoingFrame { seq: 0, ack: 0, body }));
    link.close(code);
}

/// A client that opens a transport has its token at hand; this only has to cover a slow network.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);

/// As documented at `Hello.user_agent`: 128 characters of up to four bytes.
const USER_AGENT_LIMIT_BYTES: usize = 512;
