//! The body of a request: of which kind it is, and how it is read.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt as _;

/// Why a body is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ReadBodyError {
    /// The peer stopped in the middle of it.
    #[error("the body broke off")]
    BrokenOff,
    /// It is larger than what is read.
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What is read.
        limit_bytes: usize,
    },
}

/// Says whether a body is of a media type, whatever its parameters
/// ([RFC 9110 §8.3.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1)).
///
/// A page of another origin cannot send JSON without asking first, so that it is worth insisting
/// on.
pub(crate) fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let essence =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}

/// Reads a body up to a size.
pub(crate) async fn read(body: Body, limit_bytes: usize) -> Result<Vec<u8>, ReadBodyError> {
    let mut chunks = body.into_data_stream();
    let mut read = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk: Bytes = chunk.map_err(|_| ReadBodyError::BrokenOff)?;
        if read.len() + chunk.len() > limit_bytes {
            return Err(ReadBodyError::TooLarge { limit_bytes });
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::stream;

    use super::*;

    #[test]
    fn a_media_type_is_the_same_in_capitals_and_with_parameters() {
        let check = |value: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]);
            is_of_type(&headers, "application/json")
        };
        assert!(check("application/json"));
        assert!(check("Application/JSON ; charset=utf-8"));
        assert!(!check("text/plain; application/json"));
        assert!(!check("application/json-seq"));
        assert!(!is_of_type(&HeaderMap::new(), "application/json"));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_one_that_is_too_large() {
        let of = |chunks: Vec<Result<&'static str, io::Error>>| {
            read(Body::from_stream(stream::iter(chunks)), 4)
        };
        let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(of(vec![Ok("ab"), Ok("cd")]).await, Ok(b"abcd".to_vec()));
        let too_large = Err(ReadBodyError::TooLarge { limit_bytes: 4 });
        assert_eq!(of(vec![Ok("ab"), Ok("cde"), Err(broken())]).await, too_large);
        assert_eq!(of(vec![Ok("ab"), Err(broken())]).await, Err(ReadBodyError::BrokenOff));
    }
}
