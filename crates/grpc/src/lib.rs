//! The gRPC façade: identity, calling, signaling, health, reflection, and gRPC-web over all of it.

mod auth;
mod calling;
mod identity;
mod signaling;

use tonic::service::Routes;
use tonic_web::GrpcWebLayer;
use trunkline_api::calling::v1::calling_service_server::CallingServiceServer;
use trunkline_api::identity::v1::identity_service_server::IdentityServiceServer;
use trunkline_api::signaling::v1::signaling_service_server::SignalingServiceServer;
use trunkline_node::Node;

/// Builds the routes of all services, to be merged with the other routes of the port.
pub fn router(node: Node) -> axum::Router {
    let calling = calling::Calling { node: node.clone() };
    let identity = identity::Identity { node: node.clone() };
    let signaling = signaling::Signaling { node };
    let (health_reporter, health) = tonic_health::server::health_reporter();
    let mut routes = Routes::builder();
    routes
        .add_service(CallingServiceServer::new(calling).max_decoding_message_size(MESSAGE_LIMIT))
        .add_service(IdentityServiceServer::new(identity).max_decoding_message_size(SMALL_LIMIT))
        .add_service(
            SignalingServiceServer::new(signaling).max_decoding_message_size(MESSAGE_LIMIT),
        )
        .add_service(health);
    for reflection in reflection() {
        routes.add_service(reflection);
    }
    // The reporter says SERVING for the whole server from the start, and its handle keeps it so.
    drop(health_reporter);
    routes.routes().into_axum_router().layer(GrpcWebLayer::new())
}

fn reflection() -> impl IntoIterator<
    Item = tonic_reflection::server::v1::ServerReflectionServer<
        impl tonic_reflection::server::v1::ServerReflection,
    >,
> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(trunkline_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
}

/// As for a frame of the signaling stream: an offer with sixteen tiles is about 30 KiB.
const MESSAGE_LIMIT: usize = 256 * 1024;

/// Requests about users hold a name and a few numbers.
const SMALL_LIMIT: usize = 16 * 1024;
