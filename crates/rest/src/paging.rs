//! Pages of lists, and the link from one to the next.

use std::fmt;

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use serde::Serialize;

use crate::error::ApiError;
use crate::percent;
use crate::query::Query;

/// Where a client reaches this exchange: `https://localhost:8443`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

/// How a port is served.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    #[default]
    Https,
}

/// Says that a text is no origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an origin: expected `https://host` or `http://host:port`")]
pub struct ParseOriginError;

impl Origin {
    /// Returns where the client believes to be: HTTP/2 has the host in the URI, HTTP/1.1 in a header.
    pub(crate) fn of_request(
        scheme: Scheme,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Self, ApiError> {
        let authority = match uri.authority() {
            Some(authority) => Some(authority.clone()),
            None => headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok()),
        };
        match authority.filter(|authority| !authority.as_str().contains('@')) {
            Some(authority) => Ok(Self { scheme, authority }),
            None => Err(ApiError::bad_request("The request needs one valid Host header.")),
        }
    }

    /// Returns host and port.
    pub(crate) fn host(&self) -> &str {
        self.authority.as_str()
    }
}

impl std::str::FromStr for Origin {
    type Err = ParseOriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, host) = text.split_once("://").ok_or(ParseOriginError)?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(ParseOriginError),
        };
        let authority: Authority = host.parse().map_err(|_| ParseOriginError)?;
        match authority.as_str().contains('@') {
            true => Err(ParseOriginError),
            false => Ok(Self { scheme, authority }),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority)
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PageRequest {
    /// At most so many.
    pub(crate) limit: usize,
    /// How many to leave out at the start.
    pub(crate) skip: usize,
}

impl PageRequest {
    /// Reads the size of a page from the parameter that the service has for it. A size over the limit
    /// gives pages of the limit, as the documented service does, and so does none.
    pub(crate) fn read(query: &Query, size: &'static str) -> Result<Self, ApiError> {
        Self::read_or(query, size, PAGE_LIMIT)
    }

    /// Reads the size of a page, which is `default` where none is asked for.
    pub(crate) fn read_or(
        query: &Query,
        size: &'static str,
        default: usize,
    ) -> Result<Self, ApiError> {
        let limit = match query.read::<usize>(size)? {
            Some(0) => {
                let message = format!("The value of `{size}` is not valid.");
                return Err(ApiError::bad_request(message).with_target(size));
            }
            Some(limit) => limit.min(PAGE_LIMIT),
            None => default,
        };
        Ok(Self { limit, skip: query.read("skip")?.unwrap_or(0) })
    }
}

/// A page of a list on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct PageModel<T> {
    pub(crate) value: Vec<T>,
    #[serde(rename = "nextLink", skip_serializing_if = "Option::is_none")]
    pub(crate) next_link: Option<String>,
}

/// Writes the absolute link to the next page. `path` is as received, so that ids keep their spelling,
/// and the client's own version goes with it: some clients add it, others call the link as it is.
pub(crate) fn next_link(
    origin: &Origin,
    path: &str,
    query: &Query,
    parameters: &[(&str, &str)],
) -> String {
    let mut link = format!("{origin}{path}");
    let version = query.get(API_VERSION).map(|version| (API_VERSION, version));
    for (index, (name, value)) in parameters.iter().copied().chain(version).enumerate() {
        let separator = if index == 0 { '?' } else { '&' };
        link.push(separator);
        link.push_str(name);
        link.push('=');
        link.push_str(&percent::encode(value, b""));
    }
    link
}

/// The parameter that names a version of the interface.
pub(crate) const API_VERSION: &str = "api-version";

/// Documented limit of a page.
const PAGE_LIMIT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    fn origin(uri: &str, host: Option<&str>) -> Result<String, u16> {
        let headers = host.map(|host| (HOST, host.parse().unwrap())).into_iter().collect();
        Origin::of_request(Scheme::Http, &uri.parse().unwrap(), &headers)
            .map(|origin| origin.to_string())
            .map_err(|error| error.status().as_u16())
    }

    #[test]
    fn the_origin_is_what_the_client_asked_for() {
        assert_eq!(origin("/rooms", Some("localhost:8080")), Ok("http://localhost:8080".into()));
        let in_uri = origin("https://acs.example/rooms", Some("other.example"));
        assert_eq!(in_uri, Ok("http://acs.example".into()));
        for host in [None, Some(""), Some("a b"), Some("user@acs.example"), Some("a/b")] {
            assert_eq!(origin("/rooms", host), Err(400), "{host:?}");
        }
    }

    #[test]
    fn origins_print_as_they_are_read() {
        for text in ["https://acs.example", "http://127.0.0.1:8080", "https://[::1]:8443"] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
        for text in ["acs.example", "ftp://acs.example", "https://", "https://a@b", "https://a/b"] {
            assert_eq!(text.parse::<Origin>(), Err(ParseOriginError), "{text}");
        }
    }

    #[test]
    fn the_size_of_a_page_has_bounds() {
        let read = |text: &str| {
            PageRequest::read(&query(text), "maxPageSize")
                .map(|page| (page.limit, page.skip))
                .map_err(|error| error.status().as_u16())
        };
        assert_eq!(read(""), Ok((200, 0)));
        assert_eq!(read("maxPageSize=2&skip=3"), Ok((2, 3)));
        assert_eq!(read("maxPageSize=1000"), Ok((200, 0)));
        let rooms = PageRequest::read_or(&query(""), "maxPageSize", 30).unwrap();
        assert_eq!(rooms, PageRequest { limit: 30, skip: 0 });
        for text in ["maxPageSize=0", "maxPageSize=-1", "maxPageSize=x", "skip=-1"] {
            assert_eq!(read(text), Err(400), "{text}");
        }
    }

    #[test]
    fn the_link_is_absolute_and_keeps_path_and_version() {
        let origin: Origin = "https://localhost:8443".parse().unwrap();
        let path = "/chat/threads/19%3Ax%40thread.v2/messages";
        let link = |text: &str| {
            let parameters = [("maxPageSize", "1"), ("startTime", "2026-01-01T00:00:00Z")];
            next_link(&origin, path, &query(text), &parameters)
        };
        assert_eq!(
            link("api-version=2025-03-15"),
            "https://localhost:8443/chat/threads/19%3Ax%40thread.v2/messages?maxPageSize=1\
             &startTime=2026-01-01T00%3A00%3A00Z&api-version=2025-03-15"
        );
        assert!(link("").ends_with("&startTime=2026-01-01T00%3A00%3A00Z"));
        assert_eq!(
            next_link(&origin, "/rooms", &query("api-version=1"), &[]),
            "https://localhost:8443/rooms?api-version=1"
        );
    }
}
