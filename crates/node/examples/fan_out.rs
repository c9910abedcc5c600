//! Measures what a durable message to many costs: CPU per delivery, time to the last member.
//!
//! `cargo run --release -p trunkline-node --example fan_out -- [members] [messages] [senders]`

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use trunkline_chat::{ChatEventKind, CreateThread, MessageContent, NewContent, NewMember};
use trunkline_node::{
    ChatActor, ChatConfig, Identity, IdentityConfig, MeetingsConfig, Node, NodeConfig, RelayConfig,
    SendMessage,
};
use trunkline_policy::{FederationConfig, Scope};
use trunkline_storage::{SealingKey, SqliteOptions, SqliteStore};
use trunkline_transport::PlaneConfig;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().unwrap());
    let members: usize = arguments.next().unwrap_or(100);
    let messages: usize = arguments.next().unwrap_or(2_000);
    let senders: usize = arguments.next().unwrap_or(1);
    let place = tempfile::tempdir().unwrap();
    let node = start(&place).await;
    let mut actors = Vec::new();
    for _ in 0..members {
        let (identity, now) = (node.identity(), node.clock().wall());
        let user = identity.create_user(identity.resource(), now).await.unwrap();
        actors.push(ChatActor::new(user.identifier, BTreeSet::from([Scope::Chat])));
    }
    let mut threads = Vec::new();
    for actor in &actors[..senders] {
        let named = actors.iter().filter(|other| other.identifier != actor.identifier);
        let (first, rest): (Vec<_>, Vec<_>) = named
            .map(|actor| NewMember::new(actor.identifier.clone()))
            .enumerate()
            .partition(|(place, _)| *place < 150);
        let strip =
            |named: Vec<(usize, NewMember)>| named.into_iter().map(|(_, one)| one).collect();
        let request = CreateThread { members: strip(first), ..CreateThread::default() };
        let thread = node.chat().create_thread(actor, request, None).await.unwrap().thread.id;
        if !rest.is_empty() {
            node.chat().add_members(actor, &thread, strip(rest)).await.unwrap();
        }
        threads.push(thread);
    }
    let begun = Instant::now();
    let (arrivals, mut arrived) = mpsc::unbounded_channel();
    for actor in &actors {
        let mut told = node.chat().subscribe(actor, None).await.unwrap();
        let arrivals = arrivals.clone();
        tokio::spawn(async move {
            while let Ok(item) = told.next().await {
                if let ChatEventKind::MessageReceived(message) = &item.event.kind
                    && let MessageContent::Text(sent_at) = &message.content
                {
                    let sent_at: u64 = sent_at.trim().parse().unwrap();
                    arrivals.send(begun.elapsed().as_nanos() as u64 - sent_at).unwrap();
                }
            }
        });
    }
    let (cpu, wall) = (cpu_time(), Instant::now());
    for (actor, thread) in actors.iter().zip(&threads) {
        let (chat, actor, thread) = (node.chat().clone(), actor.clone(), thread.clone());
        tokio::spawn(async move {
            for _ in 0..messages / senders {
                let sent_at = begun.elapsed().as_nanos().to_string();
                let content = NewContent::Text(format!("{sent_at:<200}"));
                chat.send_message(&actor, &thread, SendMessage::new(content)).await.unwrap();
            }
        });
    }
    let count = messages / senders * senders * members;
    let mut latencies = Vec::with_capacity(count);
    while latencies.len() < count {
        latencies.push(arrived.recv().await.unwrap());
    }
    let (cpu, wall) = (cpu_time() - cpu, wall.elapsed());
    latencies.sort_unstable();
    let at = |part: f64| latencies[(count as f64 * part) as usize] as f64 / 1e6;
    println!(
        "{members} members, {senders} senders: {:.0} messages/s, {:.2} µs CPU per delivery, \
         p50 {:.2} ms, p99 {:.2} ms",
        (messages as f64) / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / count as f64,
        at(0.5),
        at(0.99),
    );
    node.shutdown().await;
}

async fn start(place: &tempfile::TempDir) -> Node {
    let key = SealingKey::from_bytes([7; SealingKey::BYTES]);
    let config = NodeConfig {
        store: Arc::new(SqliteStore::open(&SqliteOptions::new(place.path(), key)).unwrap()),
        identity: IdentityConfig {
            resource: "5f9c1a52-0001-4a6b-8c1d-000000000001".parse().unwrap(),
            access_keys: ["k".repeat(40), "l".repeat(40)],
            tenant: "5f9c1a52-0001-4a6b-8c1d-000000000002".parse().unwrap(),
            tenant_name: "contoso".parse().unwrap(),
            directory: Vec::new(),
            signing_key: Identity::generate_signing_key().unwrap(),
            issuers: Vec::new(),
            has_dev_issuer: false,
        },
        federation: FederationConfig::default(),
        plane: PlaneConfig { shards: 1, ..PlaneConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST)) },
        participant_limit: 2,
        chat: ChatConfig::default(),
        meetings: MeetingsConfig::default(),
        relay: RelayConfig::default(),
    };
    Node::start(config).await.unwrap()
}

/// The time that the process has spent on processors, from `/proc`.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}
