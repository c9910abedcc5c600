//! Guests of meetings: who shows a link, or an id and a passcode, gets a token to join with.

use std::net::{IpAddr, Ipv4Addr};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{HeaderValue, WWW_AUTHENTICATE};
use axum::http::{Extensions, HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use trunkline_ids::{DisplayName, JoinCode, MeetingLocator};
use trunkline_node::{GuestError, GuestRequest, TokenError};

use super::rates::network;
use super::{peer, read, refuse_other_origin, refuse_too_many, too_many};
use crate::Shared;
use crate::credential::{NOT_STORED, refuse};
use crate::dev;

/// Who comes, and where to.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Coming {
    display_name: String,
    meeting_link: Option<String>,
    meeting_id: Option<String>,
    passcode: Option<String>,
    token: Option<String>,
}

/// `POST /sign-in/guest` with `{"displayName", "meetingLink"}` or with `{"displayName", "meetingId",
/// "passcode"}`: a token for a meeting, as somebody new, or as whose `token` is there beside these.
pub(crate) async fn guest(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    body: Body,
) -> Response {
    if let Some(refusal) = refuse_other_origin(&shared, &headers, &uri) {
        return refusal;
    }
    let Some(rates) = &shared.guest_rates else {
        return refuse(StatusCode::NOT_FOUND, "no_guests", "nobody is a guest here");
    };
    let peer = peer(&extensions);
    if let Some(refusal) = refuse_too_many(&shared, rates, peer) {
        return refusal;
    }
    let shape = "`displayName`, and `meetingLink` or `meetingId` and `passcode`";
    let coming: Coming = match read(&headers, body, shape).await {
        Ok(coming) => coming,
        Err(error) => return error.into_response(),
    };
    let Ok(name) = coming.display_name.parse::<DisplayName>() else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "`displayName` is no name");
    };
    // What cannot be a meeting's is answered as what is none's.
    let Some(locator) = coming.locator() else { return no_meeting() };
    let request = GuestRequest {
        peer: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), network),
        locator: &locator,
        token: coming.token.as_deref(),
    };
    match shared.node.guests().sign_in(request).await {
        Ok((user, token)) => {
            let mut body = dev::issued(&user, token);
            body["displayName"] = name.as_str().into();
            ([NOT_STORED], Json(body)).into_response()
        }
        Err(error) => refuse_guest(&error),
    }
}

impl Coming {
    fn locator(&self) -> Option<MeetingLocator> {
        match (&self.meeting_link, &self.meeting_id, &self.passcode) {
            (Some(link), None, None) => Some(MeetingLocator::Link(link.parse().ok()?)),
            (None, Some(id), Some(passcode)) => {
                let code = JoinCode { id: id.parse().ok()?, passcode: passcode.parse().ok()? };
                Some(MeetingLocator::Code(code))
            }
            (_, _, _) => None,
        }
    }
}

fn no_meeting() -> Response {
    refuse(StatusCode::NOT_FOUND, "meeting_not_found", &GuestError::NoMeeting.to_string())
}

fn refuse_guest(error: &GuestError) -> Response {
    match error {
        GuestError::Identity(error) => dev::refuse_identity(error),
        GuestError::NoMeeting => no_meeting(),
        GuestError::ShuttingDown | GuestError::Token(TokenError::Unavailable) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error.to_string())
        }
        GuestError::Store(source) => {
            tracing::warn!(
                error = source as &(dyn std::error::Error + 'static),
                "the store failed"
            );
            refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error.to_string())
        }
        GuestError::Token(source) => {
            let message = error.to_string();
            let mut response = refuse(StatusCode::UNAUTHORIZED, source.code(), &message);
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
            response
        }
        GuestError::TooManyAttempts { retry_after } => too_many(&error.to_string(), *retry_after),
    }
}
