//! What the ports answer to requests for what nobody serves, over each version of HTTP.

use reqwest::{Certificate, Client, ClientBuilder, Response, Version};
use serde_json::Value;
use tonic::Code;
use tonic::transport::{Channel, ClientTlsConfig};
use trunkline_api::identity::v1::identity_service_client::IdentityServiceClient;
use trunkline_cli::{Exchange, ExchangeConfig};
use trunkline_proto::identity::v1::CreateUserRequest;

/// A way to reach a port.
struct Way {
    name: &'static str,
    client: Client,
    origin: String,
    version: Version,
}

async fn exchange() -> Exchange {
    let free = "127.0.0.1:0".parse().unwrap();
    let config = ExchangeConfig {
        listen: free,
        admin_listen: free,
        http_listen: Some(free),
        data_directory: None,
        ..ExchangeConfig::dev()
    };
    Exchange::start(config).await.unwrap()
}

fn ways(exchange: &Exchange) -> [Way; 4] {
    let (_, ca) = exchange.ca().unwrap();
    let root = Certificate::from_pem(ca.as_bytes()).unwrap();
    let build = |set: fn(ClientBuilder) -> ClientBuilder| {
        let client = Client::builder().tls_certs_only([root.clone()]).no_proxy();
        set(client).build().unwrap()
    };
    let (first, second): (fn(_) -> _, fn(_) -> _) =
        (ClientBuilder::http1_only, ClientBuilder::http2_prior_knowledge);
    let clear = format!("http://{}", exchange.http_address().unwrap());
    let way = |name, set, origin: &str, version| Way {
        name,
        client: build(set),
        origin: origin.to_owned(),
        version,
    };
    [
        way("HTTP/1.1 over TLS", first, &exchange.url(), Version::HTTP_11),
        way("HTTP/2 over TLS", second, &exchange.url(), Version::HTTP_2),
        way("HTTP/1.1 in the clear", first, &clear, Version::HTTP_11),
        way("HTTP/2 in the clear", second, &clear, Version::HTTP_2),
    ]
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_serves_is_not_found_in_the_error_envelope() {
    let exchange = exchange().await;
    for Way { name, client, origin, version } in ways(&exchange) {
        for path in [
            "/sms?api-version=2021-03-07",
            "/emails:send",
            "/messages/notifications:send",
            "/access/entra/:exchangeAccessToken?api-version=2025-03-02-preview",
            "/chats/threads",
            "/trunkline.chat.v1",
        ] {
            for with_body in [true, false] {
                let url = format!("{origin}{path}");
                let request = match with_body {
                    true => client.post(url).header("content-type", "application/json").body("{}"),
                    false => client.get(url),
                };
                let request = request
                    .header("x-ms-client-request-id", "7264a44e")
                    .header("origin", "https://app.example");
                let response = request.send().await.unwrap();
                assert_eq!((response.status().as_u16(), response.version()), (404, version));
                assert_eq!(header(&response, "content-type"), "application/json; charset=utf-8");
                assert_eq!(header(&response, "x-ms-error-code"), "NotFound", "{name} {path}");
                assert_eq!(header(&response, "x-ms-client-request-id"), "7264a44e");
                assert!(header(&response, "ms-cv").ends_with(".0"), "{name} {path}");
                assert_eq!(
                    header(&response, "access-control-allow-origin"),
                    "https://app.example",
                    "pages read it, too"
                );
                let body: Value = response.json().await.unwrap();
                assert_eq!(body["error"]["code"], "NotFound", "{name} {path}");
                assert!(body["error"]["message"].is_string(), "{body}");
            }
        }
    }
    exchange.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_unknown_services_are_unimplemented() {
    let exchange = exchange().await;
    let call = [0_u8; 5];
    for Way { name, client, origin, version } in ways(&exchange) {
        for (sent, answered) in [
            ("application/grpc", "application/grpc"),
            ("application/grpc+proto", "application/grpc"),
            ("application/grpc-web+proto", "application/grpc-web+proto"),
            ("application/grpc-web-text", "application/grpc-web-text+proto"),
        ] {
            let url = format!("{origin}/trunkline.none.v1.NoneService/None");
            let request = client.post(url).header("content-type", sent).body(call.to_vec());
            let response = request.header("accept", sent).send().await.unwrap();
            assert_eq!((response.status().as_u16(), response.version()), (200, version), "{name}");
            assert_eq!(header(&response, "content-type"), answered, "{name}");
            assert_eq!(header(&response, "grpc-status"), "12", "{name} {sent}");
        }
    }
    exchange.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_service_learns_which_methods_are_not_there() {
    let exchange = exchange().await;
    let (_, ca) = exchange.ca().unwrap();
    let tls = ClientTlsConfig::new().ca_certificate(tonic::transport::Certificate::from_pem(ca));
    let channel = Channel::from_shared(exchange.url()).unwrap().tls_config(tls).unwrap();
    let channel = channel.connect().await.unwrap();
    for path in ["/trunkline.none.v1.NoneService/None", "/trunkline.chat.v1.ChatService/None"] {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<CreateUserRequest, CreateUserRequest>::default();
        let request = tonic::Request::new(CreateUserRequest::default());
        let refused = client.unary(request, path.parse().unwrap(), codec).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented, "{path}");
    }
    // What is there answers for itself.
    let mut service = IdentityServiceClient::new(channel);
    let refused = service.create_user(CreateUserRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let web = &ways(&exchange)[0];
    let url = format!("{}/trunkline.identity.v1.IdentityService/CreateUser", web.origin);
    let request = web.client.post(url).header("content-type", "application/grpc-web+proto");
    let response = request.body(vec![0; 5]).send().await.unwrap();
    assert_eq!(header(&response, "grpc-status"), "16");
    exchange.shutdown().await.unwrap();
}
