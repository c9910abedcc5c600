//! The party: many headless clients in one group call, and what that costs the exchange.
//!
//! The exchange runs as a process of its own, so that its CPU time is not that of the clients.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use trunkline_call::CallState;
use trunkline_client::{
    AudioSink, AudioSource, Call, CallAgent, CallAgentOptions, CallClient, CallClientOptions,
    GroupCallLocator, MediaOptions, MediaStatistics, TokenCredential, TrustRoots,
};
use trunkline_ids::GroupId;
use trunkline_signaling::codec::Encoding;

use super::Checklist;
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;
use crate::progress;

/// Options of `trunkline demo party`.
#[derive(Debug, clap::Args)]
pub(crate) struct PartyArguments {
    /// How many take part.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..=100))]
    clients: u16,
    /// How many of them speak all the time.
    #[arg(long, default_value_t = 3)]
    speakers: u16,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
}

pub(crate) async fn run(arguments: PartyArguments, output: &Output) -> Result<(), Failure> {
    let server = Server::start().await.in_family(Family::Unavailable)?;
    let outcome = celebrate(&server, &arguments, output).await;
    server.stop().await;
    report(&arguments, &outcome.in_family(Family::CheckFailed)?, output)
}

/// What the party measured.
struct Outcome {
    /// From `join` to media, of each client.
    joins: Vec<Duration>,
    rosters: Vec<usize>,
    statistics: Vec<MediaStatistics>,
    /// CPU time of the exchange while all were there.
    server_cpu: Duration,
    lasted: Duration,
}

async fn celebrate(
    server: &Server,
    arguments: &PartyArguments,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let client = CallClient::new(CallClientOptions {
        endpoint: server.url.clone(),
        trust: TrustRoots::Pem(tokio::fs::read(&server.ca).await?),
        encoding: Encoding::Proto,
        user_agent: "trunkline demo".to_owned(),
    })?;
    let group = GroupId::from_uuid_bytes(*uuid::Uuid::new_v4().as_bytes());
    let mut guests: Vec<(CallAgent, Call)> = Vec::new();
    let mut joins = Vec::new();
    let bar = progress::bar(output, u64::from(arguments.clients), "joining");
    for number in 0..arguments.clients {
        let token = server.token(number).await?;
        let display_name = Some(format!("Guest {number}").parse()?);
        let agent = client.create_call_agent(token, CallAgentOptions { display_name }).await?;
        let voice = match number < arguments.speakers {
            true => AudioSource::tone(300.0 + 100.0 * f64::from(number), -18.0),
            false => AudioSource::silence(),
        };
        let begun = Instant::now();
        let media = Some(MediaOptions::audio(voice, AudioSink::none()));
        let call = agent.join(GroupCallLocator { group_id: group }, media)?;
        timeout(JOIN_LIMIT, call.reached(CallState::Connected))
            .await
            .with_context(|| format!("guest {number} did not connect within {JOIN_LIMIT:?}"))?
            .map_err(|reason| anyhow!("guest {number} was turned away: {reason:?}"))?;
        joins.push(begun.elapsed());
        guests.push((agent, call));
        bar.inc(1);
    }
    bar.finish_and_clear();

    let before = server.cpu_time()?;
    let begun = Instant::now();
    let bar = progress::bar(output, arguments.seconds, "talking");
    for _ in 0..arguments.seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let lasted = begun.elapsed();
    let server_cpu = server.cpu_time()?.saturating_sub(before);

    // Everybody counts the others, and oneself.
    let rosters = guests.iter().map(|(_, call)| call.remote_participants().len() + 1).collect();
    let statistics =
        guests.iter().map(|(_, call)| call.media_statistics().unwrap_or_default()).collect();
    for (agent, call) in &guests {
        call.hang_up().await?;
        agent.dispose().await;
    }
    Ok(Outcome { joins, rosters, statistics, server_cpu, lasted })
}

/// An exchange in a process of its own.
struct Server {
    child: Child,
    process: u32,
    url: String,
    ca: PathBuf,
    folder: PathBuf,
}

impl Server {
    async fn start() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("trunkline-party-{}", std::process::id()));
        let mut child = Command::new(std::env::current_exe().context("which program is this?")?)
            .args([
                "--json",
                "dev",
                "--listen",
                FREE,
                "--admin-listen",
                FREE,
                "--http-listen",
                FREE,
            ])
            .arg("--data-directory")
            .arg(&folder)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the exchange")?;
        let process = child.id().context("the exchange ended at once")?;
        let stdout = child.stdout.take().context("the exchange has no output")?;
        let mut line = String::new();
        timeout(START_LIMIT, BufReader::new(stdout).read_line(&mut line))
            .await
            .context("the exchange did not start in time")??;
        let ready: Value = serde_json::from_str(&line).context("the exchange said nothing")?;
        let (Some(url), Some(ca)) = (ready["url"].as_str(), ready["ca"].as_str()) else {
            bail!("the exchange is not ready: {line}");
        };
        Ok(Self { child, process, url: url.to_owned(), ca: ca.into(), folder })
    }

    /// Makes an app user and a token for it.
    async fn token(&self, number: u16) -> anyhow::Result<TokenCredential> {
        let ca = reqwest::Certificate::from_pem(&tokio::fs::read(&self.ca).await?)?;
        let http = reqwest::Client::builder().tls_certs_only([ca]).build()?;
        let answer: Value = http
            .post(format!("{}/dev/token", self.url))
            .json(&json!({"displayName": format!("Guest {number}")}))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let token = answer["token"].as_str().context("the exchange gave no token")?;
        Ok(TokenCredential::fixed(token.to_owned()))
    }

    /// User and system time so far
    /// ([proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)).
    fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process))
            .context("CPU time of another process can be read on Linux only")?;
        // The program's name may hold blanks; what follows it does not.
        let (_, fields) = stat.rsplit_once(')').context("an unknown form of stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|field| field.parse().unwrap_or(0)).sum();
        Ok(Duration::from_millis(ticks * MILLIS_PER_TICK))
    }

    async fn stop(mut self) {
        // It is told nothing: all guests are gone, and nothing of it is kept.
        let _ = self.child.kill().await;
        let _ = tokio::fs::remove_dir_all(&self.folder).await;
    }
}

fn report(arguments: &PartyArguments, outcome: &Outcome, output: &Output) -> Result<(), Failure> {
    let clients = usize::from(arguments.clients);
    let speakers = usize::from(arguments.speakers);
    let hears = |statistics: &MediaStatistics| statistics.audio.level_received_dbfs;
    let listeners = outcome.statistics.iter().skip(speakers);
    let deaf = listeners.filter(|heard| hears(heard).is_none_or(|level| level < AUDIBLE)).count();
    let received: u64 = outcome.statistics.iter().map(|one| one.audio.packets_received).sum();
    let lost: u64 = outcome.statistics.iter().map(|one| one.audio.packets_lost).sum();
    let mut joins = outcome.joins.clone();
    joins.sort();
    let at = |share: f64| joins[((joins.len() - 1) as f64 * share).round() as usize];
    let cpu_percent = outcome.server_cpu.as_secs_f64() / outcome.lasted.as_secs_f64() * 100.0;

    let mut checklist = Checklist::default();
    checklist.check(
        outcome.rosters.iter().all(|roster| *roster == clients),
        format!("a roster of {clients} at every client"),
    );
    checklist.check(deaf == 0, format!("every listener hears the speakers ({deaf} do not)"));
    checklist.check(
        lost * 1_000 <= received,
        format!("{lost} of {received} packets lost, one in a thousand allowed"),
    );
    if output.is_json() {
        output.print("", || json!({
            "clients": clients,
            "speakers": speakers,
            "seconds": outcome.lasted.as_secs_f64(),
            "joinP50Ms": at(0.5).as_secs_f64() * 1_000.0,
            "joinMaxMs": at(1.0).as_secs_f64() * 1_000.0,
            "packetsReceived": received,
            "packetsLost": lost,
            "serverCpuPercent": cpu_percent,
            "serverCpuMicrosPerPacket": outcome.server_cpu.as_secs_f64() * 1e6 / received.max(1) as f64,
            "steps": checklist.to_json(),
        }));
        return checklist.outcome();
    }
    output.say(format!(
        "{clients} clients for {:.1} s: joined in {:.0} ms (median) and {:.0} ms (slowest), \
         {received} packets forwarded to them",
        outcome.lasted.as_secs_f64(),
        at(0.5).as_secs_f64() * 1_000.0,
        at(1.0).as_secs_f64() * 1_000.0,
    ));
    output.say(format!(
        "the exchange used {:.2} s of CPU, {cpu_percent:.1} % of a core, {:.1} µs for a packet\n",
        outcome.server_cpu.as_secs_f64(),
        outcome.server_cpu.as_secs_f64() * 1e6 / received.max(1) as f64,
    ));
    checklist.print(output);
    checklist.outcome()
}

/// A port of the system's choice.
const FREE: &str = "127.0.0.1:0";
/// A busy machine takes its time with twenty handshakes; a join that fails says so much earlier.
const JOIN_LIMIT: Duration = Duration::from_secs(20);
const START_LIMIT: Duration = Duration::from_secs(20);
/// Linux counts in hundredths of a second on every architecture that Rust supports.
const MILLIS_PER_TICK: u64 = 10;
/// Three tones at -18 dB arrive far above this, comfort noise far below.
const AUDIBLE: f64 = -45.0;
