//! Which route a request takes.

use axum::http::Method;
use thiserror::Error;

use crate::operation::table::ROUTES;
use crate::operation::{Route, Verb};
use crate::percent;

/// A route that a request takes, with the decoded segments that its path leaves open.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) route: &'static Route,
    pub(crate) parameters: Vec<String>,
}

/// Why a request takes no route.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum NoRoute {
    /// The path is no text once its escapes are undone.
    #[error("the path is not UTF-8")]
    NotText,
    /// The path is served, with other verbs.
    #[error("the path is served with {}", verbs(.allowed))]
    OtherVerb {
        /// With which.
        allowed: Vec<Verb>,
    },
    /// The path is not served.
    #[error("the path is not served")]
    UnknownPath,
}

/// Finds the route of a request. `path` is as received: its segments are split first and decoded
/// once after that, so that an encoded slash stays part of an id.
pub(crate) fn find(method: &Method, path: &str) -> Result<Found, NoRoute> {
    let segments: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|segment| String::from_utf8(percent::decode(segment)))
        .collect::<Result<_, _>>()
        .map_err(|_| NoRoute::NotText)?;
    let mut allowed = Vec::new();
    for route in &ROUTES {
        let Some(parameters) = parameters(route.path, &segments) else {
            continue;
        };
        if method.as_str() == route.verb.as_str() {
            return Ok(Found { route, parameters });
        }
        allowed.push(route.verb);
    }
    match allowed.is_empty() {
        true => Err(NoRoute::UnknownPath),
        false => Err(NoRoute::OtherVerb { allowed }),
    }
}

/// Writes verbs as the `Allow` header wants them.
pub(crate) fn verbs(verbs: &[Verb]) -> String {
    verbs.iter().map(|verb| verb.as_str()).collect::<Vec<_>>().join(", ")
}

/// The paths that are answered here, with every path below them; below `/access` and `/calling` nothing
/// is served, and the error envelope says so.
pub(crate) const PREFIXES: [&str; 10] = [
    "/access",
    "/availablePhoneNumbers",
    "/calling",
    "/graph",
    "/identities",
    "/operatorInformation",
    "/phoneNumbers",
    "/rooms",
    "/sip",
    "/teamsUser",
];

/// The paths below which others serve something, too; what nobody else serves answers in the error
/// envelope.
pub(crate) const SHARED_PREFIXES: [&str; 1] = ["/chat"];

fn parameters(pattern: &str, segments: &[String]) -> Option<Vec<String>> {
    let mut parameters = Vec::new();
    let mut rest = segments.iter();
    for expected in pattern.split('/').skip(1) {
        let segment = rest.next()?;
        if expected.starts_with('{') {
            parameters.push(segment.clone());
        } else if expected != segment {
            return None;
        }
    }
    rest.next().is_none().then_some(parameters)
}
