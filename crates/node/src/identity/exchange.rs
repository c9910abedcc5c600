//! Tokens of directories, exchanged for tokens of this exchange.
//!
//! A directory user signs in with the directory's own issuer, as
//! [`getTokenForTeamsUser`](https://learn.microsoft.com/azure/communication-services/quickstarts/manage-teams-identity)
//! describes, and an app's backend exchanges what it got. The issuer's signature counts, and that the
//! token was issued for this purpose, to this app, for this user of this tenant.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use trunkline_clock::Timestamp;
use trunkline_ids::TenantId;
use trunkline_policy::{ObjectId, Scope};

use crate::identity::dev_issuer::DevIssuer;

/// An issuer whose tokens are exchanged.
#[derive(Clone)]
pub struct OidcIssuer {
    /// What its tokens say as `iss`.
    pub issuer: String,
    /// The tenant whose users it knows: what its tokens say as `tid`.
    pub tenant: TenantId,
    /// What its tokens may say as `aud`; [`OidcIssuer::AUDIENCES`] are those of the original.
    pub audiences: BTreeSet<String>,
    /// The keys that it signs with.
    pub keys: IssuerKeys,
}

impl OidcIssuer {
    /// The audiences that tokens for the original have: by name, and by application id.
    pub const AUDIENCES: [&str; 2] =
        ["https://auth.msft.communication.azure.com", "1fd5118e-2576-4263-8130-9503064c837a"];
}

/// The keys of an issuer.
#[derive(Clone)]
pub enum IssuerKeys {
    /// Fetched when they are needed, and again when a token names one that is not there.
    Fetched(FetchKeys),
    /// A JWK set ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)).
    Given(serde_json::Value),
}

/// Fetches a JWK set.
pub type FetchKeys = Arc<dyn Fn() -> FetchingKeys + Send + Sync>;

/// A JWK set that is being fetched.
pub type FetchingKeys =
    Pin<Box<dyn Future<Output = Result<serde_json::Value, FetchKeysError>> + Send>>;

/// Why a JWK set is not there.
pub type FetchKeysError = Box<dyn Error + Send + Sync>;

impl fmt::Debug for OidcIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcIssuer")
            .field("issuer", &self.issuer)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched(_) => f.write_str("Fetched"),
            Self::Given(_) => f.write_str("Given"),
        }
    }
}

/// A token of a directory to exchange, and what the backend says of it.
#[derive(Clone, Copy)]
pub struct DirectoryToken<'a> {
    /// The token.
    pub token: &'a str,
    /// The issuer that gave it; whichever it names when absent.
    pub issuer: Option<&'a str>,
    /// The app for which the user signed in.
    pub app_id: &'a str,
    /// The object id of the user.
    pub user_id: &'a str,
}

impl fmt::Debug for DirectoryToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryToken").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

/// Why a token of a directory is not exchanged. The variants say no more than a stranger may know.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Its time is over, or has not come.
    #[error("the directory's token has expired")]
    Expired,
    /// No issuer that is known here signed it for this purpose.
    #[error("the directory's token is not valid here")]
    Invalid,
    /// It is another issuer's, app's or user's than the request says.
    #[error("the directory's token is not of this issuer, app and user")]
    Mismatch,
    /// It does not allow anything that a token of this exchange could.
    #[error("the directory's token has neither of the scopes Teams.ManageCalls, Teams.ManageChats")]
    NoScopes,
    /// The exchange failed otherwise.
    #[error(transparent)]
    Identity(#[from] super::IdentityError),
    /// The issuer's keys cannot be had at the moment.
    #[error("the keys of the directory's issuer cannot be had")]
    Unavailable(#[source] FetchKeysError),
}

/// Who signed in, as the issuer says.
pub(super) struct SignedIn {
    pub(super) tenant: TenantId,
    pub(super) user: ObjectId,
    pub(super) scopes: BTreeSet<Scope>,
    pub(super) expires_on: Timestamp,
}

/// The issuers that are known, with the keys that were fetched.
#[derive(Debug)]
pub(super) struct Issuers {
    known: Vec<Known>,
    /// The issuer for development, which goes by every name that the exchange is reached under.
    dev: Option<OidcIssuer>,
}

/// An issuer of the configuration.
#[derive(Debug)]
struct Known {
    issuer: OidcIssuer,
    fetched: Mutex<Fetched>,
    /// Held while keys are fetched, so that many who wait for the same keys ask for them once.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Fetched {
    keys: Vec<Jwk>,
    at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    oid: String,
    tid: String,
    #[serde(default)]
    appid: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    scp: String,
}

/// [RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3): one, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Issuers {
    pub(super) fn new(issuers: Vec<OidcIssuer>, dev: Option<OidcIssuer>) -> Self {
        Self { known: issuers.into_iter().map(Known::new).collect(), dev }
    }

    /// Verifies a token, and that it is of the issuer, the app and the user that the request says.
    pub(super) async fn verify(
        &self,
        given: DirectoryToken<'_>,
        now: Timestamp,
    ) -> Result<SignedIn, ExchangeError> {
        if given.token.len() > MAX_TOKEN_BYTES {
            return Err(ExchangeError::Invalid);
        }
        let header =
            jsonwebtoken::decode_header(given.token).map_err(|_| ExchangeError::Invalid)?;
        let key_id = header.kid.ok_or(ExchangeError::Invalid)?;
        // The claim only says which issuer's keys to try; the signature decides.
        let unverified: Claims = jsonwebtoken::dangerous::insecure_decode(given.token)
            .map_err(|_| ExchangeError::Invalid)?
            .claims;
        let named = |known: &&Known| known.issuer.issuer == unverified.iss;
        let (issuer, key) = match self.known.iter().find(named) {
            Some(known) => (&known.issuer, known.key(&key_id, now).await?),
            None => {
                let is_dev = DevIssuer::goes_by(&unverified.iss);
                let dev = self.dev.as_ref().filter(|_| is_dev).ok_or(ExchangeError::Invalid)?;
                (dev, dev.given_key(&key_id))
            }
        };
        let key = key.ok_or(ExchangeError::Invalid)?;
        let claims = checked(given.token, header.alg, &key)?;
        judge(issuer, claims, given, now)
    }
}

impl Known {
    fn new(issuer: OidcIssuer) -> Self {
        Self { issuer, fetched: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    async fn key(&self, key_id: &str, now: Timestamp) -> Result<Option<Jwk>, ExchangeError> {
        let IssuerKeys::Fetched(fetch) = &self.issuer.keys else {
            return Ok(self.issuer.given_key(key_id));
        };
        if let Some(answer) = self.remembered(key_id, now) {
            return answer;
        }
        let _fetching = self.fetching.lock().await;
        // Whoever held the lock may have fetched them.
        if let Some(answer) = self.remembered(key_id, now) {
            return answer;
        }
        let fetched = match tokio::time::timeout(FETCH_LIMIT, fetch()).await {
            Ok(fetched) => fetched,
            Err(elapsed) => Err(FetchKeysError::from(elapsed)),
        };
        let mut remembered = self.fetched();
        match fetched {
            Ok(set) => {
                let keys = keys_of(&set);
                let found = find(&keys, key_id);
                *remembered = Fetched { keys, at: Some(now), failed_at: None };
                Ok(found)
            }
            Err(error) => {
                remembered.failed_at = Some(now);
                Err(ExchangeError::Unavailable(error))
            }
        }
    }

    /// Returns what is known without asking the issuer. Whoever names keys that are not there has
    /// them fetched now and then, not each time.
    fn remembered(
        &self,
        key_id: &str,
        now: Timestamp,
    ) -> Option<Result<Option<Jwk>, ExchangeError>> {
        let fetched = self.fetched();
        let is_within = |at: Option<Timestamp>, limit| {
            at.is_some_and(|at| now.saturating_duration_since(at) < limit)
        };
        if let Some(key) = find(&fetched.keys, key_id) {
            return Some(Ok(Some(key)));
        }
        if is_within(fetched.at, REFETCH_AFTER) {
            return Some(Ok(None));
        }
        is_within(fetched.failed_at, RETRY_AFTER)
            .then(|| Err(ExchangeError::Unavailable("they could not be had just before".into())))
    }

    fn fetched(&self) -> MutexGuard<'_, Fetched> {
        // Each change is one assignment.
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OidcIssuer {
    fn given_key(&self, key_id: &str) -> Option<Jwk> {
        match &self.keys {
            IssuerKeys::Fetched(_) => None,
            IssuerKeys::Given(set) => find(&keys_of(set), key_id),
        }
    }
}

fn find(keys: &[Jwk], key_id: &str) -> Option<Jwk> {
    keys.iter().find(|key| key.common.key_id.as_deref() == Some(key_id)).cloned()
}

/// Reads the keys of a set that can verify; others are passed over, as RFC 7517 §5 asks.
fn keys_of(set: &serde_json::Value) -> Vec<Jwk> {
    let keys = set.get("keys").and_then(serde_json::Value::as_array);
    let keys = keys.map(Vec::as_slice).unwrap_or_default();
    keys.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect()
}

/// Checks the signature. The kind of the key decides which algorithm it may be used with, not what
/// the token says: a public key is never taken for a secret.
fn checked(token: &str, named: Algorithm, key: &Jwk) -> Result<Claims, ExchangeError> {
    let algorithm = match &key.algorithm {
        AlgorithmParameters::EllipticCurve(_) => Algorithm::ES256,
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        // Secrets, and kinds that are not used here.
        _ => return Err(ExchangeError::Invalid),
    };
    if named != algorithm {
        return Err(ExchangeError::Invalid);
    }
    let decoding = DecodingKey::from_jwk(key).map_err(|_| ExchangeError::Invalid)?;
    let mut validation = Validation::new(algorithm);
    // Times and audience are judged against what the caller gives.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Claims>(token, &decoding, &validation);
    decoded.map(|decoded| decoded.claims).map_err(|_| ExchangeError::Invalid)
}

fn judge(
    issuer: &OidcIssuer,
    claims: Claims,
    given: DirectoryToken<'_>,
    now: Timestamp,
) -> Result<SignedIn, ExchangeError> {
    let is_for_us = match &claims.aud {
        Audience::One(audience) => issuer.audiences.contains(audience),
        Audience::Several(several) => several.iter().any(|one| issuer.audiences.contains(one)),
    };
    let is_of_tenant = claims.tid.eq_ignore_ascii_case(issuer.tenant.as_str());
    if !is_for_us || !is_of_tenant {
        return Err(ExchangeError::Invalid);
    }
    let expires_on = Timestamp::from_unix_seconds(claims.exp);
    let begins_on = claims.nbf.map(Timestamp::from_unix_seconds);
    if now >= expires_on || begins_on.is_some_and(|begins_on| now + SKEW < begins_on) {
        return Err(ExchangeError::Expired);
    }
    let app = claims.appid.or(claims.azp).unwrap_or_default();
    if given.issuer.is_some_and(|issuer| issuer != claims.iss)
        || app.is_empty()
        || !app.eq_ignore_ascii_case(given.app_id)
        || !claims.oid.eq_ignore_ascii_case(given.user_id)
    {
        return Err(ExchangeError::Mismatch);
    }
    let scopes: BTreeSet<_> = claims.scp.split_whitespace().filter_map(scope).collect();
    if scopes.is_empty() {
        return Err(ExchangeError::NoScopes);
    }
    let user = claims.oid.parse().map_err(|_| ExchangeError::Invalid)?;
    Ok(SignedIn { tenant: issuer.tenant.clone(), user, scopes, expires_on })
}

/// Says whether a name of a directory's scope means something here.
pub(super) fn is_scope(name: &str) -> bool {
    scope(name).is_some()
}

fn scope(name: &str) -> Option<Scope> {
    match name.rsplit('/').next() {
        Some("Teams.ManageCalls") => Some(Scope::Voip),
        Some("Teams.ManageChats") => Some(Scope::Chat),
        Some(_) | None => None,
    }
}

/// Tokens of directories with many groups are a few KiB; what is longer is not parsed at all.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far an issuer's clock may be ahead.
const SKEW: Duration = Duration::from_secs(300);

/// How long keys that were fetched are not fetched again. Longer keeps users of a key that was just
/// published waiting; shorter lets a stranger have them fetched more often.
const REFETCH_AFTER: Duration = Duration::from_secs(60);

/// How long keys that could not be had are not asked for again. Longer keeps users waiting after the
/// issuer is back; shorter lets strangers make this exchange ask more often.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How long fetching keys may take.
const FETCH_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://login.example/contoso";

    /// An issuer whose keys cannot be had, or are none, and how often it was asked.
    fn issuers(is_there: bool) -> (Issuers, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let issuer = OidcIssuer {
            issuer: ISSUER.to_owned(),
            tenant: "c0117050-7a3e-4d0b-9e1c-0c0ffee00002".parse().unwrap(),
            audiences: BTreeSet::new(),
            keys: IssuerKeys::Fetched(Arc::new(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    is_there.then(|| json!({"keys": []})).ok_or_else(|| "not there".into())
                })
            })),
        };
        (Issuers::new(vec![issuer], None), asked)
    }

    fn made_up_token() -> String {
        let claims = json!({"iss": ISSUER, "aud": "a", "exp": 1, "oid": "o", "tid": "t"});
        [json!({"alg": "ES256", "kid": "made-up"}), claims, json!("signature")]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".")
    }

    #[tokio::test]
    async fn tokens_that_are_made_up_do_not_make_this_exchange_ask_the_issuer_each_time() {
        let token = made_up_token();
        let given = DirectoryToken { token: &token, issuer: None, app_id: "a", user_id: "o" };
        let at = |seconds| Timestamp::from_unix_seconds(1_800_000_000 + seconds);
        for (is_there, again_after) in [(true, REFETCH_AFTER), (false, RETRY_AFTER)] {
            let (issuers, asked) = issuers(is_there);
            let verify = async |seconds| match issuers.verify(given, at(seconds)).await {
                Err(ExchangeError::Invalid) => assert!(is_there),
                Err(ExchangeError::Unavailable(_)) => assert!(!is_there),
                _ => panic!("a made-up token"),
            };
            tokio::join!(verify(0), verify(0), verify(0));
            assert_eq!(asked.load(Ordering::Relaxed), 1, "many at once");
            let after = i64::try_from(again_after.as_secs()).unwrap();
            verify(after - 1).await;
            assert_eq!(asked.load(Ordering::Relaxed), 1);
            verify(after).await;
            assert_eq!(asked.load(Ordering::Relaxed), 2);
        }
    }
}
