//! Bodies of identity.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use trunkline_policy::Scope;

use crate::error::ApiError;

/// `POST /identities`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CreateIdentityRequest {
    create_token_with_scopes: Option<Vec<String>>,
    custom_id: Option<IgnoredAny>,
    expires_in_minutes: Option<f64>,
}

/// `POST /identities/{id}/:issueAccessToken`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IssueTokenRequest {
    scopes: Option<Vec<String>>,
    expires_in_minutes: Option<f64>,
}

/// `POST /teamsUser/:exchangeAccessToken`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ExchangeTokenRequest {
    pub(crate) token: Option<String>,
    pub(crate) app_id: Option<String>,
    pub(crate) user_id: Option<String>,
}

/// Which token is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TokenOrder {
    pub(crate) scopes: BTreeSet<Scope>,
    /// A day when absent.
    pub(crate) life: Option<Duration>,
}

impl CreateIdentityRequest {
    /// Returns which token to issue with the identity, if any.
    ///
    /// Newer clients may name an identity so that they find it again; one that was made without its
    /// name would be another each time.
    pub(crate) fn token(&self) -> Result<Option<TokenOrder>, ApiError> {
        if self.custom_id.is_some() {
            let message = "Identities have no custom ids here.";
            return Err(ApiError::bad_request(message).with_target("customId"));
        }
        let names = self.create_token_with_scopes.as_deref().unwrap_or_default();
        let order = TokenOrder {
            scopes: scopes(names, "createTokenWithScopes")?,
            life: life(self.expires_in_minutes)?,
        };
        Ok((!order.scopes.is_empty()).then_some(order))
    }
}

impl IssueTokenRequest {
    /// Returns which token to issue.
    pub(crate) fn token(&self) -> Result<TokenOrder, ApiError> {
        let scopes = scopes(self.scopes.as_deref().unwrap_or_default(), "scopes")?;
        if scopes.is_empty() {
            let message = "Invalid scopes - Scopes field is required.";
            return Err(ApiError::validation(message, "scopes"));
        }
        Ok(TokenOrder { scopes, life: life(self.expires_in_minutes)? })
    }
}

impl std::fmt::Debug for ExchangeTokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExchangeTokenRequest(<redacted>)")
    }
}

/// An identity, perhaps with a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdentityModel {
    pub(crate) identity: IdModel,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_token: Option<AccessTokenModel>,
}

/// The id of an identity.
#[derive(Serialize)]
pub(crate) struct IdModel {
    pub(crate) id: String,
}

/// A token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessTokenModel {
    pub(crate) token: String,
    pub(crate) expires_on: String,
}

fn scopes(names: &[String], target: &'static str) -> Result<BTreeSet<Scope>, ApiError> {
    names
        .iter()
        .map(|name| {
            name.to_ascii_lowercase().parse().map_err(|_| {
                let known = Scope::ALL.map(Scope::as_str).join(", ");
                let message = format!("A scope is not valid. The scopes are {known}.");
                ApiError::bad_request(message).with_target(target)
            })
        })
        .collect()
}

/// Reads a whole number of minutes within the documented bounds, so that nobody is created for whom
/// no token can be issued.
fn life(minutes: Option<f64>) -> Result<Option<Duration>, ApiError> {
    let Some(minutes) = minutes else {
        return Ok(None);
    };
    if minutes.fract() == 0.0 && (FEWEST_MINUTES..=MOST_MINUTES).contains(&minutes) {
        return Ok(Some(Duration::from_secs_f64(minutes * 60.0)));
    }
    let message = format!(
        "ExpiresInMinutes value {minutes} is invalid. Value must be within the \
         [{FEWEST_MINUTES}, {MOST_MINUTES}] interval."
    );
    Err(ApiError::validation(message, "ExpiresInMinutes"))
}

/// [Documented bounds](https://learn.microsoft.com/azure/communication-services/concepts/authentication)
/// of a token's life.
const FEWEST_MINUTES: f64 = 60.0;
const MOST_MINUTES: f64 = 1_440.0;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The scopes of an order, and its life in minutes.
    type Order = (Vec<&'static str>, Option<u64>);

    fn order(body: Value) -> Result<Option<Order>, u16> {
        let request: CreateIdentityRequest = serde_json::from_value(body).unwrap();
        request
            .token()
            .map(|order| {
                order.map(|order| {
                    let scopes = order.scopes.into_iter().map(Scope::as_str).collect();
                    (scopes, order.life.map(|life| life.as_secs() / 60))
                })
            })
            .map_err(|error| error.status().as_u16())
    }

    #[test]
    fn a_token_is_ordered_by_naming_scopes() {
        assert_eq!(order(json!({})), Ok(None));
        assert_eq!(
            order(json!({"createTokenWithScopes": null, "expiresInMinutes": null})),
            Ok(None)
        );
        assert_eq!(order(json!({"createTokenWithScopes": []})), Ok(None));
        let both =
            json!({"createTokenWithScopes": ["voip", "Chat", "chat"], "expiresInMinutes": 60});
        assert_eq!(order(both), Ok(Some((vec!["chat", "voip"], Some(60)))));
    }

    #[test]
    fn what_is_no_scope_or_no_life_is_refused() {
        for body in [
            json!({"createTokenWithScopes": ["chat", "nope"]}),
            json!({"createTokenWithScopes": [""]}),
            json!({"createTokenWithScopes": ["chat"], "expiresInMinutes": 60.5}),
            json!({"createTokenWithScopes": ["chat"], "expiresInMinutes": 59}),
            json!({"createTokenWithScopes": ["chat"], "expiresInMinutes": 1_441}),
            json!({"expiresInMinutes": -60}),
            json!({"createTokenWithScopes": ["chat"], "expiresInMinutes": 1e300}),
        ] {
            assert_eq!(order(body.clone()), Err(400), "{body}");
        }
    }

    #[test]
    fn a_token_for_nothing_is_not_issued() {
        for body in [json!({}), json!({"scopes": null}), json!({"scopes": []})] {
            let request: IssueTokenRequest = serde_json::from_value(body).unwrap();
            assert_eq!(request.token().unwrap_err().status(), 400);
        }
    }
}
