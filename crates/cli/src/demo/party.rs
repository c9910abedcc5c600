//! The party: many headless clients in one group call or meeting, and what that costs the exchange.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use trunkline_call::CallState;
use trunkline_client::{
    AudioSink, AudioSource, Call, CallAgent, CallAgentOptions, CallClient, CallClientOptions,
    Events, EventsError, GroupCallLocator, JoinLocator, MediaOptions, MediaStatistics, TrustRoots,
};
use trunkline_ids::{GroupId, MeetingLocator};
use trunkline_proto::calling::v1::{self as calling, call_event};
use trunkline_proto::meetings::v1::{CreateMeetingRequest, LobbyBypass, MeetingSettings};
use trunkline_signaling::codec::Encoding;

use super::Checklist;
use super::served::{CpuTime, Server};
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;
use crate::progress;
use crate::remote::{Remote, from_status};

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
    /// Meet in a meeting without a lobby rather than in a group call.
    #[arg(long)]
    meeting: bool,
    /// Join all within so many seconds, whether or not those before are there; one after the other
    /// when left out.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
    join_seconds: Option<u64>,
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
    told: Vec<Told>,
    /// CPU time of the exchange while they came.
    join_cpu: CpuTime,
    /// CPU time of the exchange while all were there.
    server_cpu: CpuTime,
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
    let place = match arguments.meeting {
        true => JoinLocator::Meeting(meeting(server).await.map_err(Failure::into_error)?),
        false => {
            let group_id = GroupId::from_uuid_bytes(*uuid::Uuid::new_v4().as_bytes());
            JoinLocator::Group(GroupCallLocator { group_id })
        }
    };
    let mut agents = Vec::new();
    for number in 0..arguments.clients {
        let token = server.token(number).await?;
        let display_name = Some(format!("Guest {number}").parse()?);
        agents.push(client.create_call_agent(token, CallAgentOptions { display_name }).await?);
    }
    let before = server.cpu_time()?;
    let guests = arrive(agents, &place, arguments, output).await?;
    let join_cpu = server.cpu_time()?.since(before);

    let before = server.cpu_time()?;
    let begun = Instant::now();
    let bar = progress::bar(output, arguments.seconds, "talking");
    for _ in 0..arguments.seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let lasted = begun.elapsed();
    let server_cpu = server.cpu_time()?.since(before);

    // Everybody counts the others, and oneself.
    let rosters = guests.iter().map(|one| one.call.remote_participants().len() + 1).collect();
    let statistics =
        guests.iter().map(|one| one.call.media_statistics().unwrap_or_default()).collect();
    let joins = guests.iter().map(|one| one.joined_in).collect();
    let mut told = Vec::new();
    for guest in guests {
        guest.call.hang_up().await?;
        guest.agent.dispose().await;
        told.push(guest.told.await?);
    }
    Ok(Outcome { joins, rosters, statistics, told, join_cpu, server_cpu, lasted })
}

/// Makes a meeting that everybody enters without waiting.
async fn meeting(server: &Server) -> Result<MeetingLocator, Failure> {
    let settings = MeetingSettings {
        lobby_bypass: LobbyBypass::Everyone.into(),
        outsiders_may_start: true,
        ..MeetingSettings::default()
    };
    let request = CreateMeetingRequest {
        organizer: "bob".to_owned(),
        settings: Some(settings),
        ..CreateMeetingRequest::default()
    };
    let remote = Remote::connect(&server.remote()).await?;
    let made = remote.meetings()?.create_meeting(request).await.map_err(from_status)?.into_inner();
    let link = made.meeting.unwrap_or_default().join_link;
    Ok(MeetingLocator::Link(link.parse().context("the join link")?))
}

/// Somebody who came.
struct Guest {
    agent: CallAgent,
    call: Call,
    joined_in: Duration,
    told: JoinHandle<Told>,
}

/// Lets everybody come: on a schedule, or each when the one before is there.
async fn arrive(
    agents: Vec<CallAgent>,
    place: &JoinLocator,
    arguments: &PartyArguments,
    output: &Output,
) -> anyhow::Result<Vec<Guest>> {
    let bar = progress::bar(output, u64::from(arguments.clients), "joining");
    let begun = tokio::time::Instant::now();
    let mut coming = JoinSet::new();
    let mut guests = Vec::new();
    for (number, agent) in agents.into_iter().enumerate() {
        if let Some(seconds) = arguments.join_seconds {
            let share = number as f64 / f64::from(arguments.clients);
            let at = begun + Duration::from_secs(seconds).mul_f64(share);
            tokio::time::sleep_until(at).await;
        }
        let voice = match number < usize::from(arguments.speakers) {
            true => AudioSource::tone(300.0 + 100.0 * number as f64, -18.0),
            // Whoever only listens is muted or has no microphone: nothing is sent either way.
            false => AudioSource::none(),
        };
        coming.spawn(come(number, agent, place.clone(), voice));
        if arguments.join_seconds.is_none() {
            guests.extend(coming.join_next().await.transpose()?);
            bar.inc(1);
        }
    }
    while let Some(guest) = coming.join_next().await {
        guests.push(guest?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut guests = guests.into_iter().collect::<anyhow::Result<Vec<(usize, Guest)>>>()?;
    guests.sort_by_key(|(number, _)| *number);
    Ok(guests.into_iter().map(|(_, guest)| guest).collect())
}

async fn come(
    number: usize,
    agent: CallAgent,
    place: JoinLocator,
    voice: AudioSource,
) -> anyhow::Result<(usize, Guest)> {
    let begun = Instant::now();
    let media = Some(MediaOptions::audio(voice, AudioSink::none()));
    let call = agent.join(place, media)?;
    let told = tokio::spawn(listen(call.exchange_events()));
    timeout(JOIN_LIMIT, call.reached(CallState::Connected))
        .await
        .with_context(|| format!("guest {number} did not connect within {JOIN_LIMIT:?}"))?
        .map_err(|reason| anyhow!("guest {number} was turned away: {reason:?}"))?;
    Ok((number, Guest { agent, call, joined_in: begun.elapsed(), told }))
}

/// What a guest was told of the call.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    events: u64,
    /// Events that did not follow the one before.
    gaps: u64,
}

/// Counts what is told until the call is over.
async fn listen(mut events: Events<calling::CallEvent>) -> Told {
    let mut told = Told::default();
    let mut last = None;
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(EventsError::Closed) => return told,
            Err(EventsError::Lagged { missed }) => {
                told.gaps += missed;
                last = None;
                continue;
            }
        };
        // A snapshot begins the order; a second one would hide what is missing.
        let is_first = last.is_none() && matches!(event.kind, Some(call_event::Kind::Snapshot(_)));
        told.events += 1;
        told.gaps += u64::from(!is_first && last.is_some_and(|last| event.seq != last + 1));
        last = Some(event.seq);
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
    let per_join = |cpu: Duration| cpu.as_secs_f64() * 1_000.0 / clients as f64;
    let join_cpu = per_join(outcome.join_cpu.all);
    let join_media_cpu = per_join(outcome.join_cpu.media);
    let server_cpu = outcome.server_cpu.all.as_secs_f64();
    let cpu_percent = server_cpu / outcome.lasted.as_secs_f64() * 100.0;

    let mut checklist = Checklist::default();
    checklist.check(
        outcome.rosters.iter().all(|roster| *roster == clients),
        format!("a roster of {clients} at every client"),
    );
    let events: u64 = outcome.told.iter().map(|told| told.events).sum();
    let gaps: u64 = outcome.told.iter().map(|told| told.gaps).sum();
    checklist.check(
        gaps == 0,
        format!("{events} events of the call told to them, {gaps} out of order or missing"),
    );
    checklist.check(deaf == 0, format!("every listener hears the speakers ({deaf} do not)"));
    checklist.check(
        lost * 1_000 <= received,
        format!("{lost} of {received} packets lost, one in a thousand allowed"),
    );
    if output.is_json() {
        output.print("", || {
            json!({
                "clients": clients,
                "speakers": speakers,
                "seconds": outcome.lasted.as_secs_f64(),
                "joinP50Ms": at(0.5).as_secs_f64() * 1_000.0,
                "joinP99Ms": at(0.99).as_secs_f64() * 1_000.0,
                "joinCpuMillis": join_cpu,
                "joinMediaCpuMillis": join_media_cpu,
                "events": events,
                "eventGaps": gaps,
                "joinMaxMs": at(1.0).as_secs_f64() * 1_000.0,
                "packetsReceived": received,
                "packetsLost": lost,
                "serverCpuPercent": cpu_percent,
                "serverCpuMicrosPerPacket": server_cpu * 1e6 / received.max(1) as f64,
                "steps": checklist.to_json(),
            })
        });
        return checklist.outcome();
    }
    output.say(format!(
        "{clients} clients for {:.1} s: joined in {:.0} ms (median), {:.0} ms (99 %) and {:.0} ms \
         (slowest) at {join_cpu:.2} ms of CPU each, {join_media_cpu:.2} of it \
         in the media plane, {received} packets forwarded to them",
        outcome.lasted.as_secs_f64(),
        at(0.5).as_secs_f64() * 1_000.0,
        at(0.99).as_secs_f64() * 1_000.0,
        at(1.0).as_secs_f64() * 1_000.0,
    ));
    output.say(format!(
        "the exchange used {:.2} s of CPU, {cpu_percent:.1} % of a core, {:.1} µs for a packet\n",
        server_cpu,
        server_cpu * 1e6 / received.max(1) as f64,
    ));
    checklist.print(output);
    checklist.outcome()
}

/// A busy machine takes its time with twenty handshakes; a join that fails says so much earlier.
const JOIN_LIMIT: Duration = Duration::from_secs(20);
/// Three tones at -18 dB arrive far above this, comfort noise far below.
const AUDIBLE: f64 = -45.0;
