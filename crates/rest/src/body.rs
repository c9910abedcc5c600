//! Bodies: read within limits of size and time, then as JSON within a limit of depth.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use thiserror::Error;

/// Why a body is not accepted.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum BodyError {
    /// The connection broke off.
    #[error("the body ended too early")]
    Interrupted,
    /// The header says that it is no JSON.
    #[error("the body is not declared as JSON")]
    MediaType,
    /// It is not UTF-8.
    #[error("the body is not UTF-8")]
    NotText,
    /// It is JSON, but not what the operation takes.
    #[error("{message}")]
    Shape {
        /// What is wrong; repeats nothing of the body but names of members.
        message: String,
    },
    /// It is no JSON.
    #[error("the body is not JSON at line {line}, column {column}")]
    Syntax {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// It nests too deep.
    #[error("the body nests more than {limit} levels deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// It is too large.
    #[error("the body has more than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
}

/// Reads a body to its end. Cancel-safe as far as the connection goes: what was read is lost.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit_bytes: usize,
) -> Result<Bytes, BodyError> {
    let declared = headers.get(axum::http::header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    // What announces itself as too large is not read at all.
    if declared.is_some_and(|length| length > limit_bytes as u64) {
        return Err(BodyError::TooLarge { limit_bytes });
    }
    tokio::time::timeout(TIME_LIMIT, collect(body, limit_bytes))
        .await
        .map_err(|_| BodyError::TooSlow)?
}

/// Reads a body as JSON. An empty one counts as `{}`: clients leave it out when nothing is optional.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BodyError::NotText)?;
    let text = match text.trim_ascii() {
        "" => "{}",
        _ => text,
    };
    if !is_within_depth(text, DEPTH_LIMIT) {
        return Err(BodyError::TooDeep { limit: DEPTH_LIMIT });
    }
    // A derived reader would also take the members of an object as an array.
    if !text.trim_ascii_start().starts_with('{') {
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| fault(&error))?;
        return Err(BodyError::Shape { message: "The body must be a JSON object.".to_owned() });
    }
    serde_json::from_str(text).map_err(|error| fault(&error))
}

/// Checks that a body is declared as JSON, or not at all.
pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), BodyError> {
    let Some(declared) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = declared.to_str().ok().and_then(|text| text.split(';').next());
    let is_json = essence.is_some_and(|essence| {
        let essence = essence.trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    });
    if is_json { Ok(()) } else { Err(BodyError::MediaType) }
}

async fn collect(body: Body, limit_bytes: usize) -> Result<Bytes, BodyError> {
    let mut stream = body.into_data_stream();
    let mut collected = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| BodyError::Interrupted)?;
        if collected.len() + chunk.len() > limit_bytes {
            return Err(BodyError::TooLarge { limit_bytes });
        }
        collected.extend_from_slice(&chunk);
    }
    Ok(collected.freeze())
}

/// Counts brackets outside strings; what is no JSON is found out later.
fn is_within_depth(text: &str, limit: usize) -> bool {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// Says what is wrong without the values of the body, which `serde_json` likes to quote.
fn fault(error: &serde_json::Error) -> BodyError {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => {
            let text = error.to_string();
            let words = text.split(" at line ").next().unwrap_or_default();
            let message = match words.strip_prefix("missing field ") {
                Some(field) => format!("The body lacks {field}."),
                None => match words.strip_prefix("duplicate field ") {
                    Some(field) => format!("The body has {field} twice."),
                    None => {
                        let expected = words.rsplit_once(", expected ");
                        let expected =
                            expected.map(|(_, expected)| format!("; expected {expected}"));
                        let expected = expected.unwrap_or_default();
                        format!(
                            "The body has an invalid value at line {line}, column {column}{expected}."
                        )
                    }
                },
            };
            BodyError::Shape { message }
        }
        Category::Eof | Category::Io | Category::Syntax => BodyError::Syntax { line, column },
    }
}

/// Requests of the documented service nest five levels deep.
const DEPTH_LIMIT: usize = 32;

/// Time for a whole body. Shorter cuts off slow uplinks; longer lets a client that drips bytes hold a
/// connection.
const TIME_LIMIT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Greeting {
        #[serde(default)]
        text: Option<String>,
        #[serde(default)]
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    struct Topic {
        #[expect(dead_code, reason = "only whether it is there matters")]
        topic: String,
    }

    fn shape(body: &str) -> String {
        match json::<Topic>(body.as_bytes()).unwrap_err() {
            BodyError::Shape { message } => message,
            error => panic!("{error:?}"),
        }
    }

    #[test]
    fn an_object_or_nothing_is_read() {
        for body in ["", " \r\n", "{}", "{\"text\":null}", "{\"unknown\":[1]}"] {
            assert_eq!(json::<Greeting>(body.as_bytes()), Ok(Greeting::default()), "{body:?}");
        }
    }

    #[test]
    fn what_is_no_json_text_is_told_apart() {
        assert_eq!(json::<Greeting>(b"\xff{}"), Err(BodyError::NotText));
        assert_eq!(json::<Greeting>(b"{\"text\":\"\xff\"}"), Err(BodyError::NotText));
        for body in ["{", "nope", "{\"text\":null]}", "[}", "{}{}"] {
            let error = json::<Greeting>(body.as_bytes()).unwrap_err();
            assert!(matches!(error, BodyError::Syntax { .. }), "{body:?}: {error:?}");
        }
    }

    #[test]
    fn other_values_than_objects_are_refused() {
        for body in ["[]", "null", "1", "\"text\"", "[\"text\", 1]"] {
            assert_eq!(shape(body), "The body must be a JSON object.");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_quoting_the_body() {
        assert_eq!(shape("{}"), "The body lacks `topic`.");
        assert_eq!(shape("{\"topic\":\"a\",\"topic\":\"b\"}"), "The body has `topic` twice.");
        let message = match json::<Greeting>(br#"{"count":"my secret"}"#).unwrap_err() {
            BodyError::Shape { message } => message,
            error => panic!("{error:?}"),
        };
        assert!(!message.contains("secret") && message.contains("expected u32"), "{message}");
    }

    #[test]
    fn depth_has_a_limit_and_brackets_in_strings_do_not_count() {
        let nested = |depth| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(json::<Greeting>(nested(31).as_bytes()).is_ok());
        let limit = DEPTH_LIMIT;
        assert_eq!(json::<Greeting>(nested(32).as_bytes()), Err(BodyError::TooDeep { limit }));
        let endless = nested(1_000_000);
        assert_eq!(json::<Greeting>(endless.as_bytes()), Err(BodyError::TooDeep { limit }));
        let quoted = format!("{{\"text\":\"\\\"{}\"}}", "[".repeat(1_000));
        assert!(json::<Greeting>(quoted.as_bytes()).is_ok());
    }

    #[test]
    fn json_is_declared_as_json() {
        let check = |value: &str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]);
            check_media_type(&headers)
        };
        assert_eq!(check("application/json"), Ok(()));
        assert_eq!(check("Application/JSON; charset=utf-8"), Ok(()));
        assert_eq!(check("application/merge-patch+json"), Ok(()));
        assert_eq!(check_media_type(&HeaderMap::new()), Ok(()));
        for value in ["text/plain", "application/jsonp", "application/x-www-form-urlencoded"] {
            assert_eq!(check(value), Err(BodyError::MediaType), "{value}");
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_whether_it_says_so_or_not() {
        let error = Err(BodyError::TooLarge { limit_bytes: 8 });
        let silent = read(&HeaderMap::new(), Body::from("123456789"), 8).await;
        assert_eq!(silent, error);
        let length = (axum::http::header::CONTENT_LENGTH, 9.into());
        let announced = read(&HeaderMap::from_iter([length]), Body::empty(), 8).await;
        assert_eq!(announced, error);
        let fits = read(&HeaderMap::new(), Body::from("12345678"), 8).await;
        assert_eq!(fits, Ok(Bytes::from_static(b"12345678")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_cut_off() {
        let drips = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let read = read(&HeaderMap::new(), Body::from_stream(drips), 8).await;
        assert_eq!(read, Err(BodyError::TooSlow));
    }
}
