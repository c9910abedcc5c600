//! A request whose sender is known, on its way to an operation.

use std::fmt;

use axum::http::HeaderMap;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use trunkline_clock::Now;

use crate::body;
use crate::error::ApiError;
use crate::operation::Route;
use crate::paging::{self, Origin, PageModel, PageRequest};
use crate::query::Query;

/// A request.
pub(crate) struct Incoming {
    /// The operation it asks for.
    pub(crate) route: &'static Route,
    /// What its path leaves open, decoded.
    pub(crate) parameters: Vec<String>,
    /// The path as received.
    pub(crate) path: String,
    /// The query.
    pub(crate) query: Query,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
    /// Where the client believes to be.
    pub(crate) origin: Origin,
    /// When it came.
    pub(crate) now: Now,
}

impl Incoming {
    /// Returns what the path leaves open, by place.
    pub(crate) fn parameter(&self, index: usize) -> &str {
        self.parameters.get(index).map_or("", String::as_str)
    }

    /// Reads the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        Ok(body::json(&self.body)?)
    }

    /// Writes a page of a list that goes on after a cursor.
    pub(crate) fn page_after<T>(
        &self,
        value: Vec<T>,
        limit: usize,
        next: Option<impl fmt::Display>,
    ) -> PageModel<T> {
        let next_link = next.map(|cursor| {
            let (limit, cursor) = (limit.to_string(), cursor.to_string());
            let since = self.query.get("startTime").map(|since| ("startTime", since));
            let mut parameters = vec![("maxPageSize", limit.as_str())];
            parameters.extend(since);
            parameters.push(("syncState", &cursor));
            self.next_link(&parameters)
        });
        PageModel { value, next_link }
    }

    /// Writes a page of a list that goes on after so many.
    pub(crate) fn page_skipping<T>(
        &self,
        value: Vec<T>,
        page: PageRequest,
        has_more: bool,
    ) -> PageModel<T> {
        let next_link = has_more.then(|| {
            let skip = page.skip.saturating_add(value.len()).to_string();
            let limit = page.limit.to_string();
            self.next_link(&[("maxPageSize", &limit), ("skip", &skip)])
        });
        PageModel { value, next_link }
    }

    /// Writes the link to the next page of a list.
    pub(crate) fn next_link(&self, parameters: &[(&str, &str)]) -> String {
        paging::next_link(&self.origin, &self.path, &self.query, parameters)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use axum::http::Method;
    use trunkline_clock::{Instant, Timestamp};

    use super::*;
    use crate::operation;

    /// Makes a request as the router hands it on.
    pub(crate) fn incoming(method: &Method, target: &str, body: &str) -> Incoming {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let found = operation::find(method, path).unwrap();
        Incoming {
            route: found.route,
            parameters: found.parameters,
            path: path.to_owned(),
            query: Query::parse(query).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            origin: "https://localhost:8443".parse().unwrap(),
            now: Now { instant: Instant::ZERO, wall: Timestamp::from_unix_seconds(1_700_000_000) },
        }
    }
}
