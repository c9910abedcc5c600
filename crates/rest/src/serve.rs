//! The way of a request: route, sender, limits, body, operation.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use trunkline_clock::Now;
use trunkline_ids::ResourceId;
use trunkline_node::{ChatActor, Node, TokenClaims, TokenError};

use crate::auth::bearer;
use crate::auth::hmac::{self, Signature, SignatureError, SignedRequest};
use crate::config::{AllowedOrigins, Profile, RestConfig, ServiceTokens};
use crate::error::ApiError;
use crate::operation::{
    self, Credential, Found, NoRoute, Operation, PREFIXES, SHARED_PREFIXES, Service,
};
use crate::paging::{API_VERSION, Origin, Scheme};
use crate::query::Query;
use crate::rate::{RateLimiter, RateSubject};
use crate::reply::Reply;
use crate::request::Incoming;
use crate::sip::{self, SipConfigurations};
use crate::{body, chat, cors, graph, headers, identity, numbers, rooms};

/// What every request sees.
pub(crate) struct Shared {
    pub(crate) config: RestConfig,
    pub(crate) node: Node,
    limiter: RateLimiter,
    sip: SipConfigurations,
    versions: Mutex<BTreeSet<(Service, String)>>,
}

/// Builds the router, to be merged with the others of the port.
///
/// It answers every path under its prefixes and has no fallback: [`unserved`] answers for the rest of
/// the port. Wrap it with [`over_http`] where it
/// is served in the clear, so that links to further pages say so.
pub fn router(config: RestConfig, node: Node) -> Router {
    let shared = Shared {
        limiter: RateLimiter::new(config.rates()),
        sip: SipConfigurations::default(),
        versions: Mutex::default(),
        config,
        node,
    };
    // One handler for all: paths with literal colons, encoded or not, and errors in one envelope are
    // matched against the table of operations.
    PREFIXES
        .iter()
        .flat_map(|prefix| [(*prefix).to_owned(), format!("{prefix}/")])
        .chain(PREFIXES.iter().chain(&SHARED_PREFIXES).map(|prefix| format!("{prefix}/{{*rest}}")))
        .fold(Router::new(), |router, path| router.route(&path, any(serve)))
        .with_state(Arc::new(shared))
}

/// What a client asked for, in the extensions of a request that is answered as another one: it is what
/// the client has signed.
#[derive(Clone, Debug)]
pub struct AskedFor(pub Uri);

/// Marks a router as served in the clear.
pub fn over_http(router: Router) -> Router {
    router.layer(Extension(Scheme::Http))
}

/// Answers a request for a path that nothing of the port serves, as those below the façade's own
/// paths are answered.
pub fn unserved(allowed: &AllowedOrigins, request: &Request) -> Response {
    let headers = request.headers();
    if let Some(answer) = cors::preflight(allowed, request.method(), headers) {
        return answer;
    }
    let mut response = ApiError::from(NoRoute::UnknownPath).into_response();
    let cv = headers::correlation_vector(headers);
    headers::complete(response.headers_mut(), headers, None, cv);
    cors::complete(allowed, headers, response.headers_mut());
    response
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    scheme: Option<Extension<Scheme>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let allowed = &shared.config.allowed_origins;
    if let Some(answer) = cors::preflight(allowed, &parts.method, &parts.headers) {
        return answer;
    }
    let cv = headers::correlation_vector(&parts.headers);
    let scheme = scheme.map(|Extension(scheme)| scheme).unwrap_or_default();
    let found = operation::find(&parts.method, parts.uri.path());
    let route = found.as_ref().ok().map(|found| found.route);
    let request_headers = parts.headers.clone();
    let is_graph = graph::is_below(parts.uri.path());
    let outcome = match found {
        Ok(found) => answer(&shared, found, scheme, parts, body).await,
        Err(error) => Err(error.into()),
    };
    let mut response = match outcome {
        Ok(reply) => reply.into_response(),
        Err(error) => {
            tracing::debug!(
                operation = ?route.map(|route| route.operation),
                status = error.status().as_u16(),
                code = error.code(),
                "refused"
            );
            match is_graph {
                true => graph::refusal(&error, &request_headers, shared.node.clock().wall()),
                false => error.into_response(),
            }
        }
    };
    if is_graph {
        graph::complete(response.headers_mut(), &request_headers);
    }
    let service = route.map(|route| route.operation.service());
    headers::complete(response.headers_mut(), &request_headers, service, cv);
    cors::complete(allowed, &request_headers, response.headers_mut());
    response
}

async fn answer(
    shared: &Shared,
    found: Found,
    scheme: Scheme,
    parts: Parts,
    body: axum::body::Body,
) -> Result<Reply, ApiError> {
    let Found { route, parameters } = found;
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    shared.check_version(route.operation.service(), &query)?;
    let origin = match &shared.config.public_endpoint {
        Some(origin) => origin.clone(),
        None => Origin::of_request(scheme, &parts.uri, &parts.headers)?,
    };
    let now = shared.node.clock().now();
    let limit_bytes = shared.config.body_limit_bytes;
    // Whoever cannot be told from a stranger by the headers has no body read.
    let (body, caller) = match route.operation.credential() {
        Credential::User => {
            let claims = shared.user(&parts.headers, now).await?;
            let raw_id = claims.identifier.to_string();
            let thread = parameters.first().map(String::as_str);
            shared.check_rate(now, route.operation, RateSubject { caller: &raw_id, thread })?;
            (body::read(&parts.headers, body, limit_bytes).await?, Caller::User(Box::new(claims)))
        }
        Credential::Resource => {
            let (body, resource) = match bearer::token(&parts.headers) {
                Ok(token) => {
                    let resource = shared.resource_of_token(token, now).await?;
                    (body::read(&parts.headers, body, limit_bytes).await?, resource)
                }
                Err(_) => {
                    let signature = Signature::read(&parts.headers, now.wall).map_err(denied)?;
                    let body = body::read(&parts.headers, body, limit_bytes).await?;
                    let resource =
                        shared.resource_of_signature(signature, &parts, scheme, &body)?;
                    (body, resource)
                }
            };
            let subject = RateSubject { caller: resource.as_str(), thread: None };
            shared.check_rate(now, route.operation, subject)?;
            (body, Caller::Resource(resource))
        }
    };
    match shared.config.profile {
        Profile::Strict if !body.is_empty() => body::check_media_type(&parts.headers)?,
        Profile::Loose | Profile::Strict => {}
    }
    let path = parts.uri.path().to_owned();
    let headers = parts.headers;
    let request = Incoming { route, parameters, path, query, headers, body, origin, now };
    match caller {
        Caller::User(claims) => {
            let outcome = of_user(shared, &claims, &request).await;
            if outcome.as_ref().is_err_and(ApiError::is_about_access) {
                let raw_id = claims.identifier.to_string();
                let thread = request.parameters.first().map(String::as_str);
                let subject = RateSubject { caller: &raw_id, thread };
                shared.limiter.forgive(route.operation, subject);
            }
            outcome
        }
        Caller::Resource(resource) => of_resource(shared, &resource, &request).await,
    }
}

/// The caller does not learn what is wrong with a signature; an operator who looks may.
fn denied(error: SignatureError) -> ApiError {
    tracing::debug!(%error, "signature refused");
    ApiError::denied()
}

/// Who is asking.
enum Caller {
    Resource(ResourceId),
    User(Box<TokenClaims>),
}

impl Shared {
    /// Returns whose token it is.
    async fn user(&self, headers: &HeaderMap, now: Now) -> Result<TokenClaims, ApiError> {
        let token = bearer::token(headers).map_err(|_| {
            ApiError::unauthorized("Unauthorized", "A bearer token of a user is needed.")
        })?;
        Ok(self.node.identity().verify(token, now.wall).await?)
    }

    /// Returns for which resource a token speaks.
    async fn resource_of_token(&self, token: &str, now: Now) -> Result<ResourceId, ApiError> {
        if let Some(resource) = self.node.resources().find_by_key_text(token) {
            return Ok(resource);
        }
        match &self.config.service_tokens {
            ServiceTokens::AccessKeys => Err(ApiError::denied()),
            ServiceTokens::Any(resource) => {
                match self.node.identity().verify(token, now.wall).await {
                    Err(TokenError::Invalid) => Ok(resource.clone()),
                    Ok(_)
                    | Err(TokenError::Expired | TokenError::Revoked | TokenError::Unavailable) => {
                        Err(ApiError::denied())
                    }
                }
            }
        }
    }

    /// Returns which resource has signed a request.
    fn resource_of_signature(
        &self,
        signature: Signature<'_>,
        parts: &Parts,
        scheme: Scheme,
        body: &[u8],
    ) -> Result<ResourceId, ApiError> {
        let asked = Origin::of_request(scheme, &parts.uri, &parts.headers)?;
        let public = self.config.public_endpoint.as_ref().map(Origin::host);
        let hosts: Vec<&str> = [Some(asked.host()), public, hmac::signed_host(&parts.headers)]
            .into_iter()
            .flatten()
            .collect();
        let asked_for = parts.extensions.get::<AskedFor>().map(|AskedFor(uri)| uri);
        let signed = asked_for.unwrap_or(&parts.uri);
        let target = signed.path_and_query().map_or("/", |target| target.as_str());
        let request = SignedRequest { method: &parts.method, target, hosts: &hosts, body };
        let signed = signature.of(&request).map_err(denied)?;
        let found = self.node.resources().find_by_key(|key| signed.is_made_with(key.as_bytes()));
        found.map(|(resource, _)| resource).ok_or_else(|| {
            tracing::debug!("signature refused: no key of any resource makes it");
            ApiError::denied()
        })
    }

    fn check_rate(
        &self,
        now: Now,
        operation: Operation,
        subject: RateSubject<'_>,
    ) -> Result<(), ApiError> {
        self.limiter.check(now.instant, operation, subject).map_err(ApiError::too_many_requests)
    }

    /// Any version is served alike. Which ones are asked for is logged once each, so that an operator
    /// learns which clients there are.
    fn check_version(&self, service: Service, query: &Query) -> Result<(), ApiError> {
        // Its version is part of the path.
        if service == Service::Graph {
            return Ok(());
        }
        let Some(version) = query.get(API_VERSION) else {
            return match self.config.profile {
                Profile::Loose => Ok(()),
                Profile::Strict => Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "MissingApiVersionParameter",
                    "The api-version query parameter (?api-version=) is required for all requests.",
                )
                .with_target(API_VERSION)),
            };
        };
        let is_plain = version.len() <= VERSION_LIMIT_BYTES
            && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if is_plain
            && versions.len() < VERSIONS_LIMIT
            && versions.insert((service, version.to_owned()))
        {
            let is_known = service.versions().contains(&version);
            tracing::info!(%service, version, is_known, "first request of this api-version");
        }
        Ok(())
    }
}

async fn of_user(
    shared: &Shared,
    claims: &TokenClaims,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    match request.route.operation {
        Operation::Chat(operation) => {
            chat::answer(shared, operation, &ChatActor::from(claims), request).await
        }
        Operation::Graph(operation) => graph::answer(shared, operation, claims, request).await,
        // Their rows of the table ask for a resource.
        Operation::Identity(_)
        | Operation::PhoneNumbers(_)
        | Operation::Rooms(_)
        | Operation::SipRouting(_) => Err(ApiError::denied()),
    }
}

async fn of_resource(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    match request.route.operation {
        // Its row of the table asks for a user.
        Operation::Chat(_) | Operation::Graph(_) => Err(ApiError::denied()),
        Operation::Identity(operation) => {
            identity::answer(shared, operation, resource, request).await
        }
        Operation::PhoneNumbers(operation) => {
            numbers::answer(operation, &shared.config.numbers, request)
        }
        Operation::Rooms(operation) => rooms::answer(shared, operation, resource, request).await,
        Operation::SipRouting(operation) => sip::answer(operation, &shared.sip, resource, request),
    }
}

/// Versions are dates, perhaps with a suffix.
const VERSION_LIMIT_BYTES: usize = 32;

/// Versions that are logged; more than there are, few enough that nobody fills the log with them.
const VERSIONS_LIMIT: usize = 64;
