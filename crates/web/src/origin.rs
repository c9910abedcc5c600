//! Decides whether a browser's page may use an endpoint.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

/// Tells whether the page that sent the request may open a session.
///
/// Browsers always send `Origin` when they open a WebSocket, and it cannot be forged from a page;
/// a request without it comes from a program, which needs no protection from other pages.
pub(crate) fn is_allowed(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    if allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    host(headers, uri).is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

/// Tells whether the request names this machine in a way that no foreign name can be made to.
///
/// A page of another site can point its own name at this address (DNS rebinding) and is then of
/// the same origin. It cannot do so with an address literal or with `localhost`.
fn is_unspoofable_host(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> bool {
    let Some(host) = host(headers, uri) else {
        return false;
    };
    let name = without_port(host);
    name.eq_ignore_ascii_case("localhost")
        || name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
        || allowed
            .iter()
            .filter_map(|origin| origin.split_once("://"))
            .any(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

/// Returns the host that the request names, if that is this machine for certain and the page that
/// sent it may use the endpoint.
pub(crate) fn own_host<'a>(
    headers: &'a HeaderMap,
    uri: &'a Uri,
    allowed: &[String],
) -> Option<&'a str> {
    host(headers, uri)
        .filter(|_| is_allowed(headers, uri, allowed) && is_unspoofable_host(headers, uri, allowed))
}

/// The authority that the client asked for: HTTP/2 carries it in the URI, HTTP/1.1 in a header.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    uri.authority()
        .map(|authority| authority.as_str())
        .or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    fn allowed(host: &str, origin: Option<&str>) -> bool {
        let configured = ["https://app.example.org".to_owned()];
        is_allowed(&headers(host, origin), &Uri::from_static("/signaling"), &configured)
    }

    #[test]
    fn only_own_and_configured_origins_are_allowed() {
        assert!(allowed("localhost:8443", Some("https://localhost:8443")));
        assert!(allowed("LOCALHOST:8443", Some("https://localhost:8443")));
        assert!(allowed("[::1]:8443", Some("https://[::1]:8443")));
        assert!(allowed("localhost:8443", Some("https://app.example.org")));
        assert!(allowed("localhost:8443", None));
        assert!(!allowed("localhost:8443", Some("https://localhost:9000")));
        assert!(!allowed("localhost:8443", Some("https://evil.example")));
        assert!(!allowed("localhost:8443", Some("https://localhost:8443.evil.example")));
        assert!(!allowed("localhost:8443", Some("null")));
        assert!(!allowed("localhost:8443", Some("")));
    }

    #[test]
    fn http_2_authority_counts_as_host() {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, "https://localhost:8443".parse().unwrap());
        let own = Uri::from_static("https://localhost:8443/signaling");
        let other = Uri::from_static("https://example.org/signaling");
        assert!(is_allowed(&headers, &own, &[]));
        assert!(!is_allowed(&headers, &other, &[]));
    }

    #[test]
    fn a_rebindable_name_is_not_this_machine() {
        let configured = ["https://box.example.org:8443".to_owned()];
        let check = |host: &str| {
            is_unspoofable_host(&headers(host, None), &Uri::from_static("/dev/token"), &configured)
        };
        assert!(check("localhost:8443"));
        assert!(check("localhost"));
        assert!(check("127.0.0.1:8443"));
        assert!(check("[::1]:8443"));
        assert!(check("192.0.2.7"));
        assert!(check("box.example.org:8443"));
        assert!(!check("rebind.example.org:8443"));
        assert!(!check("localhost.evil.example:8443"));
        assert!(!check(""));
    }
}
