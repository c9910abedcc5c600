//! The embedded pages: what is served under which path, and the headers that guard them.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// One file of the pages.
#[derive(Clone, Copy, Debug)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Builds the table of embedded files; `$file` is relative to `pages/`.
macro_rules! assets {
    ($($path:literal => $file:literal, $content_type:expr;)*) => {
        &[$(Asset {
            path: $path,
            content_type: $content_type,
            body: include_bytes!(concat!("../pages/", $file)),
        }),*]
    };
}

const ASSETS: &[Asset] = assets! {
    "/" => "index.html", HTML;
    "/call" => "call.html", HTML;
    // A join link opens the calling page, which reads the link from its own address.
    "/l/meetup-join/{thread}/{message}" => "call.html", HTML;
    "/chat" => "chat.html", HTML;
    "/policy" => "policy.html", HTML;
    "/favicon.svg" => "favicon.svg", SVG;
    "/icons.svg" => "icons.svg", SVG;
    "/css/base.css" => "css/base.css", CSS;
    "/css/home.css" => "css/home.css", CSS;
    "/css/call.css" => "css/call.css", CSS;
    "/css/chat.css" => "css/chat.css", CSS;
    "/css/issuer.css" => "css/issuer.css", CSS;
    "/css/meeting.css" => "css/meeting.css", CSS;
    "/css/policy.css" => "css/policy.css", CSS;
    "/css/stage.css" => "css/stage.css", CSS;
    "/css/trace.css" => "css/trace.css", CSS;
    "/js/home.js" => "js/home.js", JS;
    "/js/app.js" => "js/app.js", JS;
    "/js/call.js" => "js/call.js", JS;
    "/js/chat-api.js" => "js/chat-api.js", JS;
    "/js/chat-model.js" => "js/chat-model.js", JS;
    "/js/chat-page.js" => "js/chat-page.js", JS;
    "/js/chat-stream.js" => "js/chat-stream.js", JS;
    "/js/chat-words.js" => "js/chat-words.js", JS;
    "/js/dom.js" => "js/dom.js", JS;
    "/js/identity.js" => "js/identity.js", JS;
    "/js/markup.js" => "js/markup.js", JS;
    "/js/media.js" => "js/media.js", JS;
    "/js/meeting-locator.js" => "js/meeting-locator.js", JS;
    "/js/meeting-model.js" => "js/meeting-model.js", JS;
    "/js/meetings-api.js" => "js/meetings-api.js", JS;
    "/js/model.js" => "js/model.js", JS;
    "/js/outbox.js" => "js/outbox.js", JS;
    "/js/parameters.js" => "js/parameters.js", JS;
    "/js/peer.js" => "js/peer.js", JS;
    "/js/policy-page.js" => "js/policy-page.js", JS;
    "/js/protocol.js" => "js/protocol.js", JS;
    "/js/sound.js" => "js/sound.js", JS;
    "/js/states.js" => "js/states.js", JS;
    "/js/synthetic.js" => "js/synthetic.js", JS;
    "/js/theme.js" => "js/theme.js", JS;
    "/js/words.js" => "js/words.js", JS;
    "/js/views/banner.js" => "js/views/banner.js", JS;
    "/js/views/call-chat.js" => "js/views/call-chat.js", JS;
    "/js/views/call-view.js" => "js/views/call-view.js", JS;
    "/js/views/chat-dialogs.js" => "js/views/chat-dialogs.js", JS;
    "/js/views/conversation.js" => "js/views/conversation.js", JS;
    "/js/views/controls.js" => "js/views/controls.js", JS;
    "/js/views/ended.js" => "js/views/ended.js", JS;
    "/js/views/event-log.js" => "js/views/event-log.js", JS;
    "/js/views/incoming.js" => "js/views/incoming.js", JS;
    "/js/views/join-meeting.js" => "js/views/join-meeting.js", JS;
    "/js/views/lobby.js" => "js/views/lobby.js", JS;
    "/js/views/messages.js" => "js/views/messages.js", JS;
    "/js/views/participants.js" => "js/views/participants.js", JS;
    "/js/views/people.js" => "js/views/people.js", JS;
    "/js/views/pre-join.js" => "js/views/pre-join.js", JS;
    "/js/views/reactions.js" => "js/views/reactions.js", JS;
    "/js/views/sign-in.js" => "js/views/sign-in.js", JS;
    "/js/views/state-machine.js" => "js/views/state-machine.js", JS;
    "/js/views/thread-list.js" => "js/views/thread-list.js", JS;
    "/js/views/tiles.js" => "js/views/tiles.js", JS;
};

/// Only what this origin serves: no inline code, no foreign request, no framing.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), \
    autoplay=(self), geolocation=(), payment=(), usb=()";

/// Routes every embedded file; the front doors only where there is no app that has them.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(has_app: bool) -> Router<S> {
    let is_door = |path: &str| path == "/" || path.starts_with("/l/");
    ASSETS.iter().filter(|asset| !(has_app && is_door(asset.path))).fold(
        Router::new(),
        |router, asset| {
            let etag = entity_tag(asset.body);
            router.route(
                asset.path,
                get(move |headers: HeaderMap| {
                    let response = serve(asset, &etag, &headers);
                    async move { response }
                }),
            )
        },
    )
}

/// Returns the policy of the app's page, which asks the issuers of people besides this origin.
/// `None` where an origin is no text that a header holds.
pub(crate) fn app_security<'a>(issuers: impl Iterator<Item = &'a str>) -> Option<HeaderValue> {
    let own = "connect-src 'self'";
    let sources = issuers.fold(own.to_owned(), |sources, origin| format!("{sources} {origin}"));
    HeaderValue::from_str(&CONTENT_SECURITY.replacen(own, &sources, 1)).ok()
}

/// Adds the headers that every response of this crate carries; a policy of its own stays.
pub(crate) async fn security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CONTENT_SECURITY));
    for (name, value) in [
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The pages change with the binary only, so a browser keeps them and asks whether they changed.
fn serve(asset: &'static Asset, etag: &HeaderValue, headers: &HeaderMap) -> Response {
    let is_fresh = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag.as_bytes() == etag.as_bytes());
    let mut response = if is_fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Bytes::from_static(asset.body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        response
    };
    response.headers_mut().insert(ETAG, etag.clone());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// FNV-1a over the content. It tells versions of our own files apart; nobody gains by a collision.
fn entity_tag(body: &[u8]) -> HeaderValue {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    HeaderValue::from_str(&format!("\"{hash:016x}\"")).expect("hexadecimal digits in quotes")
}
