//! Where the access token comes from.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use thiserror::Error;

/// Supplies the user's access token: a fixed one, or one fetched by a callback whenever the one in
/// force runs out.
///
/// `Debug` shows no token.
#[derive(Clone)]
pub struct TokenCredential(Arc<Source>);

/// Says why no token could be had.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct TokenError(pub String);

type Refresh = Box<dyn Fn() -> BoxFuture<'static, Result<String, TokenError>> + Send + Sync>;

struct Source {
    current: Mutex<Option<String>>,
    refresh: Option<Refresh>,
}

impl TokenCredential {
    /// Makes a credential that has one token and cannot get another.
    pub fn fixed(token: impl Into<String>) -> Self {
        Self(Arc::new(Source { current: Mutex::new(Some(token.into())), refresh: None }))
    }

    /// Makes a credential that calls back for a token: at first, some minutes before the one in
    /// force runs out, and when the exchange refuses it.
    pub fn refreshing<F, R>(refresh: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        let refresh: Refresh = Box::new(move || Box::pin(refresh()));
        Self(Arc::new(Source { current: Mutex::new(None), refresh: Some(refresh) }))
    }

    /// Returns the token in force, fetching one if there is none yet.
    pub(crate) async fn token(&self) -> Result<String, TokenError> {
        let current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match current {
            Some(token) => Ok(token),
            None => self.refresh().await,
        }
    }

    /// Fetches a new token and puts it in force.
    pub(crate) async fn refresh(&self) -> Result<String, TokenError> {
        let Some(refresh) = &self.0.refresh else {
            return Err(TokenError("the credential has a fixed token".to_owned()));
        };
        let token = refresh().await?;
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(token.clone());
        Ok(token)
    }

    pub(crate) fn can_refresh(&self) -> bool {
        self.0.refresh.is_some()
    }
}

impl fmt::Debug for TokenCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCredential")
            .field("can_refresh", &self.can_refresh())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refreshing_credential_asks_once_and_again_only_when_told() {
        let count = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&count);
        let credential = TokenCredential::refreshing(move || {
            let counter = Arc::clone(&counter);
            async move {
                let mut count = counter.lock().unwrap();
                *count += 1;
                Ok(format!("secret-{count}"))
            }
        });
        assert_eq!(credential.token().await.unwrap(), "secret-1");
        assert_eq!(credential.token().await.unwrap(), "secret-1");
        assert_eq!(credential.refresh().await.unwrap(), "secret-2");
        assert_eq!(credential.token().await.unwrap(), "secret-2");
        assert!(!format!("{credential:?}").contains("secret-"));
    }

    #[tokio::test]
    async fn a_fixed_credential_cannot_refresh_and_shows_nothing() {
        let credential = TokenCredential::fixed("secret");
        assert_eq!(credential.token().await.unwrap(), "secret");
        assert!(credential.refresh().await.is_err());
        assert!(!format!("{credential:?}").contains("secret"));
    }
}
