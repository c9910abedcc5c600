//! An exchange in memory: tokens are names, the feed is a list.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::watch;
use trunkline_chat::ChatEvent;
use trunkline_clock::{Instant, Now, Timestamp};
use trunkline_ids::CommunicationIdentifier;
use trunkline_realtime::exchange::{Access, Exchange, Feed, FeedEnd, FeedItem, Refusal, Token};

#[derive(Debug)]
pub(crate) struct MemoryExchange {
    began: tokio::time::Instant,
    tokens: Arc<Mutex<BTreeMap<String, Result<Access, Refusal>>>>,
    log: Arc<Mutex<Vec<FeedItem>>>,
    /// How many items feeds have handed out.
    handed_out: Arc<AtomicUsize>,
    /// Counts what happened to the log and to tokens.
    changes: watch::Sender<u64>,
}

impl MemoryExchange {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: tokio::time::Instant::now(),
            tokens: Arc::default(),
            log: Arc::default(),
            handed_out: Arc::default(),
            changes: watch::channel(0).0,
        })
    }

    /// Makes a token good for a time.
    pub(crate) fn admit(&self, token: &str, user: &CommunicationIdentifier, life: Duration) {
        let access = Access { user: user.clone(), expires_on: self.now().wall + life };
        self.tokens.lock().unwrap().insert(token.to_owned(), Ok(access));
    }

    /// Makes a token good for calls alone.
    pub(crate) fn admit_to_calls(&self, token: &str) {
        self.tokens.lock().unwrap().insert(token.to_owned(), Err(Refusal::Forbidden));
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.tokens.lock().unwrap().remove(token);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Returns how many items feeds have handed out.
    pub(crate) fn handed_out(&self) -> usize {
        self.handed_out.load(Ordering::Relaxed)
    }

    /// Tells the recipients of an event.
    pub(crate) fn publish(&self, event: ChatEvent) {
        let head = self.head();
        let mut log = self.log();
        let position = event.kind.is_durable().then_some(head + 1);
        log.push(FeedItem { position, event: Arc::new(event) });
        self.changes.send_modify(|count| *count += 1);
    }
}

impl MemoryExchange {
    fn head(&self) -> u64 {
        self.log().iter().filter_map(|item| item.position).max().unwrap_or(0)
    }

    fn log(&self) -> MutexGuard<'_, Vec<FeedItem>> {
        self.log.lock().unwrap()
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
        let access = self.tokens.lock().unwrap().get(token).cloned();
        let now = self.now().wall;
        let access = access.unwrap_or(Err(Refusal::Unauthorized)).and_then(|access| {
            let is_good = now < access.expires_on;
            is_good.then_some(access).ok_or(Refusal::Unauthorized)
        });
        Box::pin(async move { access })
    }

    fn subscribe(
        &self,
        token: Token,
        from: Option<u64>,
    ) -> BoxFuture<'static, Result<Feed, Refusal>> {
        let Some(Ok(Access { user, .. })) =
            self.tokens.lock().unwrap().get(token.as_str()).cloned()
        else {
            return Box::pin(async { Err(Refusal::Unauthorized) });
        };
        let head = self.head();
        let position = from.unwrap_or(head);
        let index =
            self.log().iter().rposition(|item| item.position.is_some_and(|own| own <= position));
        let reader = Reader {
            tokens: Arc::clone(&self.tokens),
            log: Arc::clone(&self.log),
            handed_out: Arc::clone(&self.handed_out),
            changes: self.changes.subscribe(),
            user,
            token,
            index: index.map_or(0, |last| last + 1),
        };
        let items = stream::unfold(Some(reader), |reader| async {
            let mut reader = reader?;
            match reader.next().await {
                Ok(item) => Some((Ok(item), Some(reader))),
                Err(end) => Some((Err(end), None)),
            }
        });
        let feed = Feed { position, items: items.boxed() };
        Box::pin(async move { Ok(feed) })
    }
}

struct Reader {
    tokens: Arc<Mutex<BTreeMap<String, Result<Access, Refusal>>>>,
    log: Arc<Mutex<Vec<FeedItem>>>,
    handed_out: Arc<AtomicUsize>,
    changes: watch::Receiver<u64>,
    user: CommunicationIdentifier,
    token: Token,
    index: usize,
}

impl Reader {
    async fn next(&mut self) -> Result<FeedItem, FeedEnd> {
        loop {
            self.changes.mark_unchanged();
            if !self.tokens.lock().unwrap().contains_key(self.token.as_str()) {
                return Err(FeedEnd::Unauthorized);
            }
            while let Some(item) = self.log.lock().unwrap().get(self.index).cloned() {
                self.index += 1;
                if item.event.recipients.contains(&self.user) {
                    self.handed_out.fetch_add(1, Ordering::Relaxed);
                    return Ok(item);
                }
            }
            self.changes.changed().await.map_err(|_| FeedEnd::ShuttingDown)?;
        }
    }
}

fn started_at() -> i64 {
    static STARTED: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    *STARTED.get_or_init(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap()
    })
}
