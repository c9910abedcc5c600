//! Health and reflection: what load balancers and generic clients ask.

use std::time::Duration;

use futures_util::StreamExt as _;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use tokio_stream::once;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_request::MessageRequest,
    server_reflection_response::MessageResponse,
};
use trunkline_chat::{CreateThread, Metadata, NewContent, RetentionPolicy};
use trunkline_node::{ChatActor, SendMessage};
use trunkline_policy::Scope;

use crate::scene::Scene;

const LIMIT: Duration = Duration::from_secs(30);

async fn check(scene: &Scene) -> ServingStatus {
    let mut client = HealthClient::new(scene.router.clone());
    client.check(HealthCheckRequest::default()).await.unwrap().into_inner().status()
}

fn status(told: Option<Result<HealthCheckResponse, tonic::Status>>) -> Option<ServingStatus> {
    told.map(|told| told.unwrap().status())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_lost_while_the_exchange_stops_and_whoever_watches_hears_it() {
    let scene = Scene::start().await;
    assert_eq!(check(&scene).await, ServingStatus::Serving);
    let mut client = HealthClient::new(scene.router.clone());
    let mut watch = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(status(watch.next().await), Some(ServingStatus::Serving));
    scene.node.shutdown().await;
    let told = tokio::time::timeout(LIMIT, watch.next()).await.unwrap();
    assert_eq!(status(told), Some(ServingStatus::NotServing));
    assert!(watch.next().await.is_none(), "nothing comes after the end");
    assert_eq!(check(&scene).await, ServingStatus::NotServing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_that_of_the_whole_server() {
    let scene = Scene::start().await;
    let mut client = HealthClient::new(scene.router.clone());
    let other = HealthCheckRequest { service: "trunkline.chat.v1.ChatService".to_owned() };
    let refused = client.check(other.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let mut watch = client.watch(other).await.unwrap().into_inner();
    assert_eq!(status(watch.next().await), Some(ServingStatus::ServiceUnknown));
    scene.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_lost_while_nothing_can_be_written() {
    let scene = Scene::start_with_room_for(2_000_000).await;
    let bob = scene.node.identity().resolve_target("bob").unwrap();
    let actor = ChatActor::new(bob, [Scope::Chat]);
    let thread = CreateThread {
        topic: "Everything".to_owned(),
        members: Vec::new(),
        metadata: Metadata::new(),
        retention: RetentionPolicy::None,
    };
    let thread = scene.node.chat().create_thread(&actor, thread, None).await.unwrap().thread.id;
    let mut sent = 0;
    loop {
        let message = SendMessage::new(NewContent::Text("x".repeat(20_000)));
        if scene.node.chat().send_message(&actor, &thread, message).await.is_err() {
            break;
        }
        sent += 1;
        assert!(sent < 1_000, "there is room for two megabytes");
    }
    assert_eq!(check(&scene).await, ServingStatus::NotServing);
    scene.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_lists_the_services_and_describes_them() {
    let scene = Scene::start().await;
    let ask = async |message| {
        let mut client = ServerReflectionClient::new(scene.router.clone());
        let request =
            ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        let mut answers = client.server_reflection_info(once(request)).await.unwrap().into_inner();
        answers.next().await.unwrap().unwrap().message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(listed) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list");
    };
    let names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    for package in
        ["admin", "calling", "chat", "events", "identity", "meetings", "presence", "rooms"]
    {
        let beginning = format!("trunkline.{package}.v1.");
        assert!(names.iter().any(|name| name.starts_with(&beginning)), "{package}: {names:?}");
    }
    assert!(names.iter().any(|name| name == "grpc.health.v1.Health"), "{names:?}");
    let symbol = "trunkline.meetings.v1.MeetingsService".to_owned();
    let MessageResponse::FileDescriptorResponse(described) =
        ask(MessageRequest::FileContainingSymbol(symbol)).await
    else {
        panic!("no description");
    };
    let file = FileDescriptorProto::decode(described.file_descriptor_proto[0].as_slice()).unwrap();
    let methods: Vec<_> = file.service[0].method.iter().map(|method| method.name()).collect();
    assert!(methods.contains(&"CreateMeeting"), "{methods:?}");
    scene.node.shutdown().await;
}
