//! The app for people below `/app/`, in a build that carries it.
//!
//! `cargo xtask web` bundles it and writes the table of its files, which the feature `app` compiles in.
//! Without the feature the pages that need no build are all there is.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    LOCATION, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::form::encoded;
use crate::{SignInConfig, assets};

/// One file of the app, as it is and compressed.
#[derive(Clone, Copy, Debug)]
struct File {
    /// Below `/app/`.
    path: &'static str,
    content_type: &'static str,
    /// Whether the name changes with the content.
    is_immutable: bool,
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

#[cfg(feature = "app")]
const FILES: &[File] = include!("../app/dist/embedded.in");

#[cfg(not(feature = "app"))]
const FILES: &[File] = &[];

/// Says whether this build carries the app.
pub(crate) const IS_EMBEDDED: bool = !FILES.is_empty();

/// Routes the files of the app, and to the app whoever comes to the front door.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(sign_in: &SignInConfig) -> Router<S> {
    if !IS_EMBEDDED {
        return Router::new();
    }
    let router = Router::new()
        .route("/", get(async |uri: Uri| open("/app/", uri.query().unwrap_or_default())))
        .route("/app", get(async |uri: Uri| open("/app/", uri.query().unwrap_or_default())))
        .route("/l/meetup-join/{thread}/{message}", get(async |uri: Uri| join(&uri)));
    let origins: BTreeSet<&str> = sign_in
        .issuers
        .iter()
        .flat_map(|issuer| issuer.origins.iter().map(String::as_str))
        .collect();
    // An origin that no header holds leaves the policy as strict as without it.
    let policy = assets::app_security(origins.into_iter());
    FILES.iter().fold(router, |router, file| match file.path {
        "index.html" => {
            let policy = policy.clone();
            router.route(
                "/app/",
                get(move |headers: HeaderMap| {
                    let page = serve_page(file, &headers, policy.as_ref());
                    async move { page }
                }),
            )
        }
        path => router
            .route(&format!("/app/{path}"), get(async |headers: HeaderMap| serve(file, &headers))),
    })
}

fn serve_page(file: &'static File, headers: &HeaderMap, policy: Option<&HeaderValue>) -> Response {
    let mut response = serve(file, headers);
    if let Some(policy) = policy {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy.clone());
    }
    response
}

fn open(path: &str, query: &str) -> Response {
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let Ok(target) = HeaderValue::from_str(&target) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, target)]).into_response()
}

/// Opens the app with a join link. The name of the exchange in it is not looked at.
fn join(uri: &Uri) -> Response {
    let link = format!("https://localhost{uri}");
    open("/app/", &format!("meeting={}", encoded(&link)))
}

fn serve(file: &'static File, headers: &HeaderMap) -> Response {
    let (body, encoding) = if accepts(headers, "br") {
        (file.brotli, Some("br"))
    } else if accepts(headers, "gzip") {
        (file.gzip, Some("gzip"))
    } else {
        (file.plain, None)
    };
    let kept = match file.is_immutable {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let mut response = Bytes::from_static(body).into_response();
    let answer = response.headers_mut();
    answer.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    answer.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        answer.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Says whether a client takes an encoding ([RFC 9110, 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3));
/// one with weight zero is refused.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case(encoding) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: File = File {
        path: "assets/app-1.js",
        content_type: "text/javascript; charset=utf-8",
        is_immutable: true,
        plain: b"plain",
        gzip: b"gzip",
        brotli: b"brotli",
    };

    fn answer(accepted: &'static str) -> (Option<String>, HeaderMap) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        let response = serve(&FILE, &headers);
        let encoding = response.headers().get(CONTENT_ENCODING);
        let encoding = encoding.map(|value| value.to_str().unwrap().to_owned());
        (encoding, response.headers().clone())
    }

    #[test]
    fn the_smallest_form_that_the_client_takes_is_sent() {
        let cases = [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=0.5, br;q=0", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("br;q=nonsense", None),
            ("identity", None),
            ("", None),
        ];
        for (accepted, expected) in cases {
            let (encoding, headers) = answer(accepted);
            assert_eq!(encoding.as_deref(), expected, "{accepted}");
            assert_eq!(headers[VARY], "accept-encoding");
            assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
        }
    }

    #[test]
    fn the_page_may_ask_the_issuers_of_people_and_nobody_else() {
        let own = assets::app_security([].into_iter()).unwrap();
        let own = own.to_str().unwrap();
        assert!(own.contains("; connect-src 'self'; "), "{own}");
        let origins = ["https://login.example", "https://tokens.example"];
        let policy = assets::app_security(origins.into_iter()).unwrap();
        let response = serve_page(&FILE, &HeaderMap::new(), Some(&policy));
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        let sources = "connect-src 'self' https://login.example https://tokens.example;";
        assert_eq!(policy, own.replace("connect-src 'self';", sources));
    }

    #[tokio::test]
    async fn a_policy_of_its_own_stays_and_another_answer_gets_the_one_of_all() {
        let policy = assets::app_security(["https://login.example"].into_iter()).unwrap();
        let page = serve_page(&FILE, &HeaderMap::new(), Some(&policy));
        let page = assets::security_headers(page).await;
        assert_eq!(page.headers()[CONTENT_SECURITY_POLICY], policy);
        let other = assets::security_headers(serve(&FILE, &HeaderMap::new())).await;
        let other = other.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(other.contains("connect-src 'self';"), "{other}");
    }

    #[test]
    fn a_join_link_opens_the_app_with_the_whole_link() {
        let uri = "/l/meetup-join/19%3ameeting_x%40thread.v2/0?context=%7b%22Tid%22%7d";
        let response = join(&uri.parse().unwrap());
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        let target = response.headers()[LOCATION].to_str().unwrap();
        assert_eq!(
            target,
            "/app/?meeting=https%3A%2F%2Flocalhost%2Fl%2Fmeetup-join%2F19%253ameeting_x%2540\
             thread.v2%2F0%3Fcontext%3D%257b%2522Tid%2522%257d"
        );
    }
}
