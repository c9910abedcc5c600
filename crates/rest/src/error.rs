//! What a refused request is told: a status, a stable code, a sentence, and headers that go with them.
//!
//! Messages may name ids and limits. They never repeat credentials or what people wrote.

mod domain;

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::body::BodyError;
use crate::headers::{JSON, X_MS_ERROR_CODE};
use crate::operation::{self, NoRoute};
use crate::repeatability::{REJECTED, REPEATABILITY_RESULT};

/// An error as it leaves the server.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Parts>);

/// Boxed: it travels through every result, and is there seldom.
#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    error: ErrorModel,
    headers: HeaderMap,
}

/// The error envelope: `{"error": {…}}`.
#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a ErrorModel,
}

/// What is in the envelope, and in lists of what could not be done.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorModel {
    /// Stable, for programs.
    pub(crate) code: Cow<'static, str>,
    /// For people.
    pub(crate) message: Cow<'static, str>,
    /// Which part of the request is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// What exactly is wrong, where that is more than one sentence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) details: Vec<ErrorModel>,
    /// A code that says more than the documented one.
    #[serde(rename = "innererror", skip_serializing_if = "Option::is_none")]
    pub(crate) inner: Option<InnerError>,
}

/// A more exact code below a documented one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct InnerError {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

impl ErrorModel {
    /// Makes an error without a target.
    pub(crate) fn new(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            target: None,
            details: Vec::new(),
            inner: None,
        }
    }
}

impl ApiError {
    /// Makes an error of any status.
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let error = ErrorModel::new(code, message);
        Self(Box::new(Parts { status, error, headers: HeaderMap::new() }))
    }

    /// The request says something that cannot be.
    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// A time of a room cannot be; the documented service says which, and why, in the details.
    pub(crate) fn malformed(target: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(
            "The request could not be understood by the server due to malformed syntax.",
        )
        .with_detail(target, message)
    }

    /// The request says something that cannot be, in the words of the documented service's identity.
    pub(crate) fn validation(message: impl Into<Cow<'static, str>>, target: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationError", message).with_target(target)
    }

    /// The identity is of another resource than the one that asks.
    pub(crate) fn not_owned() -> Self {
        let message = "Provided identity doesn't belong to the resource.";
        Self::new(StatusCode::UNAUTHORIZED, "IdentityNotOwned", message)
    }

    /// The signature, or whatever stands for the resource, is not accepted. The reason is not told.
    pub(crate) fn denied() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Denied", "Denied by the resource provider.")
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("HMAC-SHA256"))
    }

    /// The user's token is not accepted.
    pub(crate) fn unauthorized(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// What the request names does not exist, or not for this caller.
    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    /// Says when to try again, in whole seconds.
    #[must_use]
    pub(crate) fn with_retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Says that a repeatable request was not carried out.
    #[must_use]
    pub(crate) fn with_repeatability_rejected(self) -> Self {
        self.with_header(REPEATABILITY_RESULT, REJECTED)
    }

    /// Too many requests; `after` is when another one will be taken.
    pub(crate) fn too_many_requests(after: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "The rate limit is exceeded: try again after the time that Retry-After names.",
        )
        .with_retry_after(after)
    }

    /// The exchange cannot do it at the moment; the request may be sent again.
    pub(crate) fn unavailable(message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
            .with_retry_after(Duration::from_secs(1))
    }

    /// The exchange has failed.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "The exchange could not complete the request.",
        )
    }

    /// Names the part of the request that is meant.
    #[must_use]
    pub(crate) fn with_target(mut self, target: impl Into<String>) -> Self {
        self.0.error.target = Some(target.into());
        self
    }

    /// Adds what exactly is wrong with a part of the request.
    #[must_use]
    pub(crate) fn with_detail(
        mut self,
        target: &str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let detail = ErrorModel::new("BadArgument", message);
        self.0.error.details.push(ErrorModel { target: Some(target.to_owned()), ..detail });
        self
    }

    /// Adds a more exact code.
    #[must_use]
    pub(crate) fn with_inner(mut self, code: &'static str) -> Self {
        self.0.error.inner = Some(InnerError { code, message: None });
        self
    }

    /// Adds a more exact code and what it says to people.
    #[must_use]
    pub(crate) fn with_inner_message(mut self, code: &'static str, message: &'static str) -> Self {
        self.0.error.inner = Some(InnerError { code, message: Some(message) });
        self
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn with_header(mut self, name: axum::http::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Returns whether the caller may not do this, or not know of what it asks for.
    pub(crate) fn is_about_access(&self) -> bool {
        self.0.status == StatusCode::FORBIDDEN || self.0.status == StatusCode::NOT_FOUND
    }

    /// Returns the status.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the message, the more exact code and the headers.
    pub(crate) fn details(&self) -> (&str, Option<&'static str>, &HeaderMap) {
        let Parts { error, headers, .. } = &*self.0;
        (error.message.as_ref(), error.inner.as_ref().map(|inner| inner.code), headers)
    }

    /// Returns the code.
    pub(crate) fn code(&self) -> &str {
        &self.0.error.code
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Parts { status, error, headers: further } = *self.0;
        let body = serde_json::to_vec(&Envelope { error: &error })
            .expect("strings and options always serialize");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        if let Ok(code) = HeaderValue::from_str(&error.code) {
            headers.insert(X_MS_ERROR_CODE, code);
        }
        headers.extend(further);
        response
    }
}

impl From<NoRoute> for ApiError {
    fn from(error: NoRoute) -> Self {
        match error {
            NoRoute::NotText => Self::bad_request("The path is not valid UTF-8."),
            NoRoute::OtherVerb { allowed } => {
                let allowed = operation::verbs(&allowed);
                let message = format!("This path is served with {allowed}.");
                let allow = HeaderValue::from_str(&allowed).expect("verbs are ASCII");
                Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
                    .with_header(ALLOW, allow)
            }
            NoRoute::UnknownPath => Self::not_found("No such resource."),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Interrupted => Self::bad_request("The body ended too early."),
            BodyError::MediaType => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UnsupportedMediaType",
                "The body must be JSON.",
            ),
            BodyError::NotText => {
                Self::bad_request("The body is not valid UTF-8.").with_inner("InvalidUtf8")
            }
            BodyError::Shape { message } => Self::bad_request(message),
            BodyError::Syntax { line, column } => {
                Self::bad_request(format!("The body is not JSON: line {line}, column {column}."))
                    .with_inner("InvalidJson")
            }
            BodyError::TooDeep { limit } => {
                Self::bad_request(format!("The body nests more than {limit} levels deep."))
                    .with_inner("JsonTooDeep")
            }
            BodyError::TooLarge { limit_bytes } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                format!("The body is larger than {limit_bytes} bytes."),
            ),
            BodyError::TooSlow => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "RequestTimeout",
                "The body did not arrive in time.",
            ),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Reads an error as a client gets it.
    pub(crate) async fn sent(error: ApiError) -> (StatusCode, HeaderMap, serde_json::Value) {
        let response = error.into_response();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap();
        (status, headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn the_envelope_holds_code_message_and_what_else_is_known() {
        let error = ApiError::bad_request("no").with_target("topic").with_inner("JsonTooDeep");
        let (status, headers, body) = sent(error).await;
        assert_eq!(status, 400);
        assert_eq!(headers[X_MS_ERROR_CODE], "BadRequest");
        assert_eq!(headers[CONTENT_TYPE], "application/json; charset=utf-8");
        let expected = serde_json::json!({ "error": {
            "code": "BadRequest", "message": "no", "target": "topic",
            "innererror": { "code": "JsonTooDeep" },
        }});
        assert_eq!(body, expected);
        let (_, _, body) = sent(ApiError::bad_request("no").with_detail("ValidFrom", "late")).await;
        let detail = serde_json::json!({
            "code": "BadArgument", "message": "late", "target": "ValidFrom",
        });
        let expected = serde_json::json!({ "error": {
            "code": "BadRequest", "message": "no", "details": [detail],
        }});
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn headers_that_clients_act_on_go_with_the_status() {
        let (status, headers, _) =
            sent(ApiError::too_many_requests(Duration::from_millis(1))).await;
        assert_eq!(
            (status, &headers[RETRY_AFTER]),
            (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
        );
        let allowed = vec![operation::Verb::Get, operation::Verb::Post];
        let (status, headers, _) = sent(NoRoute::OtherVerb { allowed }.into()).await;
        assert_eq!(
            (status, &headers[ALLOW]),
            (StatusCode::METHOD_NOT_ALLOWED, &"GET, POST".parse().unwrap())
        );
        let (status, headers, body) = sent(ApiError::denied()).await;
        assert_eq!(
            (status, headers.contains_key(WWW_AUTHENTICATE)),
            (StatusCode::UNAUTHORIZED, true)
        );
        assert_eq!(body["error"]["message"], "Denied by the resource provider.");
    }
}
