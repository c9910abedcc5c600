//! `trunkline.presence.v1.PresenceService`.

use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use trunkline_api::convert;
use trunkline_api::presence::v1::presence_service_server::PresenceService;
use trunkline_ids::CommunicationIdentifier;
use trunkline_node::{Node, PresenceActor, PresenceFailure, PresenceWatch};
use trunkline_policy::Presence;
use trunkline_proto::presence::v1 as wire;

use crate::{auth, status};

/// Serves the presence of a node.
#[derive(Clone, Debug)]
pub(crate) struct PresenceShown {
    pub(crate) node: Node,
}

type Answer<T> = Result<Response<T>, Status>;
type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

impl PresenceShown {
    /// Returns who asks: a program by its access key, else the user of a token.
    async fn actor(&self, metadata: &MetadataMap) -> Result<PresenceActor, Status> {
        if auth::has_access_key(metadata) {
            auth::require_own_access_key(&self.node, metadata)?;
            return Ok(PresenceActor::Application);
        }
        auth::require_token(&self.node, metadata).await.map(PresenceActor::User)
    }

    /// Returns whom a request names. What names nobody is left out, like those who are not seen: the
    /// difference would tell who is in another directory.
    fn users(
        &self,
        actor: &PresenceActor,
        names: &[String],
    ) -> Result<Vec<CommunicationIdentifier>, Status> {
        self.node.presences().check_count(names.len()).map_err(status::presence)?;
        match actor {
            PresenceActor::User(claims) if names.is_empty() => Ok(vec![claims.identifier.clone()]),
            PresenceActor::Application if names.is_empty() => Err(status::malformed("users")),
            PresenceActor::Application | PresenceActor::User(_) => {
                let found = names.iter().map(|name| self.node.identity().resolve_target(name));
                Ok(found.filter_map(Result::ok).collect())
            }
        }
    }

    /// Returns whose presence a request sets: programs say it, users are it.
    fn user(&self, actor: &PresenceActor, name: &str) -> Result<CommunicationIdentifier, Status> {
        match actor {
            PresenceActor::User(claims) if name.is_empty() => Ok(claims.identifier.clone()),
            PresenceActor::User(claims) => match self.node.identity().resolve_target(name) {
                Ok(user) if user == claims.identifier => Ok(user),
                Ok(_) | Err(_) => Err(status::presence(PresenceFailure::NotOwn)),
            },
            PresenceActor::Application => {
                let found = self.node.identity().resolve_target(name);
                found.map_err(|_| status::malformed("user"))
            }
        }
    }
}

#[tonic::async_trait]
impl PresenceService for PresenceShown {
    type WatchPresencesStream = Events<wire::WatchPresencesResponse>;

    async fn get_presences(
        &self,
        request: Request<wire::GetPresencesRequest>,
    ) -> Answer<wire::GetPresencesResponse> {
        let actor = self.actor(request.metadata()).await?;
        let users = self.users(&actor, &request.get_ref().users)?;
        let presences = self.node.presences();
        let seen = users.iter().filter_map(|user| {
            let presence = presences.presence(&actor, user)?;
            Some(convert::presence::presence(user, presence))
        });
        Ok(Response::new(wire::GetPresencesResponse { presences: seen.collect() }))
    }

    async fn set_preferred_presence(
        &self,
        request: Request<wire::SetPreferredPresenceRequest>,
    ) -> Answer<wire::SetPreferredPresenceResponse> {
        let actor = self.actor(request.metadata()).await?;
        let request = request.into_inner();
        let user = self.user(&actor, &request.user)?;
        let availability = convert::presence::parse_availability(request.availability)
            .ok_or_else(|| status::malformed("availability"))?;
        let life = request
            .expires_in
            .map(Duration::try_from)
            .transpose()
            .map_err(|_| status::malformed("expires_in"))?;
        let preferred = Presence::preferred(availability);
        let shown = self.node.presences().prefer(&actor, &user, preferred, life).await;
        let presence = convert::presence::presence(&user, shown.map_err(status::presence)?);
        Ok(Response::new(wire::SetPreferredPresenceResponse { presence: Some(presence) }))
    }

    async fn clear_preferred_presence(
        &self,
        request: Request<wire::ClearPreferredPresenceRequest>,
    ) -> Answer<wire::ClearPreferredPresenceResponse> {
        let actor = self.actor(request.metadata()).await?;
        let user = self.user(&actor, &request.into_inner().user)?;
        let shown = self.node.presences().clear(&actor, &user).await.map_err(status::presence)?;
        let presence = convert::presence::presence(&user, shown);
        Ok(Response::new(wire::ClearPreferredPresenceResponse { presence: Some(presence) }))
    }

    async fn watch_presences(
        &self,
        request: Request<wire::WatchPresencesRequest>,
    ) -> Answer<Self::WatchPresencesStream> {
        let actor = self.actor(request.metadata()).await?;
        let users = self.users(&actor, &request.get_ref().users)?;
        let watch = self.node.presences().watch(actor, users).await.map_err(status::presence)?;
        Ok(Response::new(Box::pin(futures_util::stream::unfold(Some(watch), next))))
    }
}

/// Waits for the next presence; the stream ends after the first error.
async fn next(
    watch: Option<PresenceWatch>,
) -> Option<(Result<wire::WatchPresencesResponse, Status>, Option<PresenceWatch>)> {
    let mut watch = watch?;
    match watch.next().await {
        Ok((user, presence)) => {
            let presence = Some(convert::presence::presence(&user, presence));
            Some((Ok(wire::WatchPresencesResponse { presence }), Some(watch)))
        }
        Err(end) => Some((Err(status::presence_end(end)), None)),
    }
}
