//! `POST /policy/explain`: whether one user may reach another, and what decides it.

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use trunkline_api::convert;
use trunkline_ids::CommunicationIdentifier;
use trunkline_node::AdminKeyError;
use trunkline_proto::admin::v1::ExplainPolicyResponse;

use crate::credential::{self, NOT_STORED, Scheme};
use crate::{Shared, wire_json};

/// Takes `{"from": …, "to": …}`, each a raw id or the alias of a directory user; answers with an
/// `ExplainPolicyResponse` in proto-JSON.
pub(crate) async fn explain(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let key = match credential::read(&shared, &uri, &headers, Scheme::AccessKey) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    let admin = match shared.node.admin_with_key(key) {
        Ok(admin) => admin,
        Err(error @ AdminKeyError::Unknown) => {
            return credential::refuse_credential(Scheme::AccessKey, &error.to_string());
        }
        Err(error @ AdminKeyError::OtherResource) => {
            return credential::refuse(StatusCode::FORBIDDEN, "forbidden", &error.to_string());
        }
    };
    let Some(body) = read_body(body).await else {
        return refuse_input("send JSON with `from` and `to`");
    };
    let resolve = |field: &str| -> Option<CommunicationIdentifier> {
        let text = body.get(field)?.as_str()?.trim();
        shared.node.identity().resolve_target(text).ok()
    };
    let Some(from) = resolve("from") else {
        return refuse_input("`from` is neither a raw id nor an alias of the directory");
    };
    let Some(to) = resolve("to") else {
        return refuse_input("`to` is neither a raw id nor an alias of the directory");
    };
    let explained = admin.explain(&from, &to);
    let response = ExplainPolicyResponse {
        from: Some(convert::identifier(&explained.from)),
        to: Some(convert::identifier(&explained.to)),
        call: Some(convert::policy::decision(&explained.call)),
        chat: Some(convert::policy::decision(&explained.chat)),
    };
    let answer = wire_json::to_line("trunkline.admin.v1.ExplainPolicyResponse", &response);
    ([(CONTENT_TYPE, "application/json"), NOT_STORED], answer).into_response()
}

async fn read_body(body: Body) -> Option<Value> {
    let bytes = to_bytes(body, MAX_BODY_BYTES).await.ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn refuse_input(message: &str) -> Response {
    credential::refuse(StatusCode::BAD_REQUEST, "invalid_request", message)
}

/// Larger bodies are refused: a request holds two ids.
const MAX_BODY_BYTES: usize = 4_096;
