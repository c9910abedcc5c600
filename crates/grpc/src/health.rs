//! Health of the whole server: `grpc.health.v1`.

use std::pin::Pin;

use futures_util::stream;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use trunkline_node::{Health, Node};

/// Says whether the node does its work.
#[derive(Clone, Debug)]
pub(crate) struct NodeHealth {
    pub(crate) node: Node,
}

type Answers = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static>>;

#[tonic::async_trait]
impl health_server::Health for NodeHealth {
    type WatchStream = Answers;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match request.get_ref().service.is_empty() {
            true => Ok(Response::new(answer(status_of(self.node.health().await)))),
            false => Err(Status::not_found("the health of the whole server is told, by no name")),
        }
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Answers>, Status> {
        if !request.get_ref().service.is_empty() {
            let unknown = stream::iter([Ok(answer(ServingStatus::ServiceUnknown))]);
            return Ok(Response::new(Box::pin(unknown)));
        }
        let told = stream::unfold((self.node.clone(), None), async |(node, known)| {
            let health = match known {
                None => node.health().await,
                // What stops does nothing else any more.
                Some(Health::Stopping) => return None,
                Some(known) => node.health_other_than(known).await,
            };
            Some((Ok(answer(status_of(health))), (node, Some(health))))
        });
        Ok(Response::new(Box::pin(told)))
    }
}

fn status_of(health: Health) -> ServingStatus {
    match health {
        Health::Serving => ServingStatus::Serving,
        Health::Stopping | Health::WritesSuspended => ServingStatus::NotServing,
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
