//! `trunkline.identity.v1.IdentityService`.

use std::collections::BTreeSet;
use std::time::Duration;

use tonic::{Request, Response, Status};
use trunkline_api::convert;
use trunkline_api::identity::v1::identity_service_server::IdentityService;
use trunkline_node::{AccessToken, Node, TokenRequest, User};
use trunkline_policy::Scope;
use trunkline_proto::identity::v1 as wire;
use trunkline_storage::UserPosition;

use crate::page::{self, Wanted};
use crate::{auth, status};

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
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let scopes = scopes(&request.scopes)?;
        let life = life(request.expires_in)?;
        let identity = self.node.identity();
        let now = self.node.clock().wall();
        let user = identity.create_user(&resource, now).await.map_err(status::identity)?;
        let access_token = match scopes.is_empty() {
            true => None,
            false => {
                let raw_id = user.identifier.to_string();
                let request = TokenRequest { scopes: &scopes, life };
                let issued = identity.issue_token(&resource, &raw_id, request, now).await;
                Some(issued.map_err(status::identity)?.1)
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
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let scopes = scopes(&request.scopes)?;
        let life = life(request.expires_in)?;
        let now = self.node.clock().wall();
        let wanted = TokenRequest { scopes: &scopes, life };
        let identity = self.node.identity();
        let issued = identity.issue_token(&resource, &request.user, wanted, now).await;
        let (user, token) = issued.map_err(status::identity)?;
        Ok(Response::new(wire::IssueTokenResponse {
            user: Some(wire_user(&user)),
            access_token: Some(wire_token(token)),
        }))
    }

    async fn revoke_tokens(
        &self,
        request: Request<wire::RevokeTokensRequest>,
    ) -> Result<Response<wire::RevokeTokensResponse>, Status> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let user = request.into_inner().user;
        self.node.revoke_tokens(&resource, &user).await.map_err(status::identity)?;
        Ok(Response::new(wire::RevokeTokensResponse {}))
    }

    async fn list_users(
        &self,
        request: Request<wire::ListUsersRequest>,
    ) -> Result<Response<wire::ListUsersResponse>, Status> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let Wanted { after, limit } = page::wanted(request.page_size, &request.page_token)?;
        let limit = limit.min(USER_LIMIT);
        let identity = self.node.identity();
        let directory = match after.is_none() && resource == *identity.resource() {
            true => identity.directory_users(),
            false => Vec::new(),
        };
        let after = page::place(after)?.map(UserPosition);
        let listed = identity.app_users(&resource, after, limit + 1).await;
        let mut app_users = listed.map_err(status::identity)?;
        let has_more = app_users.len() > limit;
        app_users.truncate(limit);
        let next_page_token = match app_users.last() {
            Some((UserPosition(place), _)) if has_more => place.to_string(),
            Some(_) | None => String::new(),
        };
        let users = directory.iter().chain(app_users.iter().map(|(_, user)| user));
        let users = users.map(wire_user).collect();
        Ok(Response::new(wire::ListUsersResponse { users, next_page_token }))
    }

    async fn delete_user(
        &self,
        request: Request<wire::DeleteUserRequest>,
    ) -> Result<Response<wire::DeleteUserResponse>, Status> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let user = request.into_inner().user;
        self.node.delete_user(&resource, &user).await.map_err(status::identity)?;
        Ok(Response::new(wire::DeleteUserResponse {}))
    }
}

fn scopes(wire: &[i32]) -> Result<BTreeSet<Scope>, Status> {
    wire.iter()
        .map(|scope| match wire::TokenScope::try_from(*scope) {
            Ok(wire::TokenScope::Chat) => Ok(Scope::Chat),
            Ok(wire::TokenScope::ChatJoin) => Ok(Scope::ChatJoin),
            Ok(wire::TokenScope::ChatJoinLimited) => Ok(Scope::ChatJoinLimited),
            Ok(wire::TokenScope::Voip) => Ok(Scope::Voip),
            Ok(wire::TokenScope::VoipJoin) => Ok(Scope::VoipJoin),
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

/// App users in one answer.
const USER_LIMIT: usize = 1_000;
