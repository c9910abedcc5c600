//! `trunkline.identity.v1.IdentityService`.

use std::collections::BTreeSet;
use std::time::Duration;

use tonic::{Request, Response, Status};
use trunkline_api::convert;
use trunkline_api::identity::v1::identity_service_server::IdentityService;
use trunkline_node::{AccessToken, IdentityError, Node, TokenScope, User};
use trunkline_proto::identity::v1 as wire;

use crate::auth;

/// Serves the identity of a node.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) node: Node,
}

#[tonic::async_trait]
impl IdentityService for Identity {
    async fn create_user(
        &self,
        request: Request<wire::CreateUserRequest>,
    ) -> Result<Response<wire::CreateUserResponse>, Status> {
        auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let scopes = scopes(&request.scopes)?;
        let life = life(request.expires_in)?;
        let identity = self.node.identity();
        let now = self.node.clock().wall();
        let user = identity.create_user(now).map_err(status)?;
        let access_token = match scopes.is_empty() {
            true => None,
            false => {
                let raw_id = user.identifier.to_string();
                Some(identity.issue_token(&raw_id, &scopes, life, now).map_err(status)?.1)
            }
        };
        Ok(Response::new(wire::CreateUserResponse {
            user: Some(wire_user(&user)),
            access_token: access_token.map(wire_token),
        }))
    }

    async fn issue_token(
        &self,
        request: Request<wire::IssueTokenRequest>,
    ) -> Result<Response<wire::IssueTokenResponse>, Status> {
        auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let scopes = scopes(&request.scopes)?;
        let life = life(request.expires_in)?;
        let now = self.node.clock().wall();
        let (user, token) =
            self.node.identity().issue_token(&request.user, &scopes, life, now).map_err(status)?;
        Ok(Response::new(wire::IssueTokenResponse {
            user: Some(wire_user(&user)),
            access_token: Some(wire_token(token)),
        }))
    }

    async fn revoke_tokens(
        &self,
        request: Request<wire::RevokeTokensRequest>,
    ) -> Result<Response<wire::RevokeTokensResponse>, Status> {
        auth::require_access_key(&self.node, request.metadata())?;
        self.node.revoke_tokens(&request.into_inner().user).map_err(status)?;
        Ok(Response::new(wire::RevokeTokensResponse {}))
    }

    async fn list_users(
        &self,
        request: Request<wire::ListUsersRequest>,
    ) -> Result<Response<wire::ListUsersResponse>, Status> {
        auth::require_access_key(&self.node, request.metadata())?;
        let users = self.node.identity().users().iter().map(wire_user).collect();
        Ok(Response::new(wire::ListUsersResponse { users }))
    }
}

fn scopes(wire: &[i32]) -> Result<BTreeSet<TokenScope>, Status> {
    wire.iter()
        .map(|scope| match wire::TokenScope::try_from(*scope) {
            Ok(wire::TokenScope::Chat) => Ok(TokenScope::Chat),
            Ok(wire::TokenScope::ChatJoin) => Ok(TokenScope::ChatJoin),
            Ok(wire::TokenScope::ChatJoinLimited) => Ok(TokenScope::ChatJoinLimited),
            Ok(wire::TokenScope::Voip) => Ok(TokenScope::Voip),
            Ok(wire::TokenScope::VoipJoin) => Ok(TokenScope::VoipJoin),
            Ok(wire::TokenScope::Unspecified) | Err(_) => {
                Err(Status::invalid_argument(format!("{scope} is not a token scope")))
            }
        })
        .collect()
}

fn life(wire: Option<prost_types::Duration>) -> Result<Option<Duration>, Status> {
    wire.map(Duration::try_from)
        .transpose()
        .map_err(|_| Status::invalid_argument("a token's life is not negative"))
}

fn wire_user(user: &User) -> wire::User {
    wire::User {
        identifier: Some(convert::identifier(&user.identifier)),
        display_name: user.display_name.as_ref().map(ToString::to_string).unwrap_or_default(),
        alias: user.alias.clone().unwrap_or_default(),
        created_at: Some(convert::timestamp(user.created_at)),
    }
}

fn wire_token(token: AccessToken) -> wire::AccessToken {
    wire::AccessToken { expires_on: Some(convert::timestamp(token.expires_on)), token: token.token }
}

fn status(error: IdentityError) -> Status {
    match error {
        IdentityError::NoScopes | IdentityError::LifeOutOfRange { .. } => {
            Status::invalid_argument(error.to_string())
        }
        IdentityError::TooManyUsers { .. } => Status::resource_exhausted(error.to_string()),
        IdentityError::UnknownUser => Status::not_found(error.to_string()),
        IdentityError::Store(source) => {
            tracing::error!(error = %source, "cannot keep the identity state");
            Status::unavailable("the exchange could not keep the change; nothing was changed")
        }
        IdentityError::Signing(source) => {
            tracing::error!(error = %source, "cannot sign tokens");
            Status::internal("the exchange cannot sign tokens")
        }
    }
}
