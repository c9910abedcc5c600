//! Pages, the WebSocket signaling endpoint, and what pages need beside REST.
//!
//! The pages are plain HTML, CSS and ES modules embedded in the binary: no build step, nothing
//! fetched from another origin. The WebSocket endpoint translates between messages and frames; what
//! frames mean is the node's business. Chat events come as a stream of lines; whether one user may
//! reach another is explained to whoever has an access key.

mod app;
mod assets;
mod body;
mod call_events;
mod credential;
mod dev;
mod dev_issuer;
mod events;
mod form;
mod origin;
mod policy;
mod sign_in;
mod socket;
mod wire_json;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post};
use trunkline_node::Node;

pub use crate::sign_in::{SignInConfig, SignInIssuer, SignInRate};

/// Says whether this build carries the app for people, below `/app/`.
pub const HAS_APP: bool = app::IS_EMBEDDED;

/// What the pages and the endpoint need to know beyond the node itself.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// Origins, such as `https://app.example.org`, whose pages may open a session here besides
    /// the pages served here. A client that sends no `Origin` is no browser and is let through.
    pub allowed_origins: Vec<String>,
    /// Whether `/dev/token`, `/dev/users` and the directory below `/adfs` exist: then whoever
    /// reaches the port can be anybody.
    pub dev_endpoints: bool,
    /// With whom people sign in on the app's page.
    pub sign_in: SignInConfig,
}

/// Builds the router: pages, `/signaling`, `/events/calls`, `/events/chat`, `/policy/explain`,
/// `/sign-in`, the key set, and the development identity endpoints.
///
/// It has no fallback, so that it merges with the gRPC routes of the same port. Serve it with
/// `into_make_service_with_connect_info::<SocketAddr>()` so that logs name the peer of a socket.
pub fn router(config: WebConfig, node: Node) -> Router {
    let mut router = app::routes(&config.sign_in)
        .merge(assets::routes(app::IS_EMBEDDED))
        .route("/signaling", any(socket::signaling))
        .route("/events/calls", any(call_events::connect))
        .route("/events/chat", get(events::chat_events))
        .route("/policy/explain", post(policy::explain))
        .route("/sign-in/issuers", get(sign_in::issuers))
        .route("/sign-in/token", post(sign_in::token))
        .route("/sign-in/guest", post(sign_in::guest))
        .route("/.well-known/jwks.json", get(dev::jwks));
    if config.dev_endpoints {
        router = router
            .route("/dev/token", post(dev::issue_token))
            .route("/dev/users", get(dev::users))
            .route("/adfs/.well-known/openid-configuration", get(dev_issuer::configuration))
            .route("/adfs/discovery/keys", get(dev_issuer::keys))
            .route("/adfs/oauth2/authorize", get(dev_issuer::authorize))
            .route("/adfs/oauth2/token", post(dev_issuer::token))
            // Some clients make the path up and do not ask where it is.
            .route("/adfs/oauth2/v2.0/token", post(dev_issuer::token));
    }
    let sign_in_rates = Arc::new(sign_in::Rates::new(config.sign_in.rates.clone()));
    let guest_rates = config.sign_in.guests.map(|rate| Arc::new(sign_in::Rates::new(vec![rate])));
    router.layer(middleware::map_response(assets::security_headers)).with_state(Shared {
        config: Arc::new(config),
        node,
        sign_in_rates,
        guest_rates,
    })
}

/// What every handler sees.
#[derive(Clone, Debug)]
struct Shared {
    config: Arc<WebConfig>,
    node: Node,
    sign_in_rates: Arc<sign_in::Rates>,
    /// Absent where nobody is a guest.
    guest_rates: Option<Arc<sign_in::Rates>>,
}
