//! Where events are delivered: a URL that cannot be misread and is never logged whole.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use reqwest::Url;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An absolute `https` or `http` URL without credentials, in a spelling that every parser reads alike.
///
/// Its path and query may hold the receiver's secrets: `Display` and `Debug` show where it leads to,
/// `https://hooks.example.com/…`, and serde writes all of it. Whether it may be reached is for the
/// [`Guard`](crate::Guard) to say.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Endpoint(Url);

/// Why a text is not an endpoint; never repeats the text, which may hold secrets.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ParseEndpointError {
    /// It names a user or password, which would end up in logs on the way.
    #[error("URL has credentials before the host; put a token in a header or the query instead")]
    Credentials,
    /// It has a fragment, which is never sent.
    #[error("URL has a fragment, which no receiver would see")]
    Fragment,
    /// The host is an address, or would be read as one, in another spelling than the usual one.
    #[error("host is an address in an unusual spelling; write it as four decimal numbers")]
    HostSpelling,
    /// It is no absolute URL of visible ASCII characters.
    #[error("not an absolute URL of visible ASCII characters")]
    Malformed,
    /// The scheme is not one that events are delivered over.
    #[error("scheme is neither https nor http")]
    Scheme,
    /// It is longer than an endpoint may be.
    #[error("URL has {length_bytes} bytes, limit {limit_bytes}")]
    TooLong {
        /// The limit in bytes.
        limit_bytes: usize,
        /// The length in bytes that was given.
        length_bytes: usize,
    },
}

/// What stands where a URL has its host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl Endpoint {
    /// The longest endpoint accepted, in bytes.
    pub const LIMIT_BYTES: usize = 2_048;

    /// Returns the whole URL, secrets included.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the URL without its query, for those who manage it; the path may hold a secret still.
    pub fn without_query(&self) -> &str {
        self.expose().split('?').next().unwrap_or_default()
    }

    /// Returns whether the connection is protected by TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn host(&self) -> Host<'_> {
        let host = self.0.host_str().unwrap_or_default();
        match address(host) {
            Some(address) => Host::Address(address),
            None => Host::Name(host),
        }
    }

    /// Returns the endpoint that a `Location` header leads to from this one.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, ParseEndpointError> {
        match location.parse() {
            // Not absolute: relative to this one, and then held to the same rules.
            Err(ParseEndpointError::Malformed) => {
                let joined = self.0.join(location).map_err(|_| ParseEndpointError::Malformed)?;
                // What join makes of a path with a backslash or of `//host` is not what it seems.
                let is_path = location.starts_with('/') && !location.starts_with("//");
                if !is_path || location.contains('\\') {
                    return Err(ParseEndpointError::Malformed);
                }
                joined.as_str().parse()
            }
            other => other,
        }
    }
}

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (limit_bytes, length_bytes) = (Self::LIMIT_BYTES, text.len());
        if length_bytes > limit_bytes {
            return Err(ParseEndpointError::TooLong { limit_bytes, length_bytes });
        }
        // Browsers' rules drop tabs and line ends, take a backslash for a slash and fold full-width
        // digits into plain ones; other parsers do not. What they read differently is refused.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(ParseEndpointError::Malformed);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ParseEndpointError::Malformed)?;
        if !["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(ParseEndpointError::Scheme);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(ParseEndpointError::Credentials);
        }
        let url = Url::parse(text).map_err(|_| ParseEndpointError::Malformed)?;
        if url.fragment().is_some() {
            return Err(ParseEndpointError::Fragment);
        }
        let host = url.host_str().ok_or(ParseEndpointError::Malformed)?;
        let written = without_port(authority);
        let is_name = address(host).is_none();
        let is_fit = match address(host) {
            // Decimal, octal and hexadecimal spellings, missing parts and a trailing dot all change.
            Some(IpAddr::V4(_)) => written == host,
            Some(IpAddr::V6(_)) => true,
            None => written.eq_ignore_ascii_case(host),
        };
        if !is_fit {
            return Err(ParseEndpointError::HostSpelling);
        }
        if url.port() == Some(0) || (is_name && !is_host_name(host)) {
            return Err(ParseEndpointError::Malformed);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str("/…")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads the host of a parsed URL, where addresses stand in their canonical form.
fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Letters, digits, hyphens, underscores and dots: names that are looked up as they are written.
fn is_host_name(host: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let without_root = host.strip_suffix('.').unwrap_or(host);
    host.len() <= HOST_LIMIT_BYTES
        && host.bytes().all(is_allowed)
        && without_root.split('.').all(|label| !label.is_empty())
}

/// The longest name of [RFC 1035 §2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4), as text.
const HOST_LIMIT_BYTES: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_shows_where_it_leads_and_keeps_its_secrets() {
        let text = "https://hooks.example.com:8443/T0/s3cret?sig=hush";
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.to_string(), "https://hooks.example.com:8443/…");
        assert_eq!(format!("{endpoint:?}"), "Endpoint(https://hooks.example.com:8443/…)");
        assert_eq!(endpoint.expose(), text);
        assert_eq!(endpoint.without_query(), "https://hooks.example.com:8443/T0/s3cret");
        assert_eq!(serde_json::to_string(&endpoint).unwrap(), format!("\"{text}\""));
    }

    #[test]
    fn usual_urls_are_taken() {
        for text in [
            "https://example.com",
            "HTTPS://Example.COM/Path",
            "https://example.com./hook",
            "https://xn--bcher-kva.example/?a=b@c",
            "https://93.184.215.14:444/",
            "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
            "http://a_b.example/",
        ] {
            assert!(text.parse::<Endpoint>().is_ok(), "{text}");
        }
    }

    #[test]
    fn urls_that_can_be_misread_are_refused() {
        let cases = [
            ("", ParseEndpointError::Malformed),
            ("example.com", ParseEndpointError::Malformed),
            ("https:example.com", ParseEndpointError::Malformed),
            ("https:/example.com", ParseEndpointError::Malformed),
            ("https:///example.com", ParseEndpointError::HostSpelling),
            ("https://exa mple.com", ParseEndpointError::Malformed),
            ("https://exa\tmple.com", ParseEndpointError::Malformed),
            ("https://example.com\\@evil.example", ParseEndpointError::Malformed),
            ("https://bücher.example", ParseEndpointError::Malformed),
            ("https://１２７.0.0.1/", ParseEndpointError::Malformed),
            ("https://a..b/", ParseEndpointError::Malformed),
            ("https://example.com:0/", ParseEndpointError::Malformed),
            ("https://example.com:99999/", ParseEndpointError::Malformed),
            ("https://user@example.com/", ParseEndpointError::Credentials),
            ("https://user:word@example.com/", ParseEndpointError::Credentials),
            ("https://@example.com/", ParseEndpointError::Credentials),
            ("https://example.com@127.0.0.1/", ParseEndpointError::Credentials),
            ("https://example.com/#part", ParseEndpointError::Fragment),
            ("ftp://example.com/", ParseEndpointError::Scheme),
            ("file:///etc/passwd", ParseEndpointError::Scheme),
            ("gopher://example.com/", ParseEndpointError::Scheme),
            ("https://2130706433/", ParseEndpointError::HostSpelling),
            ("https://0x7f000001/", ParseEndpointError::HostSpelling),
            ("https://0177.0.0.1/", ParseEndpointError::HostSpelling),
            ("https://127.1/", ParseEndpointError::HostSpelling),
            ("https://127.0.0.1./", ParseEndpointError::HostSpelling),
            ("https://%31%32%37.0.0.1/", ParseEndpointError::HostSpelling),
            ("https://ex%61mple.com/", ParseEndpointError::HostSpelling),
            ("https://0x8.8.8.8/", ParseEndpointError::HostSpelling),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Endpoint>(), Err(error), "{text}");
        }
        let long = format!("https://example.com/{}", "x".repeat(Endpoint::LIMIT_BYTES));
        let error = ParseEndpointError::TooLong { limit_bytes: 2_048, length_bytes: long.len() };
        assert_eq!(long.parse::<Endpoint>(), Err(error));
    }

    #[test]
    fn a_redirect_leads_to_an_absolute_url_or_a_path() {
        let from: Endpoint = "https://example.com/a/b?q".parse().unwrap();
        let to = |location| from.redirected(location).map(|endpoint| endpoint.expose().to_owned());
        assert_eq!(to("https://other.example/x").unwrap(), "https://other.example/x");
        assert_eq!(to("/x?y").unwrap(), "https://example.com/x?y");
        for location in ["", "x", "//other.example/", "/\\other.example/", "\\\\other.example"] {
            assert_eq!(to(location), Err(ParseEndpointError::Malformed), "{location:?}");
        }
        assert_eq!(to("ftp://other.example/"), Err(ParseEndpointError::Scheme));
        assert_eq!(to("https://2130706433/"), Err(ParseEndpointError::HostSpelling));
    }
}
