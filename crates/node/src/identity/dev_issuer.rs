//! The issuer of a development exchange: signs directory users in without asking for a password.

mod grants;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use trunkline_clock::{Instant, Now, Timestamp};
use trunkline_ids::TenantId;
use trunkline_policy::{DirectoryUser, ObjectId};

use crate::identity::Identity;
use crate::identity::dev_issuer::grants::{Grants, Redeemed};
use crate::identity::exchange::{DevTrust, OidcIssuer, is_scope};
use crate::token::{SigningKeyRejected, TokenSigner};

pub use self::grants::{DevAuthorization, DevCode, DevGrantError, DevRefresh};

/// Signs tokens such as the directory of the original gives out. For development only: whoever
/// reaches it can be anybody.
pub struct DevIssuer {
    signer: TokenSigner,
    tenant: TenantId,
    grants: Mutex<Grants>,
}

impl fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevIssuer").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Who signs in at the issuer for development, and for which app.
#[derive(Clone, Copy)]
pub struct DevSignIn<'a> {
    /// What the issuer is called where it was asked: [`DevIssuer::at`].
    pub issuer: &'a str,
    /// The user: an alias or an object id.
    pub user: &'a str,
    /// The app.
    pub app_id: &'a str,
    /// What the app asks for, as OAuth 2.0 writes it. `openid` asks for an ID token; what means
    /// nothing here is passed over.
    pub scope: &'a str,
    /// What the ID token is to repeat.
    pub nonce: Option<&'a str>,
}

impl fmt::Debug for DevSignIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevSignIn").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

/// What somebody who signed in gets. The texts are secrets; `Debug` does not print them.
#[derive(Clone)]
pub struct DevTokens {
    /// What [`Identity::exchange_directory_token`] takes.
    pub access_token: String,
    /// Says to the app who signed in, and opens nothing; there where the app asked for it.
    pub id_token: Option<String>,
    /// Gets the next tokens, once.
    pub refresh_token: Option<String>,
    /// What was granted of what was asked for, as the app wrote it; empty where that is nothing.
    pub scope: String,
}

impl fmt::Debug for DevTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevTokens").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    sub: &'a str,
    oid: &'a str,
    tid: &'a str,
    appid: &'a str,
    scp: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl DevIssuer {
    /// How long its tokens live: about as long as the original's.
    pub const LIFE: Duration = Duration::from_secs(60 * 60);

    /// Returns what it is called where it is asked as a host with or without a port. Clients compare
    /// what the tokens say as `iss` with the address that they know
    /// ([OpenID Connect Discovery §4.3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation)),
    /// so that it has as many names as the exchange has.
    pub fn at(authority: &str) -> String {
        format!("{SCHEME}{authority}{PATH}")
    }

    /// Says whether it may be called this. Its key decides what it has signed, whatever the name.
    pub(super) fn goes_by(issuer: &str) -> bool {
        issuer
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.strip_suffix(PATH))
            .is_some_and(|authority| !authority.is_empty() && !authority.contains('/'))
    }

    /// Makes an issuer with a key of its own, which nobody knows after a restart.
    pub(super) fn new(tenant: TenantId) -> Result<Self, SigningKeyRejected> {
        let signer = TokenSigner::new(&TokenSigner::generate_key()?)?;
        Ok(Self { signer, tenant, grants: Mutex::default() })
    }

    /// Returns what its tokens are verified by.
    pub(super) fn trust(&self) -> DevTrust {
        DevTrust {
            tenant: self.tenant.clone(),
            audiences: [OidcIssuer::AUDIENCES[0].to_owned()].into(),
            jwks: self.signer.jwks(),
        }
    }

    fn sign_in(
        &self,
        sign_in: DevSignIn<'_>,
        user: &DirectoryUser,
        now: Timestamp,
    ) -> Result<DevTokens, SigningKeyRejected> {
        let DevSignIn { issuer, app_id, scope, nonce, user: _ } = sign_in;
        let (oid, name) = (user.object_id.as_str(), user.display_name.as_str());
        let names = scope.split_ascii_whitespace().filter(|name| is_scope(name));
        let names: Vec<_> = names.filter_map(|name| name.rsplit('/').next()).collect();
        let access = Claims {
            aud: OidcIssuer::AUDIENCES[0],
            scp: names.join(" "),
            ..self.claims(issuer, oid, name, app_id, now)
        };
        let id_token = match asks_for(scope, OPENID) {
            true => {
                // Its audience is the app, so that it is not exchanged.
                let id = Claims { nonce, ..self.claims(issuer, oid, name, app_id, now) };
                Some(self.signer.sign(&id)?)
            }
            false => None,
        };
        Ok(DevTokens {
            access_token: self.signer.sign(&access)?,
            id_token,
            refresh_token: None,
            scope: granted(scope, None),
        })
    }

    /// Signs an app in by itself.
    fn admit(
        &self,
        issuer: &str,
        app_id: &str,
        now: Timestamp,
    ) -> Result<String, SigningKeyRejected> {
        let claims =
            Claims { aud: SERVICE_AUDIENCE, ..self.claims(issuer, app_id, app_id, app_id, now) };
        self.signer.sign(&claims)
    }

    fn claims<'a>(
        &'a self,
        iss: &'a str,
        oid: &'a str,
        name: &'a str,
        app_id: &'a str,
        now: Timestamp,
    ) -> Claims<'a> {
        Claims {
            iss,
            aud: app_id,
            exp: (now + Self::LIFE).as_unix_seconds(),
            nbf: now.as_unix_seconds(),
            iat: now.as_unix_seconds(),
            sub: oid,
            oid,
            tid: self.tenant.as_str(),
            appid: app_id,
            scp: String::new(),
            name,
            nonce: None,
        }
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        // What a panic could leave half done is a grant that nobody gets.
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the issuer for development does for those who ask it; nothing where there is none.
impl Identity {
    /// Signs a user of the configuration's tenant in: what [`Identity::exchange_directory_token`]
    /// takes. `None` where there is no such user, or no issuer for development.
    pub fn dev_sign_in(&self, sign_in: DevSignIn<'_>, now: Timestamp) -> Option<DevTokens> {
        let issuer = self.dev_issuer.as_ref()?;
        issuer.sign_in(sign_in, &self.dev_user(sign_in.user)?, now).ok()
    }

    /// Signs an app in by itself: a token that stands for the resource where any does. `None` where
    /// there is no issuer for development.
    pub fn dev_app_token(&self, issuer: &str, app_id: &str, now: Timestamp) -> Option<String> {
        self.dev_issuer.as_ref()?.admit(issuer, app_id, now).ok()
    }

    /// Returns the keys of the issuer for development, where there is one.
    pub fn dev_jwks(&self) -> Option<serde_json::Value> {
        self.dev_issuer.as_ref().map(|issuer| issuer.signer.jwks())
    }

    /// Makes a code for a user who chose to sign in.
    pub fn dev_authorize(
        &self,
        authorization: DevAuthorization,
        now: Instant,
    ) -> Result<String, DevGrantError> {
        let issuer = self.dev_issuer.as_ref().ok_or(DevGrantError::Unknown)?;
        self.dev_user(&authorization.user).ok_or(DevGrantError::Unknown)?;
        issuer.grants().authorize(authorization, now)
    }

    /// Redeems a code, once.
    pub fn dev_redeem(&self, code: DevCode<'_>, now: Now) -> Result<DevTokens, DevGrantError> {
        let issuer = self.dev_issuer.as_ref().ok_or(DevGrantError::Unknown)?;
        let redeemed = issuer.grants().redeem(code, now.instant)?;
        self.dev_tokens(issuer, redeemed, now.wall)
    }

    /// Gets new tokens without the user, and what gets the next ones.
    pub fn dev_refresh(
        &self,
        refresh: DevRefresh<'_>,
        now: Now,
    ) -> Result<DevTokens, DevGrantError> {
        let issuer = self.dev_issuer.as_ref().ok_or(DevGrantError::Unknown)?;
        let mut redeemed = issuer.grants().refresh(refresh, now.instant)?;
        // A nonce belongs to the one answer that the app waited for (OpenID Connect Core §12.2).
        redeemed.authorization.nonce = None;
        self.dev_tokens(issuer, redeemed, now.wall)
    }

    fn dev_tokens(
        &self,
        issuer: &DevIssuer,
        redeemed: Redeemed,
        now: Timestamp,
    ) -> Result<DevTokens, DevGrantError> {
        let Redeemed { authorization, refresh_token } = redeemed;
        let sign_in = DevSignIn {
            issuer: &authorization.issuer,
            user: &authorization.user,
            app_id: &authorization.client_id,
            scope: &authorization.scope,
            nonce: authorization.nonce.as_deref(),
        };
        let user = self.dev_user(sign_in.user).ok_or(DevGrantError::Unknown)?;
        let tokens = issuer.sign_in(sign_in, &user, now);
        let tokens = tokens.map_err(|SigningKeyRejected| DevGrantError::Unavailable)?;
        let scope = granted(sign_in.scope, refresh_token.as_deref());
        Ok(DevTokens { refresh_token, scope, ..tokens })
    }

    fn dev_user(&self, user: &str) -> Option<DirectoryUser> {
        self.directory.by_alias(&self.tenant, user).or_else(|| {
            let identifier = user.parse::<ObjectId>().ok()?.identifier();
            let (tenant, user) = self.directory.by_identifier(&identifier)?;
            (tenant == self.tenant).then_some(user)
        })
    }
}

/// Says what was granted of what an app asked for
/// ([RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)).
fn granted(scope: &str, refresh_token: Option<&str>) -> String {
    let is_granted = |name: &&str| match *name {
        OPENID => true,
        OFFLINE_ACCESS => refresh_token.is_some(),
        name => is_scope(name),
    };
    let names: Vec<_> = scope.split_ascii_whitespace().filter(is_granted).collect();
    names.join(" ")
}

/// Says whether an app asks for something by this name.
fn asks_for(scope: &str, wanted: &str) -> bool {
    scope.split_ascii_whitespace().any(|name| name == wanted)
}

/// Asks for an ID token ([OpenID Connect Core
/// §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).
const OPENID: &str = "openid";

/// Asks for a refresh token ([OpenID Connect Core
/// §11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess)).
const OFFLINE_ACCESS: &str = "offline_access";

/// What a program's own token is for: the service's routes that a backend signs.
const SERVICE_AUDIENCE: &str = "https://communication.azure.com";

/// Pages and tokens are served over TLS only.
const SCHEME: &str = "https://";

/// Where it is on the exchange's port. Libraries take an authority of this path for a directory of the
/// AD FS kind, which has no tenants.
const PATH: &str = "/adfs";
