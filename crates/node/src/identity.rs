//! Who exists here: the app users of each resource, the directory users, and their tokens.

mod bootstrap;
mod dev_issuer;
mod exchange;
mod generations;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{
    CommunicationIdentifier, CommunicationUser, DisplayName, ParseIdError, ResourceId, TenantId,
};
use trunkline_policy::{
    AccessKeyError, DirectoryUser, FederationConfig, License, Scope, TenantName,
};
use trunkline_storage::{AppUser, Store, StoreError, UserPosition};

use crate::directory::Directory;
use crate::identity::exchange::{Issuers, SignedIn};
use crate::resources::Resources;
use crate::token::{
    AccessToken, SigningKeyRejected, TokenClaims, TokenError, TokenGrant, TokenSigner,
};

pub(crate) use self::generations::Generations;
pub use self::{
    dev_issuer::{
        DevAuthorization, DevCode, DevGrantError, DevIssuer, DevRefresh, DevSignIn, DevTokens,
    },
    exchange::{
        AppId, DirectoryToken, ExchangeError, FetchKeys, FetchKeysError, FetchingKeys, IssuerKeys,
        OidcIssuer,
    },
};

/// What identity begins with. What the store has already stays as it is there: an administrator may
/// have changed it since.
pub struct IdentityConfig {
    /// The app resource that is made when there is none of that id.
    pub resource: ResourceId,
    /// Its two access keys, in base64.
    pub access_keys: [String; 2],
    /// The tenant that is made when there is none of that id.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: TenantName,
    /// Users of the tenant, each added when the directory has none of that object id.
    pub directory: Vec<DirectoryEntry>,
    /// P-256 key that signs tokens, in PKCS#8.
    pub signing_key: Vec<u8>,
    /// The issuers whose tokens are exchanged.
    pub issuers: Vec<OidcIssuer>,
    /// Whether the exchange signs directory users in itself, for development.
    pub has_dev_issuer: bool,
}

impl fmt::Debug for IdentityConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityConfig")
            .field("resource", &self.resource)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// A directory ("Teams") user, as configuration names one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryEntry {
    /// Short sign-in name, such as `bob`.
    pub alias: String,
    /// The directory's object id.
    pub object_id: String,
    /// The name shown to others.
    pub display_name: DisplayName,
    /// What the user is licensed for.
    #[serde(default)]
    pub licenses: BTreeSet<License>,
}

/// A user that the exchange knows.
#[derive(Clone, Debug)]
pub struct User {
    /// Who it is.
    pub identifier: CommunicationIdentifier,
    /// The name shown to others; absent for app users, who name themselves.
    pub display_name: Option<DisplayName>,
    /// Sign-in name of a directory user.
    pub alias: Option<String>,
    /// When it was created; the start of the exchange for a directory user.
    pub created_at: Timestamp,
}

/// Why an identity operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The life is outside what the service offers.
    #[error("a token lives 60 to 1440 minutes, not {minutes}")]
    LifeOutOfRange {
        /// What was asked for.
        minutes: u64,
    },
    /// No scope was asked for.
    #[error("at least one token scope is needed")]
    NoScopes,
    /// The signing key failed.
    #[error(transparent)]
    Signing(#[from] SigningKeyRejected),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// There is no such resource.
    #[error("no such resource")]
    UnknownResource,
    /// Nobody of the resource has that identifier.
    #[error("no such user")]
    UnknownUser,
}

/// Why identity could not start.
#[derive(Debug, thiserror::Error)]
pub enum IdentityStartError {
    /// An access key is malformed.
    #[error("access key {number}")]
    AccessKey {
        /// The first or the second.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: AccessKeyError,
    },
    /// A directory entry is malformed.
    #[error("directory user `{alias}`")]
    Directory {
        /// Which entry.
        alias: String,
        /// What is wrong with it.
        #[source]
        source: ParseIdError,
    },
    /// The signing key cannot be used.
    #[error(transparent)]
    Signing(#[from] SigningKeyRejected),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Issues and verifies tokens, and knows the users.
pub struct Identity {
    resource: ResourceId,
    tenant: TenantId,
    signer: TokenSigner,
    store: Arc<dyn Store>,
    resources: Arc<Resources>,
    directory: Arc<Directory>,
    generations: Arc<Generations>,
    issuers: Issuers,
    dev_issuer: Option<DevIssuer>,
    started_on: Timestamp,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("resource", &self.resource).finish_non_exhaustive()
    }
}

/// What identity and administration share.
pub(crate) struct Started {
    pub(crate) identity: Identity,
    pub(crate) resources: Arc<Resources>,
    pub(crate) directory: Arc<Directory>,
}

impl Identity {
    /// Starts from what the store has, after adding to it what `config` begins with.
    pub(crate) async fn start(
        store: Arc<dyn Store>,
        config: IdentityConfig,
        federation: FederationConfig,
        now: Timestamp,
    ) -> Result<Started, IdentityStartError> {
        bootstrap::seed(&*store, &config, federation, now).await?;
        let resources = Arc::new(Resources::load(&*store).await?);
        let directory = Arc::new(Directory::load(&*store).await?);
        let dev_issuer = match config.has_dev_issuer {
            true => Some(DevIssuer::new(config.tenant.clone())?),
            false => None,
        };
        let identity = Self {
            issuers: Issuers::new(config.issuers, dev_issuer.as_ref().map(DevIssuer::trust)),
            dev_issuer,
            signer: TokenSigner::new(&config.signing_key)?,
            resource: config.resource,
            tenant: config.tenant,
            resources: Arc::clone(&resources),
            directory: Arc::clone(&directory),
            generations: Arc::new(Generations::new(Arc::clone(&store))),
            store,
            started_on: now,
        };
        Ok(Started { identity, resources, directory })
    }

    /// Makes a signing key for [`IdentityConfig::signing_key`].
    pub fn generate_signing_key() -> Result<Vec<u8>, SigningKeyRejected> {
        TokenSigner::generate_key()
    }

    /// Returns the app resource of the configuration.
    pub fn resource(&self) -> &ResourceId {
        &self.resource
    }

    /// Returns the tenant of the configuration.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Returns the public signing keys as a JWK set.
    pub fn jwks(&self) -> serde_json::Value {
        self.signer.jwks()
    }

    /// Creates an app user of a resource.
    pub async fn create_user(
        &self,
        resource: &ResourceId,
        now: Timestamp,
    ) -> Result<User, IdentityError> {
        if !self.resources.has(resource) {
            return Err(IdentityError::UnknownResource);
        }
        let user = CommunicationUser::new(resource, &uuid::Uuid::new_v4().to_string())
            .expect("a resource id and a UUID make an app user id");
        let created = AppUser { identifier: user, resource: resource.clone(), created_on: now };
        self.store.create_user(created.clone()).await?;
        Ok(self.app_user(created))
    }

    /// Draws a guest of the configuration's resource, who is not yet a user.
    pub(crate) fn draw_guest(&self) -> CommunicationUser {
        CommunicationUser::guest(&self.resource, &uuid::Uuid::new_v4().to_string())
            .expect("a resource id and a UUID make an app user id")
    }

    /// Makes a user of a guest who was drawn.
    pub(crate) async fn create_guest(
        &self,
        guest: CommunicationUser,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let resource = self.resource.clone();
        let created = AppUser { identifier: guest, resource, created_on: now };
        Ok(self.store.create_user(created).await?)
    }

    /// Finds a user of a resource by raw id. In the resource of the configuration, a directory user
    /// of its tenant is found, too, by raw id or by alias.
    pub async fn find_user(
        &self,
        resource: &ResourceId,
        name: &str,
    ) -> Result<Option<User>, IdentityError> {
        if *resource == self.resource
            && let Some(user) = self.find_directory_user(name)
        {
            return Ok(Some(user));
        }
        let Ok(identifier) = name.parse::<CommunicationIdentifier>() else {
            return Ok(None);
        };
        let CommunicationIdentifier::CommunicationUser(user) = &identifier else {
            return Ok(None);
        };
        if !Resources::is_home_of(resource, &identifier) {
            return Ok(None);
        }
        let found = self.store.user(user).await?;
        Ok(found.map(|user| self.app_user(user)))
    }

    /// Reads a call target: a raw id, or the alias of a directory user.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn resolve_target(&self, name: &str) -> Result<CommunicationIdentifier, ParseIdError> {
        match self.directory.by_alias(&self.tenant, name) {
            Some(user) => Ok(user.identifier()),
            None => name.parse(),
        }
    }

    /// Returns the name that the directory has for a user.
    pub fn directory_name(&self, identifier: &CommunicationIdentifier) -> Option<DisplayName> {
        self.directory.name(identifier)
    }

    /// Returns the directory user whom an identifier names, and the tenant.
    pub fn directory_entry(
        &self,
        identifier: &CommunicationIdentifier,
    ) -> Option<(TenantId, DirectoryUser)> {
        self.directory.by_identifier(identifier)
    }

    /// Returns the directory user of a tenant who has an alias.
    pub fn directory_alias(&self, tenant: &TenantId, alias: &str) -> Option<DirectoryUser> {
        self.directory.by_alias(tenant, alias)
    }

    /// Lists the directory of a tenant by alias.
    pub fn directory_of(&self, tenant: &TenantId) -> Vec<DirectoryUser> {
        self.directory.users(tenant)
    }

    /// Lists the directory of the configuration's tenant by alias.
    pub fn directory_users(&self) -> Vec<User> {
        let users = self.directory.users(&self.tenant);
        users.into_iter().map(|user| self.directory_user(user)).collect()
    }

    /// Lists up to `limit` app users of a resource in the order of their making, after a position.
    pub async fn app_users(
        &self,
        resource: &ResourceId,
        after: Option<UserPosition>,
        limit: usize,
    ) -> Result<Vec<(UserPosition, User)>, IdentityError> {
        let users = self.store.users(resource, after, limit).await?;
        Ok(users.into_iter().map(|(at, user)| (at, self.app_user(user))).collect())
    }

    /// Issues a token in the name of a resource for a user whom [`Identity::find_user`] finds there.
    /// `life` defaults to a day.
    pub async fn issue_token(
        &self,
        resource: &ResourceId,
        user: &str,
        request: TokenRequest<'_>,
        now: Timestamp,
    ) -> Result<(User, AccessToken), IdentityError> {
        let TokenRequest { scopes, life } = request;
        if scopes.is_empty() {
            return Err(IdentityError::NoScopes);
        }
        let life = life.unwrap_or(LONGEST_LIFE);
        if life < SHORTEST_LIFE || life > LONGEST_LIFE {
            return Err(IdentityError::LifeOutOfRange { minutes: life.as_secs() / 60 });
        }
        let target = self.resolve_target(user).map_err(|_| IdentityError::UnknownUser)?;
        // The generation is read first: a user who is deleted in between gets a revoked token.
        let generation = self.generations.of(&target).await?;
        let user = self.find_user(resource, user).await?.ok_or(IdentityError::UnknownUser)?;
        let grant = TokenGrant { identifier: &user.identifier, resource, scopes, generation };
        let token = self.signer.issue(grant, now, life)?;
        Ok((user, token))
    }

    /// Exchanges a directory's token for one of this exchange, in the name of a resource.
    pub async fn exchange_directory_token(
        &self,
        resource: &ResourceId,
        given: DirectoryToken<'_>,
        now: Timestamp,
    ) -> Result<(User, AccessToken), ExchangeError> {
        if !self.resources.has(resource) {
            return Err(IdentityError::UnknownResource.into());
        }
        let SignedIn { tenant, user, scopes, expires_on } = self.issuers.verify(given, now).await?;
        let identifier = user.identifier();
        // The generation is read first: a user who is removed in between gets a revoked token.
        let generation = self.generations.of(&identifier).await.map_err(IdentityError::Store)?;
        let found = self.directory.by_identifier(&identifier).filter(|(of, _)| *of == tenant);
        let (_, user) = found.ok_or(IdentityError::UnknownUser)?;
        let life = expires_on.saturating_duration_since(now).min(LONGEST_LIFE);
        let grant = TokenGrant { identifier: &identifier, resource, scopes: &scopes, generation };
        let token = self.signer.issue(grant, now, life).map_err(IdentityError::Signing)?;
        Ok((self.directory_user(user), token))
    }

    /// Verifies a token: signature, resource, expiry, revocation.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<TokenClaims, TokenError> {
        let claims = self.signer.verify(token, now)?;
        if !self.resources.has(&claims.resource) || !self.is_at_home(&claims) {
            return Err(TokenError::Invalid);
        }
        self.check_revocation(&claims).await?;
        Ok(claims)
    }

    /// Fails where a token that is valid otherwise has been revoked, or where that cannot be told.
    pub(crate) async fn check_revocation(&self, claims: &TokenClaims) -> Result<(), TokenError> {
        match self.generations.of(&claims.identifier).await {
            Ok(generation) if claims.generation == generation => Ok(()),
            Ok(_) => Err(TokenError::Revoked),
            Err(error) => {
                tracing::error!(%error, "cannot tell whether a token is revoked");
                Err(TokenError::Unavailable)
            }
        }
    }

    /// Returns what tells whether tokens are revoked.
    pub(crate) fn generations(&self) -> &Arc<Generations> {
        &self.generations
    }

    /// Invalidates every token of a user. Ending sessions is the node's.
    pub(crate) async fn revoke_tokens(
        &self,
        user: &CommunicationIdentifier,
    ) -> Result<(), StoreError> {
        self.generations.revoke(user).await
    }

    /// Deletes an app user with its tokens; `false` when there is none.
    pub(crate) async fn delete_user(&self, user: &CommunicationUser) -> Result<bool, StoreError> {
        self.generations.delete_app_user(user).await
    }

    /// Forgets what is remembered of a user's tokens, because the store has revoked them.
    pub(crate) fn forget_generation(&self, user: &CommunicationIdentifier) {
        self.generations.forget(user);
    }

    /// An app user's token names the user's own resource; a directory user's names any.
    fn is_at_home(&self, claims: &TokenClaims) -> bool {
        match &claims.identifier {
            CommunicationIdentifier::CommunicationUser(_)
            | CommunicationIdentifier::TeamsExtensionUser(_) => {
                Resources::is_home_of(&claims.resource, &claims.identifier)
            }
            CommunicationIdentifier::MicrosoftTeamsUser(_) => true,
            CommunicationIdentifier::MicrosoftTeamsApp(_)
            | CommunicationIdentifier::PhoneNumber(_)
            | CommunicationIdentifier::Unknown(_) => false,
        }
    }

    fn find_directory_user(&self, name: &str) -> Option<User> {
        if let Some(user) = self.directory.by_alias(&self.tenant, name) {
            return Some(self.directory_user(user));
        }
        let (tenant, user) = self.directory.by_identifier(&name.parse().ok()?)?;
        (tenant == self.tenant).then(|| self.directory_user(user))
    }

    fn directory_user(&self, user: DirectoryUser) -> User {
        User {
            identifier: user.identifier(),
            display_name: Some(user.display_name),
            alias: Some(user.alias.to_string()),
            created_at: self.started_on,
        }
    }

    fn app_user(&self, user: AppUser) -> User {
        User {
            identifier: CommunicationIdentifier::CommunicationUser(user.identifier),
            display_name: None,
            alias: None,
            created_at: user.created_on,
        }
    }
}

/// What a token is asked for.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    /// What it may be used for.
    pub scopes: &'a BTreeSet<Scope>,
    /// How long it lives; a day if absent.
    pub life: Option<Duration>,
}

/// [Documented bounds](https://learn.microsoft.com/azure/communication-services/concepts/authentication)
/// of a token's life.
const SHORTEST_LIFE: Duration = Duration::from_secs(60 * 60);
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
