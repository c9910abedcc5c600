//! An exchange in memory: tokens are names, the feed is a list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::watch;
use trunkline_chat::ChatEvent;
use trunkline_clock::{Instant, Now, Timestamp};
use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::Scope;
use trunkline_realtime::exchange::{Access, Exchange, FeedItem, Refusal};

#[derive(Debug)]
pub(crate) struct MemoryExchange {
    began: tokio::time::Instant,
    tokens: Mutex<BTreeMap<String, Access>>,
    log: Arc<Mutex<Vec<FeedItem>>>,
    length: watch::Sender<usize>,
}

impl MemoryExchange {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: tokio::time::Instant::now(),
            tokens: Mutex::default(),
            log: Arc::default(),
            length: watch::channel(0).0,
        })
    }

    /// Makes a token good for a time.
    pub(crate) fn admit(&self, token: &str, user: &CommunicationIdentifier, life: Duration) {
        let access = Access {
            user: user.clone(),
            scopes: BTreeSet::from([Scope::Chat]),
            expires_on: self.now().wall + life,
        };
        self.tokens.lock().unwrap().insert(token.to_owned(), access);
    }

    /// Makes a token good for calls alone.
    pub(crate) fn admit_to_calls(&self, token: &str, user: &CommunicationIdentifier) {
        self.admit(token, user, Duration::from_secs(3_600));
        let mut tokens = self.tokens.lock().unwrap();
        tokens.get_mut(token).unwrap().scopes = BTreeSet::from([Scope::Voip]);
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.tokens.lock().unwrap().remove(token);
    }

    /// Tells the recipients of an event.
    pub(crate) fn publish(&self, event: ChatEvent) {
        let mut log = self.log.lock().unwrap();
        let position = event
            .kind
            .is_durable()
            .then(|| log.iter().filter_map(|i| i.position).max().unwrap_or(0) + 1);
        log.push(FeedItem { position, event: Arc::new(event) });
        self.length.send_replace(log.len());
    }
}

impl Exchange for MemoryExchange {
    fn now(&self) -> Now {
        let since = self.began.elapsed();
        Now {
            instant: Instant::ZERO + since,
            // The real day, so that clients with clocks of their own agree.
            wall: Timestamp::from_unix_seconds(started_at()) + since,
        }
    }

    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Access, Refusal>> {
        Box::pin(async move {
            let access = self.tokens.lock().unwrap().get(token).cloned();
            match access {
                Some(access) if access.expires_on <= self.now().wall => Err(Refusal::Unauthorized),
                Some(access) if access.scopes.contains(&Scope::Chat) => Ok(access),
                Some(_) => Err(Refusal::Forbidden),
                None => Err(Refusal::Unauthorized),
            }
        })
    }

    fn feed_head(&self) -> BoxFuture<'_, Result<u64, Refusal>> {
        let head = self.log.lock().unwrap().iter().filter_map(|item| item.position).max();
        Box::pin(async move { Ok(head.unwrap_or(0)) })
    }

    fn subscribe(&self, access: &Access, from: u64) -> BoxStream<'static, FeedItem> {
        let (log, length, user) =
            (Arc::clone(&self.log), self.length.subscribe(), access.user.clone());
        let first = log.lock().unwrap().iter().rposition(|i| i.position.is_some_and(|p| p <= from));
        let start = (log, length, user, first.map_or(0, |index| index + 1));
        stream::unfold(start, |(log, mut length, user, mut index)| async move {
            loop {
                length.wait_for(|length| *length > index).await.ok()?;
                let item = log.lock().unwrap()[index].clone();
                index += 1;
                if item.event.recipients.contains(&user) {
                    return Some((item, (log, length, user, index)));
                }
            }
        })
        .boxed()
    }
}

fn started_at() -> i64 {
    static STARTED: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    *STARTED.get_or_init(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap()
    })
}
