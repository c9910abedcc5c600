//! Attempts at real receivers over real sockets, well and badly behaved.

#[path = "delivery/receiver.rs"]
mod receiver;
#[path = "delivery/scene.rs"]
mod scene;

use std::{sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    time::{Instant, timeout},
};
use tokio_rustls::TlsAcceptor;
use trunkline_events::{
    AddressClass, DeadLetterReason, DeliveryProgress, EventId, GuardError, Handshake,
    HandshakeError, Jitter, Loopback, NextStep, OutboundError, OutboundLimits, Outcome,
    RetryPolicy, TlsFailure, TrustRoots, Unreachable, ValidateError, ValidationCode,
    ValidationEvent, WebhookOrigin,
    signature::{SignatureError, SignatureHeaders, Verifier},
};

use crate::{
    receiver::{Manner, Received, Receiver},
    scene::{Names, Scene, key, now, outbound, spare_root},
};

const LIMITS: OutboundLimits =
    OutboundLimits { deadline: Duration::from_secs(30), body_bytes: 1_024 };

#[tokio::test]
async fn a_notification_arrives_with_its_headers() {
    let (scene, receiver) = (Scene::new(), Receiver::start(status(200)).await);
    let outcome = scene.deliver_again(&receiver.url("127.0.0.1", "/hook?key=s3cret"), 3).await;
    assert_eq!(outcome, Outcome::Delivered { status: 200 });
    let [request] = &receiver.received()[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /hook?key=s3cret HTTP/1.1");
    assert_eq!(request.body, scene.notification.body());
    for (name, value) in [
        ("content-type", "application/json; charset=utf-8"),
        ("aeg-event-type", "Notification"),
        ("aeg-subscription-name", "hook-1"),
        ("aeg-delivery-count", "3"),
        ("aeg-data-version", "1.0"),
        ("aeg-metadata-version", "1"),
        ("webhook-id", &scene.notification.id().to_string()),
        ("webhook-timestamp", "1700000000"),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn a_receiver_verifies_the_signature_and_refuses_the_replay() {
    let (scene, receiver) = (Scene::new(), Receiver::start(status(202)).await);
    scene.deliver(&receiver.url("127.0.0.1", "/")).await;
    let request = receiver.received().remove(0);
    let mut verifier = Verifier::new([key()]);
    let mut check = |body: &[u8]| verifier.check(now(), signature(&request), body);
    assert_eq!(check(b"[]"), Err(SignatureError::Mismatch));
    assert_eq!(check(&request.body), Ok(()));
    assert_eq!(check(&request.body), Err(SignatureError::Replayed));
}

fn signature(request: &Received) -> SignatureHeaders<'_> {
    SignatureHeaders {
        id: request.header("webhook-id"),
        timestamp: request.header("webhook-timestamp"),
        signature: request.header("webhook-signature"),
    }
}

#[tokio::test]
async fn answers_decide_what_follows() {
    let scene = Scene::new();
    let after = |seconds| NextStep::RetryAt(now() + Duration::from_secs(seconds));
    let busy = Manner::Answer { status: 429, headers: &[("retry-after", "77")], body: "".into() };
    for (manner, expected) in [
        (status(200), NextStep::Done),
        (status(204), NextStep::Done),
        (status(205), after(10)),
        (status(400), NextStep::DeadLetter(DeadLetterReason::BadRequest)),
        (status(401), NextStep::DeadLetter(DeadLetterReason::Unauthorized)),
        (status(403), NextStep::DeadLetter(DeadLetterReason::Forbidden)),
        (status(404), NextStep::DeadLetter(DeadLetterReason::NotFound)),
        (status(413), NextStep::DeadLetter(DeadLetterReason::PayloadTooLarge)),
        (status(500), after(10)),
        (status(503), after(30)),
        (busy, after(77)),
        (Manner::HangUp, after(10)),
        (Manner::Talk, after(10)),
    ] {
        let receiver = Receiver::start(manner).await;
        let outcome = scene.deliver(&receiver.url("127.0.0.1", "/")).await;
        let mut progress = DeliveryProgress::new(now());
        let policy = RetryPolicy::default();
        let step = progress.handle_outcome(now(), &outcome, &policy, Jitter::NONE);
        assert_eq!(step, expected, "{outcome}");
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let answer = Manner::Answer { status: 200, headers: &[], body: "thanks".into() };
    let (scene, receiver) = (Scene::new(), Receiver::start(answer).await);
    for _ in 0..5 {
        assert!(scene.deliver(&receiver.url("127.0.0.1", "/")).await.is_delivered());
    }
    assert_eq!((receiver.received().len(), receiver.connections()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_ends_at_the_deadline() {
    let (scene, receiver) = (Scene::new(), Receiver::start(Manner::DripHead).await);
    let start = Instant::now();
    let outcome = scene.deliver(&receiver.url("127.0.0.1", "/")).await;
    assert_eq!(outcome, Outcome::TimedOut { after: Duration::from_secs(30) });
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_delivers_and_is_not_waited_for() {
    let (scene, receiver) = (Scene::new(), Receiver::start(Manner::DripBody).await);
    let start = Instant::now();
    let outcome = scene.deliver(&receiver.url("127.0.0.1", "/")).await;
    assert_eq!(outcome, Outcome::Delivered { status: 200 });
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_drips_holds_nobody_else_up() {
    let (scene, slow) = (Scene::new(), Receiver::start(Manner::DripHead).await);
    let fast = Receiver::start(status(200)).await;
    let (slow_url, fast_url) = (slow.url("127.0.0.1", "/"), fast.url("127.0.0.1", "/"));
    let start = Instant::now();
    let held = async {
        let attempts = (0..20).map(|_| scene.deliver(&slow_url)).collect::<Vec<_>>();
        let mut most = 0;
        for attempt in join_all(attempts).await {
            assert_eq!(attempt, Outcome::TimedOut { after: Duration::from_secs(30) });
            most += 1;
        }
        (most, start.elapsed())
    };
    let quick = async {
        for _ in 0..100 {
            assert!(scene.deliver(&fast_url).await.is_delivered());
        }
        start.elapsed()
    };
    let ((slow_count, slow_time), fast_time) = tokio::join!(held, quick);
    assert!(fast_time < Duration::from_secs(1), "{fast_time:?}");
    // Eight at once, thirty seconds each: twenty take three rounds.
    assert_eq!((slow_count, slow_time.as_secs()), (20, 90));
}

/// Drives futures side by side within one task.
async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_notification_does_not_follow_a_redirect() {
    let scene = Scene::new();
    let target = Receiver::start(status(200)).await;
    let location = target.url("127.0.0.1", "/");
    let receiver = Receiver::start(Manner::Redirect { location }).await;
    let outcome = scene.deliver(&receiver.url("127.0.0.1", "/")).await;
    assert_eq!(outcome, Outcome::Redirected { status: 307 });
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let outbound =
        outbound(Loopback::Allowed, Arc::new(Names::default()), TrustRoots::Pem(spare_root()));
    for (location, class) in [
        ("http://10.0.0.1/", AddressClass::Private),
        ("https://192.168.1.1/", AddressClass::Private),
        ("http://169.254.169.254/latest/meta-data/", AddressClass::Metadata),
        ("https://[::ffff:127.0.0.1]/", AddressClass::Ipv4Within),
    ] {
        let receiver = Receiver::start(Manner::Redirect { location: location.to_owned() }).await;
        let endpoint = receiver.url("127.0.0.1", "/").parse().unwrap();
        let answer = outbound.get(&endpoint, LIMITS).await;
        let refused = OutboundError::Refused(GuardError::Address { class });
        assert_eq!(answer.unwrap_err(), refused, "{location}");
    }
}

#[tokio::test]
async fn a_document_is_got_through_three_redirects_and_no_more() {
    let outbound =
        outbound(Loopback::Allowed, Arc::new(Names::default()), TrustRoots::Pem(spare_root()));
    let body = Manner::Answer { status: 200, headers: &[], body: "keys".into() };
    let mut chain = vec![Receiver::start(body).await];
    for _ in 0..4 {
        let location = chain.last().unwrap().url("127.0.0.1", "/");
        chain.push(Receiver::start(Manner::Redirect { location }).await);
    }
    let answer = outbound.get(&chain[3].url("127.0.0.1", "/").parse().unwrap(), LIMITS).await;
    assert_eq!(answer.unwrap().body, b"keys");
    let answer = outbound.get(&chain[4].url("127.0.0.1", "/").parse().unwrap(), LIMITS).await;
    assert_eq!(answer.unwrap_err(), OutboundError::TooManyRedirects { limit: 3 });
}

#[tokio::test]
async fn a_document_that_is_too_long_is_not_read_to_its_end() {
    let outbound =
        outbound(Loopback::Allowed, Arc::new(Names::default()), TrustRoots::Pem(spare_root()));
    let long = Manner::Answer { status: 200, headers: &[], body: "x".repeat(1_025) };
    let receiver = Receiver::start(long).await;
    let answer = outbound.get(&receiver.url("127.0.0.1", "/").parse().unwrap(), LIMITS).await;
    assert_eq!(answer.unwrap_err(), OutboundError::TooLong { limit_bytes: 1_024 });
}

#[tokio::test]
async fn a_production_exchange_does_not_reach_this_machine() {
    let receiver = Receiver::start(status(200)).await;
    let names = Names::of("rebound.example", &[&["127.0.0.1"]]);
    let scene = Scene::with(Loopback::Refused, names, TrustRoots::Pem(spare_root()));
    let class = AddressClass::Loopback;
    let port = receiver.port();
    for host in ["127.0.0.1", "[::1]", "localhost", "localhost.", "a.localhost"] {
        let outcome = scene.deliver(&format!("https://{host}:{port}/")).await;
        assert_eq!(outcome, Outcome::Refused(GuardError::Address { class }), "{host}");
    }
    let outcome = scene.deliver(&format!("https://rebound.example:{port}/")).await;
    assert_eq!(outcome, Outcome::Refused(GuardError::ResolvedAddress { class }));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn one_private_address_among_public_ones_spoils_the_name() {
    let names = Names::of("mixed.example", &[&["93.184.215.14", "10.0.0.1"]]);
    let scene = Scene::with(Loopback::Allowed, names, TrustRoots::Pem(spare_root()));
    let outcome = scene.deliver("https://mixed.example/").await;
    let class = AddressClass::Private;
    assert_eq!(outcome, Outcome::Refused(GuardError::ResolvedAddress { class }));
}

#[tokio::test]
async fn a_connection_goes_to_the_address_that_was_judged() {
    let (acceptor, root) = certificate_for("switch.example");
    let receiver = Receiver::with_tls(status(200), acceptor).await;
    // The second answer would be refused, and nobody asks for it.
    let names = Names::of("switch.example", &[&["127.0.0.1"], &["10.0.0.1"]]);
    let scene = Scene::with(Loopback::Allowed, names, TrustRoots::Pem(root));
    let outcome = scene.deliver(&receiver.url("switch.example", "/")).await;
    assert_eq!(outcome, Outcome::Delivered { status: 200 });
    assert_eq!(
        receiver.received()[0].header("host"),
        format!("switch.example:{}", receiver.port())
    );
}

#[tokio::test]
async fn failures_of_tls_are_told_apart() {
    let (acceptor, root) = certificate_for("right.example");
    let receiver = Receiver::with_tls(status(200), acceptor).await;
    let deliver = async |name: &str, root: &[u8]| {
        let names = Names::of(name, &[&["127.0.0.1"]]);
        let scene = Scene::with(Loopback::Allowed, names, TrustRoots::Pem(root.to_vec()));
        scene.deliver(&receiver.url(name, "/")).await
    };
    let tls = |failure| Outcome::Unreachable(Unreachable::Tls(failure));
    assert_eq!(deliver("right.example", &root).await, Outcome::Delivered { status: 200 });
    assert_eq!(deliver("wrong.example", &root).await, tls(TlsFailure::CertificateName));
    let stranger = deliver("right.example", &spare_root()).await;
    assert_eq!(stranger, tls(TlsFailure::CertificateUnknownIssuer));

    let plain = Receiver::start(Manner::Talk).await;
    let names = Names::of("plain.example", &[&["127.0.0.1"]]);
    let scene = Scene::with(Loopback::Allowed, names, TrustRoots::Pem(root.clone()));
    let outcome = scene.deliver(&format!("https://plain.example:{}/", plain.port())).await;
    assert_eq!(outcome, tls(TlsFailure::Handshake));

    let (acceptor, root) = certificate_until("old.example", 2_000);
    let receiver = Receiver::with_tls(status(200), acceptor).await;
    let names = Names::of("old.example", &[&["127.0.0.1"]]);
    let scene = Scene::with(Loopback::Allowed, names, TrustRoots::Pem(root));
    let outcome = scene.deliver(&receiver.url("old.example", "/")).await;
    assert_eq!(outcome, tls(TlsFailure::CertificateExpired));
}

#[tokio::test]
async fn names_and_ports_where_nobody_is_are_told_apart() {
    let scene = Scene::new();
    let outcome = scene.deliver("https://nobody.example/").await;
    assert_eq!(outcome, Outcome::Unreachable(Unreachable::Name));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let outcome = scene.deliver(&format!("http://127.0.0.1:{free}/")).await;
    assert_eq!(outcome, Outcome::Unreachable(Unreachable::Connect));
}

#[tokio::test]
async fn the_event_grid_handshake_wants_its_code_back() {
    let scene = Scene::new();
    let topic = "/subscriptions/s".parse().unwrap();
    let event = ValidationEvent {
        id: EventId::from_uuid_bytes([1; 16]),
        topic: &topic,
        time: now(),
        code: ValidationCode::from_random([2; 16]),
        validation_url: None,
    };
    let validate = async |receiver: &Receiver| {
        let endpoint = receiver.url("127.0.0.1", "/hook").parse().unwrap();
        scene.deliverer.validate_event_grid(&endpoint, &scene.name, &event).await
    };
    let willing = Receiver::start(Manner::Validate).await;
    assert_eq!(validate(&willing).await, Ok(Handshake::Validated { rate: None }));
    let request = willing.received().remove(0);
    assert_eq!(request.line, "POST /hook HTTP/1.1");
    assert_eq!(request.header("aeg-event-type"), "SubscriptionValidation");
    assert_eq!(request.header("aeg-subscription-name"), "hook-1");
    let unaware = Receiver::start(status(200)).await;
    let no_code = Err(ValidateError::Answer(HandshakeError::NoCode));
    assert_eq!(validate(&unaware).await, no_code);
    let verbose = Manner::Answer { status: 200, headers: &[], body: " ".repeat(16 * 1_024 + 1) };
    let too_long = OutboundError::TooLong { limit_bytes: 16 * 1_024 };
    let answer = validate(&Receiver::start(verbose).await).await;
    assert_eq!(answer, Err(ValidateError::Outbound(too_long)));
}

#[tokio::test]
async fn the_cloud_events_handshake_asks_with_options() {
    let scene = Scene::new();
    let origin = WebhookOrigin::default();
    let validate = async |receiver: &Receiver| {
        let endpoint = receiver.url("127.0.0.1", "/hook").parse().unwrap();
        scene.deliverer.validate_cloud_events(&endpoint, &origin).await
    };
    let willing = Receiver::start(Manner::Answer {
        status: 200,
        headers: &[("WebHook-Allowed-Origin", "eventgrid.azure.net")],
        body: String::new(),
    })
    .await;
    assert_eq!(validate(&willing).await, Ok(Handshake::Validated { rate: None }));
    let request = willing.received().remove(0);
    assert_eq!(request.line, "OPTIONS /hook HTTP/1.1");
    assert_eq!(request.header("webhook-request-origin"), "eventgrid.azure.net");
    let unaware = Receiver::start(status(200)).await;
    let refused = Err(ValidateError::Answer(HandshakeError::NoAllowedOrigin));
    assert_eq!(validate(&unaware).await, refused);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_ends_at_the_deadline() {
    let (scene, slow) = (Scene::new(), Receiver::start(Manner::DripBody).await);
    let topic = "/subscriptions/s".parse().unwrap();
    let event = ValidationEvent {
        id: EventId::from_uuid_bytes([1; 16]),
        topic: &topic,
        time: now(),
        code: ValidationCode::from_random([2; 16]),
        validation_url: None,
    };
    let endpoint = slow.url("127.0.0.1", "/").parse().unwrap();
    let validating = scene.deliverer.validate_event_grid(&endpoint, &scene.name, &event);
    let answer = timeout(Duration::from_secs(31), validating).await.unwrap();
    let timed_out = OutboundError::TimedOut { after: Duration::from_secs(30) };
    assert_eq!(answer, Err(ValidateError::Outbound(timed_out)));
}

fn status(status: u16) -> Manner {
    Manner::Answer { status, headers: &[], body: String::new() }
}

/// Returns a TLS server for a name, and the root that vouches for it, in PEM.
fn certificate_for(name: &str) -> (TlsAcceptor, Vec<u8>) {
    certificate_until(name, 4_096)
}

fn certificate_until(name: &str, year: i32) -> (TlsAcceptor, Vec<u8>) {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(root, root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), root_pem.into_bytes())
}
