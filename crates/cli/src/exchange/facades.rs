//! The façades of an exchange, merged into the routes of its ports.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use tower::Service as _;
use trunkline_node::Node;
use trunkline_realtime::{Realtime, RealtimeConfig};
use trunkline_rest::{AllowedOrigins, AskedFor, Profile, RateGroup, RestConfig, ServiceTokens};
use trunkline_web::{SignInConfig, SignInRate, WebConfig};

use super::ExchangeConfig;

/// Builds the routes of the TLS port: everything.
pub(super) fn over_tls(
    config: &ExchangeConfig,
    web_config: WebConfig,
    node: &Node,
    realtime: &Realtime,
) -> Router {
    let served = trunkline_grpc::router(node.clone())
        .merge(trunkline_web::router(web_config, node.clone()))
        .merge(trunkline_rest::router(rest_config(config), node.clone()))
        .merge(realtime.router());
    or_unserved(config, served)
}

/// Makes the façade of chat notifications. After a restart clients allocate anew, and go on where they
/// were.
pub(super) fn realtime(node: &Node) -> anyhow::Result<Realtime> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let registrations = Arc::new(node.push_endpoints().clone());
    Ok(Realtime::new(RealtimeConfig::new(secret), Arc::new(node.clone()), registrations))
}

/// Builds the routes of the port in the clear: what clients of the documented service use there.
pub(super) fn in_the_clear(config: &ExchangeConfig, node: &Node) -> Router {
    let served = trunkline_rest::router(rest_config(config), node.clone());
    or_unserved(config, trunkline_rest::over_http(served))
}

/// Answers what nobody serves in the words of whoever asks: calls with their status, everything else
/// with the error envelope that clients of the documented service read. What nobody serves for its
/// slashes is served without them: clients join an endpoint that ends in one, as those of connection
/// strings do, and a path that begins with one.
fn or_unserved(config: &ExchangeConfig, served: Router) -> Router {
    let allowed = Arc::new(rest_config(config).allowed_origins);
    let unserved = move |request: Request| {
        let allowed = Arc::clone(&allowed);
        async move {
            match trunkline_grpc::is_call(request.headers()) {
                true => trunkline_grpc::unimplemented(request).await,
                false => trunkline_rest::unserved(&allowed, &request),
            }
        }
    };
    let as_it_is = served.clone().fallback(unserved.clone());
    served.fallback(move |mut request: Request| {
        let (mut as_it_is, unserved) = (as_it_is.clone(), unserved.clone());
        async move {
            match with_one_slash(request.uri()) {
                Some(uri) => {
                    let asked_for = std::mem::replace(request.uri_mut(), uri);
                    request.extensions_mut().insert(AskedFor(asked_for));
                    match as_it_is.call(request).await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    }
                }
                None => unserved(request).await,
            }
        }
    })
}

/// Returns where a request goes whose path begins with more than one slash.
fn with_one_slash(uri: &Uri) -> Option<Uri> {
    let target = uri.path_and_query()?.as_str();
    let rest = target.strip_prefix("//")?.trim_start_matches('/');
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("/{rest}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Says what the pages need. Tokens are exchanged for pages as often as they are over REST.
pub(super) fn web_config(config: &ExchangeConfig) -> anyhow::Result<WebConfig> {
    let rules = rest_config(config).rates();
    let rates = rules.iter().filter(|rule| rule.group == RateGroup::ExchangeToken).map(|rule| {
        let window = Duration::from_secs(rule.window_seconds.into());
        SignInRate { limit: rule.limit, window }
    });
    let issuers = config.issuers.iter().filter_map(|issuer| issuer.sign_in().transpose());
    Ok(WebConfig {
        dev_endpoints: config.dev_endpoints,
        allowed_origins: config.allowed_origins.clone(),
        sign_in: SignInConfig {
            issuers: issuers.collect::<anyhow::Result<_>>()?,
            rates: rates.collect(),
            guests: config.guests.rate(),
        },
    })
}

fn rest_config(config: &ExchangeConfig) -> RestConfig {
    let development = config.dev_endpoints;
    RestConfig {
        profile: config.rest_profile.unwrap_or(match development {
            true => Profile::Loose,
            false => Profile::Strict,
        }),
        rates: config.rate_limits.clone(),
        allowed_origins: match development {
            true => AllowedOrigins::Any,
            false => AllowedOrigins::Listed(config.allowed_origins.clone()),
        },
        // Programs with a stand-in for their directory run unchanged; the port hands out tokens of
        // everybody anyway.
        service_tokens: match development {
            true => ServiceTokens::Any(config.resource.clone()),
            false => ServiceTokens::AccessKeys,
        },
        numbers: config.numbers.clone(),
        ..RestConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_start_of_a_path_are_as_good_as_one() {
        let one = |uri: &str| with_one_slash(&uri.parse().unwrap()).map(|uri| uri.to_string());
        let path = "/chat/config/realTimeNotifications?api-version=2021-09-07";
        assert_eq!(one(&format!("/{path}")).as_deref(), Some(path));
        assert_eq!(one(&format!("///{path}")).as_deref(), Some(path));
        let whole = format!("https://localhost:8443{path}");
        assert_eq!(one(&format!("https://localhost:8443/{path}")), Some(whole.clone()));
        assert_eq!(one("//?a=//b").as_deref(), Some("/?a=//b"));
        for already in [path, &whole, "/", "/a//b", "*", "localhost:8443"] {
            assert_eq!(one(already), None, "{already}");
        }
    }
}
