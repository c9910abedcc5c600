//! Pages of other origins: which may ask, and what they may send and read.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::config::AllowedOrigins;

/// Answers a browser that asks before it sends; `None` for any other request.
pub(crate) fn preflight(
    allowed: &AllowedOrigins,
    method: &Method,
    headers: &HeaderMap,
) -> Option<Response> {
    let is_preflight = method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    let mut answer = HeaderMap::from_iter([(VARY, HeaderValue::from_static("Origin"))]);
    if let Some(origin) = allowed_origin(allowed, headers) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(headers));
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    }
    Some((StatusCode::NO_CONTENT, answer).into_response())
}

/// Lets the page that asked read the answer, if it may.
pub(crate) fn complete(allowed: &AllowedOrigins, request: &HeaderMap, answer: &mut HeaderMap) {
    answer.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed_origin(allowed, request) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

fn allowed_origin(allowed: &AllowedOrigins, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let text = origin.to_str().ok()?;
    let is_allowed = match allowed {
        AllowedOrigins::Any => true,
        AllowedOrigins::Listed(listed) => {
            listed.iter().any(|listed| listed.eq_ignore_ascii_case(text))
        }
        AllowedOrigins::None => false,
    };
    is_allowed.then(|| origin.clone())
}

/// Names the headers that clients are known to send, and those of the family that they may add.
fn allowed_headers(headers: &HeaderMap) -> HeaderValue {
    let asked = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|asked| asked.to_str().ok());
    let mut names = HEADERS.to_owned();
    for name in asked.unwrap_or_default().split(',').map(str::trim).take(ASKED_LIMIT) {
        let lower = name.to_ascii_lowercase();
        let is_family = FAMILIES.iter().any(|family| lower.starts_with(family))
            && lower.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_family && !HEADERS.split(", ").any(|known| known == lower) {
            names.push_str(", ");
            names.push_str(&lower);
        }
    }
    HeaderValue::from_str(&names).expect("names are letters, digits and hyphens: checked above")
}

const METHODS: &str = "GET, POST, PATCH, DELETE, OPTIONS";
const HEADERS: &str = "authorization, cache-control, client-request-id, content-type, ms-cv, \
                       repeatability-first-sent, repeatability-request-id, sdkversion, \
                       x-ms-client-request-id, x-ms-content-sha256, x-ms-date, x-ms-useragent, \
                       x-skypetoken";
const FAMILIES: [&str; 3] = ["x-ms-", "repeatability-", "traceparent"];
const EXPOSED: &str = "api-supported-versions, client-request-id, location, ms-cv, \
                       repeatability-result, request-id, retry-after, x-ms-client-request-id, \
                       x-ms-error-code";

/// Clients send a dozen headers of their own at most.
const ASKED_LIMIT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "https://app.example";

    fn asking(origin: &str, headers: &str) -> HeaderMap {
        HeaderMap::from_iter([
            (ORIGIN, origin.parse().unwrap()),
            (ACCESS_CONTROL_REQUEST_METHOD, "PATCH".parse().unwrap()),
            (ACCESS_CONTROL_REQUEST_HEADERS, headers.parse().unwrap()),
        ])
    }

    fn answer(allowed: &AllowedOrigins, headers: &HeaderMap) -> HeaderMap {
        let response = preflight(allowed, &Method::OPTIONS, headers).unwrap();
        assert_eq!(response.status(), 204);
        response.headers().clone()
    }

    #[test]
    fn a_listed_page_may_send_what_clients_send() {
        let allowed = AllowedOrigins::Listed(vec![APP.to_owned()]);
        let asked = "Authorization, X-Ms-Something-New, x-evil, x-ms-bad\u{20}name";
        let headers = answer(&allowed, &asking(APP, asked));
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], APP);
        assert!(headers[ACCESS_CONTROL_ALLOW_METHODS].to_str().unwrap().contains("PATCH"));
        let names = headers[ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
        assert!(names.contains("authorization") && names.contains("x-ms-something-new"), "{names}");
        assert!(!names.contains("evil") && !names.contains("bad name"), "{names}");
    }

    #[test]
    fn other_pages_are_told_nothing() {
        for allowed in [AllowedOrigins::None, AllowedOrigins::Listed(vec![APP.to_owned()])] {
            let request = asking("https://evil.example", "authorization");
            let headers = answer(&allowed, &request);
            assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
            assert_eq!(headers[VARY], "Origin");
            let mut completed = HeaderMap::new();
            complete(&allowed, &request, &mut completed);
            assert!(!completed.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        }
    }

    #[test]
    fn an_answer_can_be_read_with_its_headers() {
        let mut completed = HeaderMap::new();
        complete(&AllowedOrigins::Any, &asking(APP, ""), &mut completed);
        assert_eq!(completed[ACCESS_CONTROL_ALLOW_ORIGIN], APP);
        let exposed = completed[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap();
        assert!(exposed.contains("retry-after"), "{exposed}");
    }

    #[test]
    fn other_requests_are_no_preflight() {
        let headers = asking(APP, "");
        assert!(preflight(&AllowedOrigins::Any, &Method::GET, &headers).is_none());
        let no_origin = HeaderMap::new();
        assert!(preflight(&AllowedOrigins::Any, &Method::OPTIONS, &no_origin).is_none());
    }
}
