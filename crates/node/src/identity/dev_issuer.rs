//! The issuer of a development exchange: signs directory users in without asking for a password.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use trunkline_clock::Timestamp;
use trunkline_ids::TenantId;
use trunkline_policy::{DirectoryUser, Scope};

use crate::identity::exchange::{IssuerKeys, OidcIssuer};
use crate::token::{SigningKeyRejected, TokenSigner};

/// Signs tokens such as the directory of the original gives out. For development only: whoever
/// reaches it can be anybody.
pub struct DevIssuer {
    signer: TokenSigner,
    tenant: TenantId,
}

impl fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevIssuer").field("tenant", &self.tenant).finish_non_exhaustive()
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
}

impl DevIssuer {
    /// What the tokens say as `iss`.
    pub const ISSUER: &str = "https://trunkline.invalid/dev";

    /// How long they live: about as long as the original's.
    pub const LIFE: Duration = Duration::from_secs(60 * 60);

    /// Makes an issuer with a key of its own, which nobody knows after a restart.
    pub(super) fn new(tenant: TenantId) -> Result<Self, SigningKeyRejected> {
        Ok(Self { signer: TokenSigner::new(&TokenSigner::generate_key()?)?, tenant })
    }

    /// Describes this issuer to those who verify its tokens.
    pub(super) fn issuer(&self) -> OidcIssuer {
        OidcIssuer {
            issuer: Self::ISSUER.to_owned(),
            tenant: self.tenant.clone(),
            audiences: [OidcIssuer::AUDIENCES[0].to_owned()].into(),
            keys: IssuerKeys::Given(self.signer.jwks()),
        }
    }

    /// Signs a user in for an app.
    pub(super) fn sign_in(
        &self,
        user: &DirectoryUser,
        app_id: &str,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Result<String, SigningKeyRejected> {
        let scope = |scope: &Scope| match scope {
            Scope::Chat | Scope::ChatJoin | Scope::ChatJoinLimited => "Teams.ManageChats",
            Scope::Voip | Scope::VoipJoin => "Teams.ManageCalls",
        };
        let claims = Claims {
            aud: OidcIssuer::AUDIENCES[0],
            scp: scopes.iter().map(scope).collect::<Vec<_>>().join(" "),
            ..self.claims(user, app_id, now)
        };
        self.signer.sign(&claims)
    }

    /// Says to an app who signed in. Its audience is the app, so that it is not exchanged.
    pub(super) fn identify(
        &self,
        user: &DirectoryUser,
        app_id: &str,
        now: Timestamp,
    ) -> Result<String, SigningKeyRejected> {
        self.signer.sign(&self.claims(user, app_id, now))
    }

    /// Signs an app in by itself.
    pub(super) fn admit(&self, app_id: &str, now: Timestamp) -> Result<String, SigningKeyRejected> {
        let claims =
            Claims { aud: SERVICE_AUDIENCE, ..self.claims_of(app_id, app_id, app_id, now) };
        self.signer.sign(&claims)
    }

    /// Returns the keys that verify what is signed here.
    pub(super) fn jwks(&self) -> serde_json::Value {
        self.signer.jwks()
    }

    fn claims<'a>(
        &'a self,
        user: &'a DirectoryUser,
        app_id: &'a str,
        now: Timestamp,
    ) -> Claims<'a> {
        self.claims_of(user.object_id.as_str(), user.display_name.as_str(), app_id, now)
    }

    fn claims_of<'a>(
        &'a self,
        oid: &'a str,
        name: &'a str,
        app_id: &'a str,
        now: Timestamp,
    ) -> Claims<'a> {
        Claims {
            iss: Self::ISSUER,
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
        }
    }
}

/// What a program's own token is for: the service's routes that a backend signs.
const SERVICE_AUDIENCE: &str = "https://communication.azure.com";
