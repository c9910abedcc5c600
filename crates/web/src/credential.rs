//! What a request to an endpoint of the pages carries in `Authorization`, and how it is refused.

use axum::Json;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::{Shared, origin};

/// What a request has to carry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scheme {
    /// An access key of a resource.
    AccessKey,
    /// The token of a user.
    Bearer,
}

/// Returns the credential of a request. A browser never adds one by itself, so that a page of
/// another origin could only send one that it knows; it is refused all the same.
pub(crate) fn read<'a>(
    shared: &Shared,
    uri: &Uri,
    headers: &'a HeaderMap,
    scheme: Scheme,
) -> Result<&'a str, Box<Response>> {
    if !origin::is_allowed(headers, uri, &shared.config.allowed_origins) {
        let message = "pages of other origins may not ask this";
        return Err(Box::new(refuse(StatusCode::FORBIDDEN, "foreign_origin", message)));
    }
    // Two credentials in one request: whose request would it be?
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Box::new(refuse_credential(scheme, "send one `Authorization` header")));
    };
    let prefix = scheme.prefix();
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_at_checked(prefix.len()))
        .filter(|(given, _)| given.eq_ignore_ascii_case(prefix))
        .map(|(_, credential)| credential.trim())
        .ok_or_else(|| {
            let message = format!("send `Authorization: {prefix}…`");
            Box::new(refuse_credential(scheme, &message))
        })
}

/// Refuses a credential that is missing or does not hold.
pub(crate) fn refuse_credential(scheme: Scheme, message: &str) -> Response {
    let mut response = refuse(StatusCode::UNAUTHORIZED, "unauthorized", message);
    let challenge = HeaderValue::from_static(scheme.prefix().trim_ascii_end());
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// Refuses a request, in the shape of every error of this crate.
pub(crate) fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "error": { "code": code, "message": message } });
    (status, [NOT_STORED], Json(body)).into_response()
}

impl Scheme {
    const fn prefix(self) -> &'static str {
        match self {
            Self::AccessKey => "AccessKey ",
            Self::Bearer => "Bearer ",
        }
    }
}

/// Says that nothing between here and the page keeps the answer.
pub(crate) const NOT_STORED: (HeaderName, &str) = (CACHE_CONTROL, "no-store");
