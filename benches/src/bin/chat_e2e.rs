//! Measures chat end to end: a durable message from one member to all, through the real server.
//!
//! The server is a process of its own and is measured from outside: its CPU time and memory from
//! `/proc`, the time from before a message is sent until each member has it. Every member has a TLS
//! connection, and every client does the least its protocol wants: it looks for the mark in what it
//! reads and parses nothing else. The clients share one thread; what they cost is in the times, and
//! not in the CPU.
//!
//! With `--against prosody`, the same is asked of an XMPP server with its archive on, in the same
//! run.

#[path = "chat_e2e/arrivals.rs"]
mod arrivals;
#[path = "chat_e2e/dialect.rs"]
mod dialect;
#[path = "chat_e2e/grpc.rs"]
mod grpc;
#[path = "chat_e2e/prosody.rs"]
mod prosody;
#[path = "chat_e2e/server.rs"]
mod server;
#[path = "chat_e2e/tls.rs"]
mod tls;
#[path = "chat_e2e/trunkline.rs"]
mod trunkline;
#[path = "chat_e2e/xmpp.rs"]
mod xmpp;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use serde_json::json;
use trunkline_benches::{disk::time_of_a_flush, percentile};

use crate::arrivals::Arrivals;
use crate::dialect::{Client, Dialect};
use crate::server::Usage;

/// Measures a durable message to many: CPU per delivery, times, rate, memory of an idle connection.
#[derive(Debug, Parser)]
struct Options {
    /// How many members a thread has; may be repeated.
    #[arg(long, default_values_t = [10, 100])]
    members: Vec<usize>,
    /// How long each measurement goes on.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many connections that do nothing are weighed; zero weighs none.
    #[arg(long, default_value_t = 1_000)]
    idle: usize,
    /// Messages on their way at once in the second measurement of each size.
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
    /// A server to measure beside this one.
    #[arg(long)]
    against: Option<Against>,
    /// The server to measure; the one beside this program when absent.
    #[arg(long)]
    trunkline: Option<PathBuf>,
    /// One line of JSON for each measurement.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Against {
    Prosody,
}

/// What one measurement is of.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    members: usize,
    in_flight: usize,
    time: Duration,
}

/// What came out of it.
#[derive(Debug)]
struct Outcome {
    messages: usize,
    seconds: f64,
    usage: Usage,
    /// Sorted times from sending to delivery, in nanoseconds.
    delivery: Vec<u64>,
    /// Sorted times from sending to the last delivery.
    last: Vec<u64>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    raise_file_limit();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, run(&options))
}

async fn run(options: &Options) -> Result<()> {
    let mut dialects = vec![Dialect::Grpc, Dialect::Realtime];
    match options.against {
        Some(Against::Prosody) => dialects.push(Dialect::Xmpp),
        None => {}
    }
    let binary = match &options.trunkline {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("trunkline"),
    };
    if !options.json {
        let flush = time_of_a_flush(&std::env::temp_dir()).context("cannot flush")?;
        println!("a flush of the disk takes {:.2} ms", flush.as_secs_f64() * 1e3);
        println!("{HEAD}");
    }
    for dialect in dialects {
        for &members in &options.members {
            let client = Client::start(dialect, &binary).await?;
            for in_flight in [1, options.in_flight] {
                let time = Duration::from_secs(options.seconds);
                let scenario = Scenario { members, in_flight, time };
                let outcome = measure(&client, scenario).await;
                let outcome = outcome.map_err(|error| client.explain(error))?;
                report(options, dialect, scenario, &outcome);
            }
        }
        if options.idle > 0 {
            let client = Client::start(dialect, &binary).await?;
            let bytes = weigh(&client, options.idle).await;
            let bytes = bytes.map_err(|error| client.explain(error))?;
            match options.json {
                true => println!(
                    "{}",
                    json!({"dialect": dialect.name(), "idle": options.idle,
                    "bytes_per_connection": bytes})
                ),
                false => println!(
                    "{:<26} {:>7} idle connections: {:.1} KB each",
                    dialect.name(),
                    options.idle,
                    bytes as f64 / 1e3
                ),
            }
        }
    }
    Ok(())
}

/// Fills a thread with members and lets one of them speak.
async fn measure(client: &Client, scenario: Scenario) -> Result<Outcome> {
    let arrivals = Arrivals::new(scenario.members);
    let mut room = client.open_room(scenario.members, &arrivals).await?;
    // The first messages meet cold caches and half-open windows.
    let warm_up = Duration::from_millis(300);
    room.speak(&arrivals, warm_up, scenario.in_flight).await?;
    arrivals.clear();
    let (before, begun) = (client.server().usage()?, Instant::now());
    let messages = room.speak(&arrivals, scenario.time, scenario.in_flight).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let usage = client.server().usage()? - before;
    let (delivery, last) = arrivals.take();
    ensure!(delivery.len() == messages * scenario.members, "a delivery was counted twice");
    ensure!(
        room.archived().await? >= messages,
        "the archive does not have what was sent: this was not a durable send"
    );
    Ok(Outcome { messages, seconds, usage, delivery, last })
}

/// Returns what a connection that does nothing adds to the memory of the server.
async fn weigh(client: &Client, count: usize) -> Result<u64> {
    let few = client.open_idle(IDLE_BEFORE).await?;
    tokio::time::sleep(SETTLE).await;
    let before = client.server().resident_bytes()?;
    let many = client.open_idle(count).await?;
    tokio::time::sleep(SETTLE).await;
    let after = client.server().resident_bytes()?;
    drop((few, many));
    Ok(after.saturating_sub(before) / count as u64)
}

fn report(options: &Options, dialect: Dialect, scenario: Scenario, outcome: &Outcome) {
    let Outcome { messages, seconds, usage, delivery, last } = outcome;
    let at =
        |sorted: &[u64], share| percentile(sorted, share).map_or(0.0, |nanos| nanos as f64 / 1e6);
    let cpu = usage.cpu.as_secs_f64() * 1e6 / delivery.len().max(1) as f64;
    let rate = *messages as f64 / seconds;
    if options.json {
        let line = json!({
            "dialect": dialect.name(), "members": scenario.members,
            "in_flight": scenario.in_flight, "messages_per_second": rate,
            "cpu_us_per_delivery": cpu, "p50_ms": at(delivery, 0.5), "p99_ms": at(delivery, 0.99),
            "last_p50_ms": at(last, 0.5),
        });
        return println!("{line}");
    }
    println!(
        "{:<26} {:>7} {:>9} {rate:>10.0} {:>12.0} {cpu:>10.2} {:>8.2} {:>8.2} {:>8.2}",
        dialect.name(),
        scenario.members,
        scenario.in_flight,
        rate * scenario.members as f64,
        at(delivery, 0.5),
        at(delivery, 0.99),
        at(last, 0.5),
    );
}

/// A thousand connections are a thousand descriptors on either side.
fn raise_file_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the one value that the first call writes and the second
    // reads.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

const HEAD: &str = "server, members over           members in flight messages/s deliveries/s \
                    CPU µs/del   p50 ms   p99 ms  last p50";

/// Connections that are there before memory is read, so that what the first one makes is not counted.
const IDLE_BEFORE: usize = 50;

/// Long enough for tasks that set a connection up to be gone.
const SETTLE: Duration = Duration::from_secs(1);
