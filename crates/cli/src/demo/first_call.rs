//! The first call: alice, an app user, calls bob of the directory, and bob hears what she says.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use serde_json::json;
use tokio::time::timeout;
use trunkline_call::CallState;
use trunkline_client::{
    AudioSink, AudioSource, Call, CallAgentOptions, CallClient, CallClientOptions, CallTarget,
    FRAME_SAMPLES, MediaOptions, SAMPLE_RATE_HZ, StartCallOptions, TokenCredential, TrustRoots,
};
use trunkline_clock::Timestamp;
use trunkline_node::TokenRequest;
use trunkline_policy::Scope;
use trunkline_signaling::codec::Encoding;

use super::Checklist;
use super::similarity::{self, Similarity};
use crate::exchange::{Exchange, ExchangeConfig};
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;

/// Options of `trunkline demo first-call`.
#[derive(Debug, clap::Args)]
pub(crate) struct FirstCallArguments {
    /// What alice says: a WAV file. Without one she makes sound with the rhythm of speech.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Where to write what bob heard: a WAV file.
    #[arg(long)]
    output: Option<PathBuf>,
}

pub(crate) async fn run(arguments: FirstCallArguments, output: &Output) -> Result<(), Failure> {
    let said = match &arguments.input {
        Some(path) => trunkline_client::read_wav(path).in_family(Family::Usage)?,
        None => similarity::speech_like(1, 5),
    };
    if said.len() < FRAME_SAMPLES {
        return Err(Failure::new(Family::Usage, anyhow!("the input holds less than 20 ms")));
    }
    let mut config = ExchangeConfig::dev();
    config.listen.set_port(0);
    config.admin_listen.set_port(0);
    config.data_directory = None;
    let exchange = Exchange::start(config).await.in_family(Family::Unavailable)?;
    output.say(format!(
        "{} on {} in {} ms",
        output.bold("exchange"),
        exchange.url(),
        exchange.started_in().as_millis()
    ));
    let seconds = said.len() as f64 / f64::from(SAMPLE_RATE_HZ);
    output
        .say(format!("alice (app user) calls bob (directory user) and speaks for {seconds:.1} s"));
    let outcome = timeout(DEMO_LIMIT, converse(&exchange, said)).await;
    exchange.shutdown().await?;
    let conversation = outcome
        .map_err(|_| anyhow!("the call did not come to its end within {DEMO_LIMIT:?}"))
        .in_family(Family::CheckFailed)??;
    if let Some(path) = &arguments.output {
        write_wav(path, &conversation.heard)?;
    }
    report(&conversation, arguments.output.as_ref(), output)
}

/// Everything that is known of the call once it is over.
struct Conversation {
    alice: Side,
    bob: Side,
    said: Vec<i16>,
    heard: Vec<i16>,
    /// From alice's speech entering her client to the same sound leaving bob's.
    one_way_delay: Option<Duration>,
    similarity: Option<Similarity>,
}

/// One side's view.
struct Side {
    states: Vec<(Timestamp, CallState)>,
    end_reason: Option<(i32, i32, String)>,
    statistics: trunkline_client::MediaStatistics,
}

async fn converse(exchange: &Exchange, said: Vec<i16>) -> Result<Conversation, Failure> {
    let (_, ca) = exchange.ca().context("a development exchange has its own CA")?;
    let client = CallClient::new(CallClientOptions {
        endpoint: exchange.url(),
        trust: TrustRoots::Pem(ca.as_bytes().to_vec()),
        encoding: Encoding::Proto,
        user_agent: "trunkline demo".to_owned(),
    })
    .in_family(Family::Internal)?;

    let identity = exchange.node().identity();
    let app_user = identity
        .create_user(identity.resource(), exchange.node().clock().wall())
        .await
        .in_family(Family::Internal)?;
    let display_name = Some("Alice".parse().context("a name")?);
    let alice = client
        .create_call_agent(
            token(exchange, &app_user.identifier.to_string()).await?,
            CallAgentOptions { display_name },
        )
        .await
        .in_family(Family::Internal)?;
    let bob = client
        .create_teams_call_agent(token(exchange, "bob").await?)
        .await
        .in_family(Family::Internal)?;

    let mouth = Arc::new(Mutex::new(Mouth { said, position: 0, opened_at: None, is_open: false }));
    let ear = Arc::new(Mutex::new(Ear::default()));
    let mut ringing = bob.events();
    let options = StartCallOptions {
        media: Some(MediaOptions::audio(speak(&mouth), AudioSink::none())),
        ..StartCallOptions::default()
    };
    let outgoing =
        alice.start_call([CallTarget::alias("bob")], options).in_family(Family::Internal)?;
    let incoming = bob
        .next_incoming_call(&mut ringing)
        .await
        .ok_or_else(|| anyhow!("bob's agent ended before the call came"))?;
    let answered = incoming
        .accept(MediaOptions::audio(AudioSource::silence(), listen(&ear)))
        .await
        .in_family(Family::CheckFailed)?;
    for call in [&outgoing, &answered] {
        call.reached(CallState::Connected)
            .await
            .map_err(|reason| anyhow!("the call ended before it was connected: {reason:?}"))
            .in_family(Family::CheckFailed)?;
    }
    open(&mouth);
    while !is_done(&mouth) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What is still on its way arrives within the jitter buffer's delay.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let statistics = (outgoing.media_statistics(), answered.media_statistics());
    outgoing.hang_up().await.in_family(Family::CheckFailed)?;
    outgoing.ended().await;
    answered.ended().await;

    let alice_side = side(&outgoing, statistics.0);
    let bob_side = side(&answered, statistics.1);
    alice.dispose().await;
    bob.dispose().await;
    let (said, opened_at) = {
        let mouth = mouth.lock().unwrap_or_else(PoisonError::into_inner);
        (mouth.said.clone(), mouth.opened_at)
    };
    let (heard, heard_from) = {
        let ear = ear.lock().unwrap_or_else(PoisonError::into_inner);
        // Both recordings from the moment at which alice opened her mouth.
        let lead = match (opened_at, ear.first_at) {
            (Some(opened), Some(first)) => opened.saturating_duration_since(first),
            (_, _) => Duration::ZERO,
        };
        let skipped = usize::try_from(lead.as_millis()).unwrap_or(0) * FRAME_SAMPLES / 20;
        (ear.heard.get(skipped..).unwrap_or_default().to_vec(), ear.first_at)
    };
    let similarity = similarity::compare(&said, &heard);
    let one_way_delay = similarity
        .filter(|_| heard_from.is_some())
        .and_then(|similarity| u64::try_from(similarity.offset_ms).ok())
        .map(Duration::from_millis);
    Ok(Conversation { alice: alice_side, bob: bob_side, said, heard, one_way_delay, similarity })
}

/// What alice says, and when she began.
struct Mouth {
    said: Vec<i16>,
    position: usize,
    opened_at: Option<Instant>,
    is_open: bool,
}

/// What bob hears.
#[derive(Default)]
struct Ear {
    heard: Vec<i16>,
    first_at: Option<Instant>,
}

fn speak(mouth: &Arc<Mutex<Mouth>>) -> AudioSource {
    let mouth = Arc::clone(mouth);
    AudioSource::callback(move |frame| {
        let mut mouth = mouth.lock().unwrap_or_else(PoisonError::into_inner);
        frame.fill(0);
        if !mouth.is_open {
            return;
        }
        mouth.opened_at.get_or_insert_with(Instant::now);
        let end = (mouth.position + FRAME_SAMPLES).min(mouth.said.len());
        let next = &mouth.said[mouth.position..end];
        frame[..next.len()].copy_from_slice(next);
        mouth.position = end;
    })
}

fn listen(ear: &Arc<Mutex<Ear>>) -> AudioSink {
    let ear = Arc::clone(ear);
    AudioSink::callback(move |frame| {
        let mut ear = ear.lock().unwrap_or_else(PoisonError::into_inner);
        ear.first_at.get_or_insert_with(Instant::now);
        ear.heard.extend_from_slice(&frame.samples[..]);
    })
}

fn open(mouth: &Mutex<Mouth>) {
    mouth.lock().unwrap_or_else(PoisonError::into_inner).is_open = true;
}

fn is_done(mouth: &Mutex<Mouth>) -> bool {
    let mouth = mouth.lock().unwrap_or_else(PoisonError::into_inner);
    mouth.position == mouth.said.len()
}

async fn token(exchange: &Exchange, user: &str) -> Result<TokenCredential, Failure> {
    let (identity, now) = (exchange.node().identity(), exchange.node().clock().wall());
    let request = TokenRequest { scopes: &BTreeSet::from([Scope::Voip]), life: None };
    let issued = identity.issue_token(identity.resource(), user, request, now).await;
    issued.map(|(_, token)| TokenCredential::fixed(token.token)).in_family(Family::Internal)
}

fn side(call: &Call, statistics: Option<trunkline_client::MediaStatistics>) -> Side {
    let history = call.state_history();
    // The first step tells from where it went, and nothing happened before it.
    let first = history.first().map(|step| (step.time, step.previous));
    let steps = history.iter().map(|step| (step.time, step.state));
    let states = first.into_iter().chain(steps).collect();
    Side {
        states,
        end_reason: call
            .call_end_reason()
            .map(|reason| (reason.code, reason.sub_code, reason.meaning)),
        statistics: statistics.unwrap_or_default(),
    }
}

fn write_wav(path: &PathBuf, samples: &[i16]) -> Result<(), Failure> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let write = || -> Result<(), hound::Error> {
        let mut writer = hound::WavWriter::create(path, spec)?;
        for sample in samples {
            writer.write_sample(*sample)?;
        }
        writer.finalize()
    };
    write()
        .with_context(|| format!("cannot write {}", path.display()))
        .in_family(Family::Unavailable)
}

fn report(
    conversation: &Conversation,
    written: Option<&PathBuf>,
    output: &Output,
) -> Result<(), Failure> {
    let Conversation { alice, bob, similarity, one_way_delay, .. } = conversation;
    let lost = alice.statistics.audio.packets_lost + bob.statistics.audio.packets_lost;
    let correlation = similarity.map_or(0.0, |similarity| similarity.correlation);
    let states = |side: &Side| side.states.iter().map(|(_, state)| *state).collect::<Vec<_>>();
    let mut checklist = Checklist::default();
    checklist.check(states(alice) == CALLER_STATES, format!("alice went {}", arrow(CALLER_STATES)));
    checklist.check(states(bob) == CALLEE_STATES, format!("bob went {}", arrow(CALLEE_STATES)));
    checklist.check(
        [alice, bob].iter().all(|side| matches!(side.end_reason, Some((0, _, _)))),
        "both ended normally",
    );
    checklist.check(
        [alice, bob]
            .iter()
            .all(|side| side.statistics.srtp_profile.as_deref() == Some("AEAD_AES_128_GCM")),
        "both legs are AEAD_AES_128_GCM",
    );
    checklist.check(lost == 0, format!("{lost} packets lost"));
    checklist.check(
        correlation >= LEAST_SIMILARITY,
        format!("bob heard what alice said: similarity {correlation:.3}, {LEAST_SIMILARITY} asked"),
    );
    if output.is_json() {
        output.print("", || {
            json!({
                "alice": side_json(alice),
                "bob": side_json(bob),
                "oneWayDelayMs": one_way_delay.map(|delay| delay.as_millis() as u64),
                "packetsLost": lost,
                "similarity": similarity.map(|similarity| similarity.correlation),
                "coverage": similarity.map(|similarity| similarity.coverage),
                "secondsSaid": conversation.said.len() as f64 / f64::from(SAMPLE_RATE_HZ),
                "steps": checklist.to_json(),
            })
        });
        return checklist.outcome();
    }
    timeline(alice, bob, output);
    output.say(format!("\n{}", output.bold("media")));
    for (name, side) in [("alice", alice), ("bob", bob)] {
        let statistics = &side.statistics;
        output.say(format!(
            "  {name:<6} connected in {}, {} packets out, {} in, level {} out, {} in",
            milliseconds(statistics.connect_time),
            statistics.audio.packets_sent,
            statistics.audio.packets_received,
            decibels(statistics.audio.level_sent_dbfs),
            decibels(statistics.audio.level_received_dbfs),
        ));
    }
    output.say(format!(
        "  one-way delay {}, from alice's mouth to bob's ear, jitter buffer included",
        milliseconds(*one_way_delay)
    ));
    if let Some(path) = written {
        output.say(format!("  bob's recording is in {}", path.display()));
    }
    output.say("");
    checklist.print(output);
    checklist.outcome()
}

fn timeline(alice: &Side, bob: &Side, output: &Output) {
    let mut steps: Vec<(Timestamp, &str, CallState)> = Vec::new();
    for (name, side) in [("alice", alice), ("bob", bob)] {
        steps.extend(side.states.iter().map(|(at, state)| (*at, name, *state)));
    }
    // A stable sort keeps each side's order where two steps share a microsecond.
    steps.sort_by_key(|(at, _, _)| *at);
    let Some(begin) = steps.first().map(|(at, _, _)| *at) else { return };
    output.say(format!("\n{}", output.bold("timeline")));
    for (at, name, state) in steps {
        let millis = at.saturating_duration_since(begin).as_secs_f64() * 1_000.0;
        let (left, right) = match name {
            "alice" => (state.as_str(), ""),
            _ => ("", state.as_str()),
        };
        output.say(format!("  {millis:>9.1} ms  alice {left:<14} bob {right}").trim_end());
    }
    for (name, side) in [("alice", alice), ("bob", bob)] {
        if let Some((code, sub_code, meaning)) = &side.end_reason {
            output.say(format!("  {name} ended {code}/{sub_code}: {meaning}"));
        }
    }
}

fn side_json(side: &Side) -> serde_json::Value {
    json!({
        "states": side.states.iter().map(|(at, state)| json!({
            "at": at.to_string(), "state": state.as_str(),
        })).collect::<Vec<_>>(),
        "endReason": side.end_reason.as_ref().map(|(code, sub_code, meaning)| json!({
            "code": code, "subCode": sub_code, "meaning": meaning,
        })),
        "connectMs": side.statistics.connect_time.map(|time| time.as_secs_f64() * 1_000.0),
        "srtpProfile": side.statistics.srtp_profile,
        "packetsSent": side.statistics.audio.packets_sent,
        "packetsReceived": side.statistics.audio.packets_received,
        "packetsLost": side.statistics.audio.packets_lost,
        "levelSentDbfs": side.statistics.audio.level_sent_dbfs,
        "levelReceivedDbfs": side.statistics.audio.level_received_dbfs,
    })
}

fn arrow(states: &[CallState]) -> String {
    states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(" → ")
}

fn milliseconds(duration: Option<Duration>) -> String {
    duration.map_or("unknown".to_owned(), |d| format!("{:.1} ms", d.as_secs_f64() * 1_000.0))
}

fn decibels(level: Option<f64>) -> String {
    level.map_or("silent".to_owned(), |level| format!("{level:.1} dBFS"))
}

/// The order of the source's diagram for one-to-one calls; the caller rings while the callee does.
const CALLER_STATES: &[CallState] = &[
    CallState::None,
    CallState::Connecting,
    CallState::Ringing,
    CallState::Connected,
    CallState::Disconnecting,
    CallState::Disconnected,
];
const CALLEE_STATES: &[CallState] = CALLER_STATES;

const LEAST_SIMILARITY: f32 = 0.9;

/// Far longer than any recording one would listen to a demo with.
const DEMO_LIMIT: Duration = Duration::from_secs(600);
