//! The gRPC façade: identity, chat, calling, meetings, presence, rooms, administration, events,
//! signaling, health, reflection, and gRPC-web over all of it.

mod admin;
mod auth;
mod calling;
mod chat;
mod events;
mod health;
mod identity;
mod meetings;
mod page;
mod presence;
mod rooms;
mod signaling;
mod status;
mod unserved;
mod watched;

use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_web::GrpcWebLayer;
use trunkline_api::admin::v1::admin_service_server::AdminServiceServer;
use trunkline_api::calling::v1::calling_service_server::CallingServiceServer;
use trunkline_api::chat::v1::chat_service_server::ChatServiceServer;
use trunkline_api::events::v1::events_service_server::EventsServiceServer;
use trunkline_api::identity::v1::identity_service_server::IdentityServiceServer;
use trunkline_api::meetings::v1::meetings_service_server::MeetingsServiceServer;
use trunkline_api::presence::v1::presence_service_server::PresenceServiceServer;
use trunkline_api::rooms::v1::rooms_service_server::RoomsServiceServer;
use trunkline_api::signaling::v1::signaling_service_server::SignalingServiceServer;
use trunkline_node::Node;

pub use crate::unserved::{is_call, unimplemented};

/// Builds the routes of all services, to be merged with the other routes of the port. It has no
/// fallback: calls of what is no service are for the port to answer, with [`unimplemented()`].
pub fn router(node: Node) -> axum::Router {
    let admin = admin::Admin { node: node.clone() };
    let calling = calling::Calling { node: node.clone() };
    let chat = chat::Chat { node: node.clone() };
    let watching = chat.clone();
    let events = events::Events { node: node.clone() };
    let identity = identity::Identity { node: node.clone() };
    let meetings = meetings::Meetings { node: node.clone() };
    let presence = presence::PresenceShown { node: node.clone() };
    let rooms = rooms::Rooms { node: node.clone() };
    let health = HealthServer::new(health::NodeHealth { node: node.clone() });
    let signaling = signaling::Signaling { node };
    let mut routes = Routes::builder();
    routes
        .add_service(AdminServiceServer::new(admin).max_decoding_message_size(RECORD_LIMIT))
        .add_service(CallingServiceServer::new(calling).max_decoding_message_size(MESSAGE_LIMIT))
        .add_service(ChatServiceServer::new(chat).max_decoding_message_size(MEMBERS_LIMIT))
        .add_service(EventsServiceServer::new(events).max_decoding_message_size(SMALL_LIMIT))
        .add_service(IdentityServiceServer::new(identity).max_decoding_message_size(SMALL_LIMIT))
        .add_service(MeetingsServiceServer::new(meetings).max_decoding_message_size(MEMBERS_LIMIT))
        .add_service(PresenceServiceServer::new(presence).max_decoding_message_size(MESSAGE_LIMIT))
        .add_service(RoomsServiceServer::new(rooms).max_decoding_message_size(MEMBERS_LIMIT))
        .add_service(
            SignalingServiceServer::new(signaling).max_decoding_message_size(MESSAGE_LIMIT),
        )
        .add_service(health.max_decoding_message_size(SMALL_LIMIT));
    for reflection in reflection() {
        routes.add_service(reflection);
    }
    let router = routes.routes().into_axum_router().reset_fallback();
    chat::watch::route(router, watching).layer(GrpcWebLayer::new())
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

/// 350 participants of a room, or 200 new members of a thread with 1 KB of metadata each.
const MEMBERS_LIMIT: usize = 512 * 1024;

/// One record of an archive: at most a message that names 250 members.
const RECORD_LIMIT: usize = 1024 * 1024;

/// Requests about users hold a name and a few numbers.
const SMALL_LIMIT: usize = 16 * 1024;
