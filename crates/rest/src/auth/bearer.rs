//! Finds the bearer token of a request. Whether it is any good is for the node to say.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use thiserror::Error;

use crate::auth::{after_scheme, single};

/// Why a request carries no bearer token.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum BearerError {
    /// There is none, or another scheme.
    #[error("no bearer token")]
    Missing,
    /// There is more than one credential.
    #[error("more than one credential")]
    Repeated,
}

/// Returns the token of `Authorization: Bearer …`.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, BearerError> {
    let value = single(headers, &AUTHORIZATION).map_err(|_| BearerError::Repeated)?;
    value
        .and_then(|value| after_scheme(value, "Bearer"))
        .filter(|token| !token.is_empty())
        .ok_or(BearerError::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn the_token_follows_the_scheme() {
        assert_eq!(token(&headers(&["Bearer abc.def.ghi"])), Ok("abc.def.ghi"));
        assert_eq!(token(&headers(&["bearer  abc "])), Ok("abc"));
    }

    #[test]
    fn what_is_no_single_bearer_token_is_refused() {
        for values in [&[][..], &["abc"], &["Bearer"], &["Bearer "], &["Basic abc"], &["Bearerabc"]]
        {
            assert_eq!(token(&headers(values)), Err(BearerError::Missing), "{values:?}");
        }
        assert_eq!(token(&headers(&["Bearer a", "Bearer b"])), Err(BearerError::Repeated));
    }
}
