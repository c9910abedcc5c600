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
    /// Fetched when they are needed, again after an hour, and when a token names one that is not
    /// there.
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
    pub app_id: AppId<'a>,
    /// The object id of the user.
    pub user_id: &'a str,
}

/// What an issuer calls an app, and what counts as the same.
#[derive(Clone, Copy, Debug)]
pub enum AppId<'a> {
    /// Any text, letter by letter
    /// ([RFC 6749 §2.2](https://www.rfc-editor.org/rfc/rfc6749#section-2.2)).
    Exact(&'a str),
    /// A GUID, in capital or small letters.
    Guid(&'a str),
}

impl AppId<'_> {
    fn is(self, named: &str) -> bool {
        match self {
            Self::Exact(given) => given == named,
            Self::Guid(given) => given.eq_ignore_ascii_case(named),
        }
    }
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
    /// It does not allow anything that a token of this exchange could.
    #[error("the directory's token has neither of the scopes Teams.ManageCalls, Teams.ManageChats")]
    NoScopes,
    /// It is for another app than the request says.
    #[error("the directory's token is for another app")]
    OtherApp,
    /// It is of another issuer than the request says.
    #[error("the directory's token is of another issuer")]
    OtherIssuer,
    /// It is of another user than the request says.
    #[error("the directory's token is of another user")]
    OtherUser,
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
    dev: Option<DevTrust>,
}

/// What verifies tokens of the issuer for development.
#[derive(Debug)]
pub(super) struct DevTrust {
    pub(super) tenant: TenantId,
    pub(super) audiences: BTreeSet<String>,
    pub(super) jwks: serde_json::Value,
}

/// What the tokens of an issuer have to say.
#[derive(Clone, Copy)]
struct Terms<'a> {
    tenant: &'a TenantId,
    audiences: &'a BTreeSet<String>,
}

/// An issuer of the configuration.
#[derive(Debug)]
struct Known {
    issuer: OidcIssuer,
    fetched: Mutex<Fetched>,
    /// Held while keys are fetched, so that many who wait for the same keys ask for them once.
    fetching: tokio::sync::Mutex<()>,
}

/// The keys that were fetched last, and when that ended.
#[derive(Debug, Default)]
struct Fetched {
    keys: Vec<Jwk>,
    at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

/// What is to be done about a key.
enum Remembered {
    /// Nothing: this is the answer.
    Answer(Result<Option<Jwk>, ExchangeError>),
    /// The keys are to be fetched again; this one is good while that lasts, or where it fails.
    Stale(Jwk),
    /// The keys are to be fetched first.
    Unknown,
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
    pub(super) fn new(issuers: Vec<OidcIssuer>, dev: Option<DevTrust>) -> Self {
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
        let (terms, key) = match self.known.iter().find(named) {
            Some(known) => (known.terms(), known.key(&key_id, now).await?),
            None => {
                let is_dev = DevIssuer::goes_by(&unverified.iss);
                let dev = self.dev.as_ref().filter(|_| is_dev).ok_or(ExchangeError::Invalid)?;
                let terms = Terms { tenant: &dev.tenant, audiences: &dev.audiences };
                (terms, find(&keys_of(&dev.jwks), &key_id))
            }
        };
        let key = key.ok_or(ExchangeError::Invalid)?;
        let claims = checked(given.token, header.alg, &key)?;
        judge(terms, claims, given, now)
    }
}

impl Known {
    fn new(issuer: OidcIssuer) -> Self {
        Self { issuer, fetched: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    fn terms(&self) -> Terms<'_> {
        Terms { tenant: &self.issuer.tenant, audiences: &self.issuer.audiences }
    }

    async fn key(&self, key_id: &str, now: Timestamp) -> Result<Option<Jwk>, ExchangeError> {
        let fetch = match &self.issuer.keys {
            IssuerKeys::Fetched(fetch) => fetch,
            IssuerKeys::Given(set) => return Ok(find(&keys_of(set), key_id)),
        };
        let started = tokio::time::Instant::now();
        let (known, _fetching) = match self.remembered(key_id, now) {
            Remembered::Answer(answer) => return answer,
            // Somebody who fetches them already keeps nobody else waiting.
            Remembered::Stale(key) => match self.fetching.try_lock() {
                Ok(fetching) => (Some(key), fetching),
                Err(_) => return Ok(Some(key)),
            },
            Remembered::Unknown => (None, self.fetching.lock().await),
        };
        // Whoever held the lock may have fetched them.
        if let Remembered::Answer(answer) = self.remembered(key_id, now + started.elapsed()) {
            return answer;
        }
        let fetched = match tokio::time::timeout(FETCH_LIMIT, fetch()).await {
            Ok(fetched) => fetched.and_then(|set| match set["keys"].is_array() {
                true => Ok(keys_of(&set)),
                false => Err("the answer is no JWK set".into()),
            }),
            Err(elapsed) => Err(FetchKeysError::from(elapsed)),
        };
        // The time that it took is no time of rest for the issuer.
        let ended = now + started.elapsed();
        let mut remembered = self.fetched();
        match fetched {
            Ok(keys) => {
                let found = find(&keys, key_id);
                *remembered = Fetched { keys, at: Some(ended), failed_at: None };
                Ok(found)
            }
            Err(error) => {
                let issuer = &self.issuer.issuer;
                tracing::warn!(%issuer, %error, "the keys of a directory's issuer cannot be had");
                remembered.failed_at = Some(ended);
                known.map(Some).ok_or(ExchangeError::Unavailable(error))
            }
        }
    }

    /// Returns what is known without asking the issuer. Whoever names keys that are not there has
    /// them fetched now and then, not each time.
    fn remembered(&self, key_id: &str, now: Timestamp) -> Remembered {
        let fetched = self.fetched();
        let is_within = |at: Option<Timestamp>, limit| {
            at.is_some_and(|at| now.saturating_duration_since(at) < limit)
        };
        if let Some(key) = find(&fetched.keys, key_id) {
            let is_good =
                is_within(fetched.at, KEYS_LIFE) || is_within(fetched.failed_at, REFETCH_AFTER);
            return match is_good {
                true => Remembered::Answer(Ok(Some(key))),
                false => Remembered::Stale(key),
            };
        }
        if is_within(fetched.at, REFETCH_AFTER) {
            return Remembered::Answer(Ok(None));
        }
        if is_within(fetched.failed_at, RETRY_AFTER) {
            let issuer = &self.issuer.issuer;
            tracing::debug!(%issuer, "the keys of an issuer are not asked for again yet");
            let error = "they could not be had just before".into();
            return Remembered::Answer(Err(ExchangeError::Unavailable(error)));
        }
        Remembered::Unknown
    }

    fn fetched(&self) -> MutexGuard<'_, Fetched> {
        // Each change is one assignment.
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
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
    terms: Terms<'_>,
    claims: Claims,
    given: DirectoryToken<'_>,
    now: Timestamp,
) -> Result<SignedIn, ExchangeError> {
    let is_for_us = match &claims.aud {
        Audience::One(audience) => terms.audiences.contains(audience),
        Audience::Several(several) => several.iter().any(|one| terms.audiences.contains(one)),
    };
    let is_of_tenant = claims.tid.eq_ignore_ascii_case(terms.tenant.as_str());
    if !is_for_us || !is_of_tenant {
        return Err(ExchangeError::Invalid);
    }
    let expires_on = Timestamp::from_unix_seconds(claims.exp);
    let begins_on = claims.nbf.map(Timestamp::from_unix_seconds);
    if now >= expires_on || begins_on.is_some_and(|begins_on| now + SKEW < begins_on) {
        return Err(ExchangeError::Expired);
    }
    let app = claims.appid.or(claims.azp).unwrap_or_default();
    if given.issuer.is_some_and(|issuer| issuer != claims.iss) {
        return Err(ExchangeError::OtherIssuer);
    }
    if app.is_empty() || !given.app_id.is(&app) {
        return Err(ExchangeError::OtherApp);
    }
    if !claims.oid.eq_ignore_ascii_case(given.user_id) {
        return Err(ExchangeError::OtherUser);
    }
    let scopes: BTreeSet<_> = claims.scp.split_whitespace().filter_map(scope).collect();
    if scopes.is_empty() {
        return Err(ExchangeError::NoScopes);
    }
    let user = claims.oid.parse().map_err(|_| ExchangeError::Invalid)?;
    Ok(SignedIn { tenant: terms.tenant.clone(), user, scopes, expires_on })
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

/// How long keys that were fetched are good without a look at whether the issuer still publishes
/// them. Longer trusts a key that was withdrawn for longer; shorter asks the issuer more often. A
/// key that is known stays where the issuer does not answer.
const KEYS_LIFE: Duration = Duration::from_secs(60 * 60);

/// How long keys that were fetched are not fetched again for one that is not among them, and how
/// long known ones are used after they could not be fetched again. Longer keeps users of a key that
/// was just published waiting; shorter lets a stranger have them fetched more often.
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
    use crate::token::TokenSigner;

    const ISSUER: &str = "https://login.example/contoso";

    /// What the issuer answers when it is asked for its keys.
    type Answer = Result<serde_json::Value, &'static str>;

    /// An issuer that answers in turn, the last answer for ever, and how often it was asked. It
    /// hangs where there is no answer.
    fn issuers(answers: &[Answer]) -> (Issuers, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let (counter, answers) = (Arc::clone(&asked), answers.to_vec());
        let issuer = OidcIssuer {
            issuer: ISSUER.to_owned(),
            tenant: "c0117050-7a3e-4d0b-9e1c-0c0ffee00002".parse().unwrap(),
            audiences: BTreeSet::new(),
            keys: IssuerKeys::Fetched(Arc::new(move || {
                let turn = counter.fetch_add(1, Ordering::Relaxed);
                let answer = answers.get(turn).or(answers.last()).cloned();
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    match answer {
                        Some(answer) => answer.map_err(Into::into),
                        None => std::future::pending().await,
                    }
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

    fn given(token: &str) -> DirectoryToken<'_> {
        DirectoryToken { token, issuer: None, app_id: AppId::Guid("a"), user_id: "o" }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000) + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn tokens_that_are_made_up_do_not_make_this_exchange_ask_the_issuer_each_time() {
        let token = made_up_token();
        for (answer, again_after) in [
            (Ok(json!({"keys": []})), REFETCH_AFTER),
            (Ok(json!({"error": "none"})), RETRY_AFTER),
            (Err("not there"), RETRY_AFTER),
        ] {
            let is_there = again_after == REFETCH_AFTER;
            let (issuers, asked) = issuers(&[answer]);
            let verify = async |seconds| match issuers.verify(given(&token), at(seconds)).await {
                Err(ExchangeError::Invalid) => assert!(is_there),
                Err(ExchangeError::Unavailable(_)) => assert!(!is_there),
                _ => panic!("a made-up token"),
            };
            tokio::join!(verify(0), verify(0), verify(0));
            assert_eq!(asked.load(Ordering::Relaxed), 1, "many at once");
            let after = again_after.as_secs();
            verify(after - 1).await;
            assert_eq!(asked.load(Ordering::Relaxed), 1);
            // What the fetch itself took counts, too.
            verify(after + 1).await;
            assert_eq!(asked.load(Ordering::Relaxed), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_hangs_is_left_alone_after_it_was_given_up() {
        let token = made_up_token();
        let (issuers, asked) = issuers(&[]);
        let verify = async |now| match issuers.verify(given(&token), now).await {
            Err(ExchangeError::Unavailable(_)) => asked.load(Ordering::Relaxed),
            _ => panic!("a made-up token"),
        };
        assert_eq!(verify(at(0)).await, 1);
        let given_up = at(0) + FETCH_LIMIT;
        assert_eq!(verify(given_up).await, 1, "as soon as it was given up");
        assert_eq!(verify(given_up + Duration::from_secs(4)).await, 1);
        assert_eq!(verify(given_up + Duration::from_secs(6)).await, 2);
    }

    /// A JWK set with one key, of this id.
    fn set_of(key_id: &str) -> serde_json::Value {
        let signer = TokenSigner::new(&TokenSigner::generate_key().unwrap()).unwrap();
        let mut set = signer.jwks();
        set["keys"][0]["kid"] = key_id.into();
        set
    }

    #[tokio::test]
    async fn known_keys_are_looked_at_again_after_an_hour_and_stay_where_that_fails() {
        let first = Ok(set_of("first"));
        let answers = [first.clone(), Err("not there"), first, Ok(set_of("second"))];
        let (issuers, asked) = issuers(&answers);
        let known = &issuers.known[0];
        let hour = KEYS_LIFE.as_secs();
        for (seconds, times, is_known) in [
            (0, 1, true),
            (hour - 1, 1, true),
            // It fails, and the key stays; a minute later it is there again.
            (hour + 1, 2, true),
            (hour + 60, 2, true),
            (hour + 62, 3, true),
            (2 * hour + 60, 3, true),
            // It was withdrawn.
            (2 * hour + 63, 4, false),
        ] {
            let found = known.key("first", at(seconds)).await.unwrap();
            assert_eq!(found.is_some(), is_known, "after {seconds} s");
            assert_eq!(asked.load(Ordering::Relaxed), times, "after {seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_one_waits_while_known_keys_are_looked_at_again() {
        let (issuers, asked) = issuers(&[Ok(set_of("first"))]);
        let known = &issuers.known[0];
        known.key("first", at(0)).await.unwrap();
        let late = at(2 * KEYS_LIFE.as_secs());
        let fetching = known.fetching.lock().await;
        let found = known.key("first", late).await.unwrap();
        assert!(found.is_some());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        drop(fetching);
        known.key("first", late).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_guid_is_the_same_in_either_case_and_another_name_is_not() {
        assert!(AppId::Guid("ab-1").is("AB-1"));
        assert!(AppId::Exact("app").is("app"));
        assert!(!AppId::Exact("app").is("App"));
        assert!(!AppId::Guid("ab-1").is("ab-2"));
    }
}
