//! Measures what group commit is worth on a disk: durable messages of one writer, and of many at once.
//!
//! Every writer has a thread of chat of its own and does what the exchange does with a message: the
//! machine of the thread takes it, the store commits what comes out, and the next one follows when
//! that lasts. One writer pays for a flush with every message. The aim is twenty times its messages
//! where a flush takes a millisecond or more.
//!
//! Nothing is sent anywhere: `chat_e2e` measures that.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;
use trunkline_benches::{disk::time_of_a_flush, percentile};
use trunkline_chat::{
    Command, CreateThread, Limits, Metadata, NewContent, NewMember, Output, Thread,
};
use trunkline_clock::VirtualClock;
use trunkline_ids::CommunicationIdentifier;
use trunkline_storage::{ChatStore, ChatUnit, SealingKey, SqliteOptions, SqliteStore};

/// Measures durable messages of one writer and of many: rate, commits, times.
#[derive(Debug, Parser)]
struct Options {
    /// Where the store is made, and removed afterwards; where temporary files go when absent.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// How many write at once, after one alone; may be repeated.
    #[arg(long, default_values_t = [32, 128, 512])]
    writers: Vec<usize>,
    /// How long each measurement goes on.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// One line of JSON for each measurement.
    #[arg(long)]
    json: bool,
}

/// What came out of one measurement.
#[derive(Debug)]
struct Outcome {
    writers: usize,
    seconds: f64,
    commits: u64,
    /// Sorted times from a message to its commit, in nanoseconds.
    times: Vec<u64>,
}

impl Outcome {
    /// Messages in a second.
    fn rate(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    tokio::runtime::Runtime::new()?.block_on(run(&options))
}

async fn run(options: &Options) -> Result<()> {
    let directory = options.directory.clone().unwrap_or_else(std::env::temp_dir);
    let flush = time_of_a_flush(&directory)
        .with_context(|| format!("cannot flush a file in {}", directory.display()))?;
    if !options.json {
        println!("a flush of the disk takes {:.2} ms", flush.as_secs_f64() * 1e3);
        println!("{HEAD}");
    }
    let time = Duration::from_secs(options.seconds);
    let alone = measure(&directory, 1, time).await?;
    report(options, flush, &alone, &alone);
    for &writers in &options.writers {
        report(options, flush, &measure(&directory, writers, time).await?, &alone);
    }
    Ok(())
}

/// Makes a store and has so many write for a time.
async fn measure(directory: &Path, writers: usize, time: Duration) -> Result<Outcome> {
    let place = TempDir::with_prefix_in("group-commit-", directory)
        .with_context(|| format!("cannot make a directory in {}", directory.display()))?;
    let key = SealingKey::from_bytes([7; SealingKey::BYTES]);
    let store = Arc::new(SqliteStore::open(&SqliteOptions::new(place.path(), key))?);
    let mut all = Vec::with_capacity(writers);
    for number in 0..writers {
        all.push(Writer::create(Arc::clone(&store), number).await?);
    }
    // The first messages meet a log that still grows and cold caches.
    let all = write_for(WARM_UP, all).await?.0;
    let (before, begun) = (store.commit_counts(), Instant::now());
    let (_, times) = write_for(time, all).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let after = store.commit_counts();
    let units = after.units - before.units;
    ensure!(units == times.len() as u64, "{} messages were {units} units", times.len());
    Ok(Outcome { writers, seconds, commits: after.commits - before.commits, times })
}

/// Has all write at once, and returns them with the sorted times that their messages took.
async fn write_for(time: Duration, writers: Vec<Writer>) -> Result<(Vec<Writer>, Vec<u64>)> {
    let end = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for mut writer in writers {
        tasks.spawn(async move { writer.write_until(end).await.map(|times| (writer, times)) });
    }
    let (mut writers, mut all) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (writer, times) = ended.context("a writer was lost")??;
        writers.push(writer);
        all.extend(times);
    }
    all.sort_unstable();
    Ok((writers, all))
}

/// Somebody in a thread of two, and the one place where that thread changes.
struct Writer {
    store: Arc<SqliteStore>,
    clock: VirtualClock,
    thread: Thread,
    identifier: CommunicationIdentifier,
}

impl Writer {
    async fn create(store: Arc<SqliteStore>, number: usize) -> Result<Self> {
        let clock = VirtualClock::default();
        let identifier: CommunicationIdentifier =
            format!("8:acs:measured_writer-{number}").parse()?;
        let reader = format!("8:acs:measured_reader-{number}").parse()?;
        let request = CreateThread {
            topic: "measured".to_owned(),
            members: vec![NewMember::new(reader)],
            ..CreateThread::default()
        };
        let id = format!("19:measured-{number}@thread.v2").parse()?;
        let (thread, _) = Thread::create(clock.now(), id, &identifier, request, Limits::default())?;
        let mut writer = Self { store, clock, thread, identifier };
        writer.commit().await?;
        Ok(writer)
    }

    /// Writes one message after the other, and returns how long each took.
    async fn write_until(&mut self, end: Instant) -> Result<Vec<u64>> {
        let mut times = Vec::new();
        while Instant::now() < end {
            let begun = Instant::now();
            self.say(&".".repeat(TEXT_BYTES)).await?;
            times.push(u64::try_from(begun.elapsed().as_nanos())?);
        }
        Ok(times)
    }

    async fn say(&mut self, text: &str) -> Result<()> {
        self.clock.advance(BETWEEN_MESSAGES);
        let command = Command::SendMessage {
            content: NewContent::Text(text.to_owned()),
            sender_display_name: None,
            metadata: Metadata::new(),
            client_message_id: None,
        };
        let _ = self.thread.handle_input(self.clock.now(), &self.identifier, command)?;
        self.commit().await
    }

    /// Commits what the machine wants stored, as one unit.
    async fn commit(&mut self) -> Result<()> {
        let (mut changes, mut events) = (Vec::new(), Vec::new());
        while let Some(output) = self.thread.poll_output() {
            match output {
                Output::Publish(event) if event.kind.is_durable() => events.push(event),
                Output::Publish(_) => {}
                Output::Store(change) => changes.push(change),
            }
        }
        let thread_id = self.thread.record().id.clone();
        let unit = ChatUnit { thread_id, changes, events, repeatability: None };
        self.store.commit(unit).await.context("a message was not kept")?;
        Ok(())
    }
}

fn report(options: &Options, flush: Duration, outcome: &Outcome, alone: &Outcome) {
    let Outcome { writers, seconds, commits, times } = outcome;
    let at = |share| percentile(times, share).map_or(0.0, |nanos| nanos as f64 / 1e6);
    let (messages, commits_per_second) = (outcome.rate(), *commits as f64 / seconds);
    let per_commit = times.len() as f64 / (*commits).max(1) as f64;
    let gain = messages / alone.rate();
    if options.json {
        let line = json!({
            "flush_ms": flush.as_secs_f64() * 1e3, "writers": writers,
            "messages_per_second": messages, "commits_per_second": commits_per_second,
            "messages_per_commit": per_commit, "p50_ms": at(0.5), "p99_ms": at(0.99),
            "times_one_writer": gain,
        });
        return println!("{line}");
    }
    println!(
        "{writers:>7} {messages:>10.0} {commits_per_second:>9.0} {per_commit:>15.1} {:>8.2} {:>8.2} \
         {gain:>16.1}",
        at(0.5),
        at(0.99),
    );
}

const HEAD: &str =
    "writers messages/s commits/s messages/commit   p50 ms   p99 ms times one writer";

const WARM_UP: Duration = Duration::from_millis(300);

/// By the clock of a thread, whose messages would otherwise all have one time.
const BETWEEN_MESSAGES: Duration = Duration::from_millis(1);

/// A sentence or two.
const TEXT_BYTES: usize = 200;
