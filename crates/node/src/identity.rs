//! Who exists here: the resource's app users, the tenant's directory, and their tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{
    Cloud, CommunicationIdentifier, CommunicationUser, DisplayName, MicrosoftTeamsUser,
    ParseIdError, ResourceId, TenantId,
};
use trunkline_policy::{CoexistenceMode, FederationConfig, Policy, TenantPolicy};

use crate::token::{
    AccessToken, SigningKeyRejected, TokenClaims, TokenError, TokenScope, TokenSigner,
};

/// What an identity service is made from.
pub struct IdentityConfig {
    /// The app resource whose users and keys these are.
    pub resource: ResourceId,
    /// The tenant that the directory users belong to.
    pub tenant: TenantId,
    /// The two access keys of the resource, in plain text.
    pub access_keys: [String; 2],
    /// P-256 key that signs tokens, in PKCS#8.
    pub signing_key: Vec<u8>,
    /// The users of the directory.
    pub directory: Vec<DirectoryUser>,
    /// File that keeps app users and revocations over a restart; `None` keeps them in memory.
    pub state_path: Option<PathBuf>,
}

impl fmt::Debug for IdentityConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityConfig")
            .field("resource", &self.resource)
            .field("tenant", &self.tenant)
            .field("state_path", &self.state_path)
            .finish_non_exhaustive()
    }
}

/// A directory ("Teams") user of the tenant.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryUser {
    /// Short sign-in name, such as `bob`.
    pub alias: String,
    /// The directory's object id.
    pub object_id: String,
    /// The name shown to others.
    pub display_name: DisplayName,
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
    /// When it was created.
    pub created_at: Timestamp,
}

/// Why an identity operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No scope was asked for.
    #[error("at least one token scope is needed")]
    NoScopes,
    /// The life is outside what the service offers.
    #[error("a token lives 60 to 1440 minutes, not {minutes}")]
    LifeOutOfRange {
        /// What was asked for.
        minutes: u64,
    },
    /// The resource holds as many app users as it may.
    #[error("the resource has reached its limit of {limit} app users")]
    TooManyUsers {
        /// The limit.
        limit: usize,
    },
    /// Nobody has that identifier.
    #[error("no such user")]
    UnknownUser,
    /// The exchange could not write what it must remember.
    #[error("cannot keep the identity state")]
    Store(#[source] std::io::Error),
    /// The signing key failed.
    #[error(transparent)]
    Signing(#[from] SigningKeyRejected),
}

/// Issues and verifies tokens, and knows the users.
pub struct Identity {
    resource: ResourceId,
    tenant: TenantId,
    access_keys: [String; 2],
    signer: TokenSigner,
    directory: BTreeMap<String, User>,
    standings: Vec<trunkline_policy::DirectoryUser>,
    state_path: Option<PathBuf>,
    state: Mutex<State>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("resource", &self.resource).finish_non_exhaustive()
    }
}

/// Why identity could not start.
#[derive(Debug, thiserror::Error)]
pub enum IdentityStartError {
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
    /// The state file cannot be read.
    #[error("cannot read {path}")]
    State {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Identity {
    /// Starts from `config` and what the state file remembers.
    pub fn start(config: IdentityConfig, now: Timestamp) -> Result<Self, IdentityStartError> {
        let mut directory = BTreeMap::new();
        let mut standings = Vec::new();
        for entry in config.directory {
            standings.push(standing(&entry).map_err(|source| IdentityStartError::Directory {
                alias: entry.alias.clone(),
                source,
            })?);
            let user =
                MicrosoftTeamsUser::new(&entry.object_id, Cloud::Public).map_err(|source| {
                    IdentityStartError::Directory { alias: entry.alias.clone(), source }
                })?;
            directory.insert(
                entry.alias.clone(),
                User {
                    identifier: CommunicationIdentifier::MicrosoftTeamsUser(user),
                    display_name: Some(entry.display_name),
                    alias: Some(entry.alias),
                    created_at: now,
                },
            );
        }
        let state = match &config.state_path {
            Some(path) => State::load(path)
                .map_err(|source| IdentityStartError::State { path: path.clone(), source })?,
            None => State::default(),
        };
        Ok(Self {
            signer: TokenSigner::new(&config.signing_key, config.resource.clone())?,
            resource: config.resource,
            tenant: config.tenant,
            access_keys: config.access_keys,
            directory,
            standings,
            state_path: config.state_path,
            state: Mutex::new(state),
        })
    }

    /// Makes a signing key for [`IdentityConfig::signing_key`].
    pub fn generate_signing_key() -> Result<Vec<u8>, SigningKeyRejected> {
        TokenSigner::generate_key()
    }

    /// Returns the app resource.
    pub fn resource(&self) -> &ResourceId {
        &self.resource
    }

    /// Returns the tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Returns what the tenant has set, as decisions read it.
    pub(crate) fn policy(&self, federation: FederationConfig) -> Policy {
        let mut tenant = TenantPolicy { federation, ..TenantPolicy::default() };
        self.standings.iter().cloned().for_each(|user| tenant.set_user(user));
        let tenants = BTreeMap::from([(self.tenant.clone(), tenant)]);
        Policy { tenants, ..Policy::default() }
    }

    /// Returns the public signing keys as a JWK set.
    pub fn jwks(&self) -> serde_json::Value {
        self.signer.jwks()
    }

    /// Tells whether `key` is one of the resource's access keys, in time that does not depend on
    /// how much of it is right.
    pub fn is_access_key(&self, key: &str) -> bool {
        self.access_keys.iter().fold(false, |found, ours| {
            let same =
                aws_lc_rs::constant_time::verify_slices_are_equal(ours.as_bytes(), key.as_bytes());
            found | same.is_ok()
        })
    }

    /// Creates an app user.
    pub fn create_user(&self, now: Timestamp) -> Result<User, IdentityError> {
        let mut state = self.state();
        if state.app_users.len() >= APP_USER_LIMIT {
            return Err(IdentityError::TooManyUsers { limit: APP_USER_LIMIT });
        }
        let user = CommunicationUser::new(&self.resource, &uuid::Uuid::new_v4().to_string())
            .expect("a resource id and a UUID make an app user id");
        let identifier = CommunicationIdentifier::CommunicationUser(user);
        state.app_users.insert(identifier.to_string(), now.as_unix_micros());
        if let Err(error) = self.keep(&state) {
            // What was not kept was not created.
            state.app_users.remove(&identifier.to_string());
            return Err(error);
        }
        Ok(User { identifier, display_name: None, alias: None, created_at: now })
    }

    /// Finds a user by raw id or by the alias of a directory user.
    pub fn find_user(&self, name: &str) -> Option<User> {
        if let Some(user) = self.directory.get(name) {
            return Some(user.clone());
        }
        let identifier: CommunicationIdentifier = name.parse().ok()?;
        if let Some(user) = self.directory.values().find(|user| user.identifier == identifier) {
            return Some(user.clone());
        }
        let created_at = *self.state().app_users.get(name)?;
        Some(User {
            identifier,
            display_name: None,
            alias: None,
            created_at: Timestamp::from_unix_micros(created_at),
        })
    }

    /// Reads a call target: a raw id, or the alias of a directory user.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn resolve_target(&self, name: &str) -> Result<CommunicationIdentifier, ParseIdError> {
        match self.directory.get(name) {
            Some(user) => Ok(user.identifier.clone()),
            None => name.parse(),
        }
    }

    /// Returns the name that the directory has for a user.
    pub fn directory_name(&self, identifier: &CommunicationIdentifier) -> Option<DisplayName> {
        self.directory
            .values()
            .find(|user| user.identifier == *identifier)
            .and_then(|user| user.display_name.clone())
    }

    /// Lists the directory by alias, then the app users by age.
    pub fn users(&self) -> Vec<User> {
        let mut users: Vec<User> = self.directory.values().cloned().collect();
        let mut app_users: Vec<(i64, String)> =
            self.state().app_users.iter().map(|(id, at)| (*at, id.clone())).collect();
        app_users.sort();
        users.extend(app_users.into_iter().filter_map(|(created_at, id)| {
            Some(User {
                identifier: id.parse().ok()?,
                display_name: None,
                alias: None,
                created_at: Timestamp::from_unix_micros(created_at),
            })
        }));
        users
    }

    /// Issues a token for a user that exists. `life` defaults to a day.
    pub fn issue_token(
        &self,
        user: &str,
        scopes: &BTreeSet<TokenScope>,
        life: Option<Duration>,
        now: Timestamp,
    ) -> Result<(User, AccessToken), IdentityError> {
        if scopes.is_empty() {
            return Err(IdentityError::NoScopes);
        }
        let life = life.unwrap_or(LONGEST_LIFE);
        if life < SHORTEST_LIFE || life > LONGEST_LIFE {
            return Err(IdentityError::LifeOutOfRange { minutes: life.as_secs() / 60 });
        }
        let user = self.find_user(user).ok_or(IdentityError::UnknownUser)?;
        let generation = self.generation(&user.identifier);
        let token = self.signer.issue(&user.identifier, scopes, generation, now, life)?;
        Ok((user, token))
    }

    /// Invalidates every token issued to the user so far, and returns who it is.
    pub fn revoke_tokens(&self, user: &str) -> Result<User, IdentityError> {
        let user = self.find_user(user).ok_or(IdentityError::UnknownUser)?;
        let mut state = self.state();
        let generation = state.generations.entry(user.identifier.to_string()).or_default();
        *generation += 1;
        self.keep(&state)?;
        Ok(user)
    }

    /// Verifies a token: signature, resource, expiry, revocation.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<TokenClaims, TokenError> {
        let claims = self.signer.verify(token, now)?;
        if claims.generation != self.generation(&claims.identifier) {
            return Err(TokenError::Revoked);
        }
        Ok(claims)
    }

    fn generation(&self, identifier: &CommunicationIdentifier) -> u32 {
        self.state().generations.get(&identifier.to_string()).copied().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock means another thread panicked between two map operations; the maps
        // themselves are whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, state: &State) -> Result<(), IdentityError> {
        match &self.state_path {
            Some(path) => state.store(path).map_err(IdentityError::Store),
            None => Ok(()),
        }
    }
}

fn standing(entry: &DirectoryUser) -> Result<trunkline_policy::DirectoryUser, ParseIdError> {
    Ok(trunkline_policy::DirectoryUser {
        object_id: entry.object_id.parse()?,
        alias: entry.alias.parse()?,
        display_name: entry.display_name.clone(),
        groups: BTreeSet::new(),
        licenses: BTreeSet::new(),
        mode: CoexistenceMode::default(),
        segment: None,
    })
}

#[derive(Default, Deserialize, Serialize)]
struct State {
    /// Raw id → creation time in Unix microseconds.
    app_users: BTreeMap<String, i64>,
    /// Raw id → how often the user's tokens were revoked. A token carries the number of its day.
    generations: BTreeMap<String, u32>,
}

impl State {
    fn load(path: &PathBuf) -> Result<Self, std::io::Error> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(std::io::Error::other),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file as a whole: a crash leaves the old or the new content, never half.
    fn store(&self, path: &PathBuf) -> Result<(), std::io::Error> {
        use std::io::Write as _;

        let staged = path.with_extension("new");
        let mut file = std::fs::File::create(&staged)?;
        file.write_all(&serde_json::to_vec(self).map_err(std::io::Error::other)?)?;
        file.sync_all()?;
        std::fs::rename(&staged, path)
    }
}

/// [Documented bounds](https://learn.microsoft.com/azure/communication-services/concepts/authentication)
/// of a token's life.
const SHORTEST_LIFE: Duration = Duration::from_secs(60 * 60);
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The whole state is rewritten at each change, so it must stay small: at this size it is 10 MB.
const APP_USER_LIMIT: usize = 100_000;
