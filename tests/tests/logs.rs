//! What a whole exchange logs at its most talkative: neither keys nor tokens, and nothing that people
//! wrote.
//!
//! One test, because the log is the process's. Everything in it counts, whoever logged it: the
//! libraries of the clients below included.

#[path = "logs/meetings.rs"]
mod meetings;
#[path = "logs/scene.rs"]
mod scene;

use std::sync::{Arc, Mutex};
use std::{fmt::Write as _, io};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;
use trunkline_cli::logging::{self, Colors};

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_tokens_and_what_people_wrote_are_logged_at_no_level() {
    let log = Log::default();
    logging::log("trace", log.clone(), Colors::Off).unwrap().init();
    let mut scene = Scene::start().await;
    scene.use_rest().await;
    scene.use_grpc().await;
    scene.use_meetings().await;
    scene.use_realtime().await;
    scene.use_webhooks().await;
    let secrets = scene.stop().await;
    let text = log.text();
    // The log is one: it has lines of each part at its most talkative.
    for part in ["TRACE", "trunkline_realtime", "trunkline_events", "hyper"] {
        assert!(text.contains(part), "no {part} in {} bytes of log", text.len());
    }
    let mut found = String::new();
    for (what, secret) in &secrets {
        assert!(secret.len() >= 6, "{what} is too short to be looked for");
        if let Some(line) = text.lines().find(|line| has(line, secret)) {
            let at = line.find(secret).unwrap();
            let before = line.get(..at.min(300)).unwrap_or_default();
            writeln!(found, "{what} after: {before}").unwrap();
        }
    }
    assert!(found.is_empty(), "of {} secrets:\n{found}", secrets.len());
}

/// Says whether a line has a secret: a short one as a word of its own, since six characters stand
/// somewhere in any long token.
fn has(line: &str, secret: &str) -> bool {
    let is_part = |around: Option<char>| around.is_some_and(|c| c.is_ascii_alphanumeric());
    line.match_indices(secret).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + secret.len()..]);
        let is_word = !is_part(before.chars().next_back()) && !is_part(after.chars().next());
        secret.len() >= 12 || is_word
    })
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
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
