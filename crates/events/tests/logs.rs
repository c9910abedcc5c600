//! What the log says of an attempt, at its most talkative: never a secret.

#[path = "delivery/receiver.rs"]
#[expect(dead_code, reason = "this test needs one manner of many")]
mod receiver;
#[path = "delivery/scene.rs"]
#[expect(dead_code, reason = "this test needs no names")]
mod scene;

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use crate::{
    receiver::{Manner, Receiver},
    scene::{Scene, key},
};

#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    let log = Log::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).init();
    let scene = Scene::new();
    let answer = |status| Manner::Answer { status, headers: &[], body: "answer-body".to_owned() };
    for manner in [answer(200), answer(500), Manner::HangUp, Manner::Talk] {
        let receiver = Receiver::start(manner).await;
        scene.deliver(&receiver.url("127.0.0.1", "/path-s3cret?sig=query-s3cret")).await;
    }
    scene.deliver("https://nobody.example/path-s3cret?sig=query-s3cret").await;
    scene.deliver("https://10.0.0.1/path-s3cret?sig=query-s3cret").await;
    let text = log.text();
    let attempts = text.matches("attempted").count();
    assert_eq!(attempts, 6, "{text}");
    let key = key().expose();
    let signature = scene.keys.sign(
        &scene.notification.id().to_string(),
        scene::now(),
        scene.notification.body(),
    );
    let secrets = ["s3cret", "query", "alice", "answer-body", &key["whsec_".len()..], &signature];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in the log");
    }
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
