//! The meeting: a guest comes by link, by coordinates and by id and passcode, waits in the lobby, and
//! is let in by a person or by a program; one who is turned away stays away.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde_json::json;
use tokio::time::timeout;
use trunkline_call::CallState;
use trunkline_client::{
    AudioSink, AudioSource, Call, CallAgent, CallAgentOptions, CallClient, CallClientOptions,
    MediaOptions, TeamsCallAgent, TrustRoots,
};
use trunkline_ids::{JoinCode, JoinLink, MeetingLocator};
use trunkline_interop::{AttemptLimits, LobbyBypassScope, MeetingSettings, Schedule};
use trunkline_node::{CreateMeeting, MeetingActor};
use trunkline_proto::meetings::v1::{self as meetings, meeting_action};
use trunkline_reasons::EndReason;
use trunkline_signaling::codec::Encoding;

use super::{Checklist, pair, token};
use crate::exchange::{Exchange, ExchangeConfig};
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;

/// Options of `trunkline demo meeting`.
#[derive(Debug, clap::Args)]
pub(crate) struct MeetingArguments {}

pub(crate) async fn run(_arguments: MeetingArguments, output: &Output) -> Result<(), Failure> {
    let mut config = ExchangeConfig::dev();
    config.listen.set_port(0);
    config.admin_listen.set_port(0);
    config.data_directory = None;
    let exchange = Exchange::start(config).await.in_family(Family::Unavailable)?;
    let mut checklist = Checklist::default();
    let outcome = timeout(DEMO_LIMIT, meet(&exchange, output, &mut checklist)).await;
    exchange.shutdown().await?;
    outcome
        .map_err(|_| anyhow!("the demo did not come to its end within {DEMO_LIMIT:?}"))
        .in_family(Family::CheckFailed)?
        .in_family(Family::CheckFailed)?;
    if output.is_json() {
        output.print("", || json!({"steps": checklist.to_json()}));
    } else {
        output.say("");
        checklist.print(output);
    }
    checklist.outcome()
}

async fn meet(
    exchange: &Exchange,
    output: &Output,
    checklist: &mut Checklist,
) -> anyhow::Result<()> {
    let scene = Scene::open(exchange).await?;
    let meeting = scene.create_meeting().await?;
    let link: JoinLink = meeting.join_link.parse().context("the join link")?;
    let code = meeting.code.clone().context("whoever makes a meeting sees its code")?;
    output.say(format!("bob's meeting is joined by {}", meeting.join_link));
    output.say("or by its twelve digits and the passcode, which are not printed here");

    let host = scene.bob.join(MeetingLocator::Link(link.clone()), Some(silent()))?;
    reached(&host, CallState::Connected).await.context("the organizer comes in")?;
    checklist.check(true, "the organizer enters without waiting");

    let code = JoinCode { id: code.meeting_id.parse()?, passcode: code.passcode.parse()? };
    let locators = [
        ("link", MeetingLocator::Link(link.clone()), Admit::ByPerson),
        ("coordinates", MeetingLocator::Coordinates(link.coordinates().clone()), Admit::ByProgram),
        ("id and passcode", MeetingLocator::Code(code), Admit::ByPerson),
        ("link, second run", MeetingLocator::Link(link.clone()), Admit::ByProgram),
    ];
    for (number, (name, locator, admit)) in locators.into_iter().enumerate() {
        let guest = scene.guest(&format!("Guest {}", number + 1)).await?;
        let call = guest.join(locator, Some(tone()))?;
        reached(&call, CallState::InLobby).await.with_context(|| format!("joining by {name}"))?;
        let alone = call.remote_participants().is_empty();
        tokio::time::sleep(LISTENING).await;
        let heard = call.media_statistics().unwrap_or_default().audio.packets_received;
        checklist.check(
            alone && heard == 0,
            format!("by {name}: waits in the lobby, sees nobody and hears nothing"),
        );
        scene.admit(&host, &call, &meeting, admit).await?;
        reached(&call, CallState::Connected).await?;
        let by = match admit {
            Admit::ByPerson => "a person",
            Admit::ByProgram => "a program over the API",
        };
        checklist.check(
            call.remote_participants()
                .iter()
                .any(|other| other.display_name().as_deref() == Some("Bob Baker")),
            format!("by {name}: let in by {by}, and sees who is there"),
        );
        call.hang_up().await?;
        call.ended().await;
        guest.dispose().await;
    }
    turned_away(&scene, &host, &link, checklist).await?;
    guessing(&scene, &code, checklist).await?;
    host.hang_up().await?;
    scene.bob.dispose().await;
    Ok(())
}

/// Who is turned away once is turned away at once the next time.
async fn turned_away(
    scene: &Scene<'_>,
    host: &Call,
    link: &JoinLink,
    checklist: &mut Checklist,
) -> anyhow::Result<()> {
    let guest = scene.guest("Mallory").await?;
    let call = guest.join(MeetingLocator::Link(link.clone()), Some(silent()))?;
    reached(&call, CallState::InLobby).await?;
    let waiting = waiting(host).await?;
    host.admit(&waiting, false).await?;
    let dismissed = EndReason::LOBBY_DISMISSED;
    let reason = ended(&call).await?;
    checklist.check(reason == pair(dismissed), "a guest who is turned away hears why");
    let again = guest.join(MeetingLocator::Link(link.clone()), Some(silent()))?;
    let reason = ended(&again).await?;
    checklist.check(reason == pair(dismissed), "and is turned away at once the next time");
    guest.dispose().await;
    Ok(())
}

/// Wrong passcodes are counted, and then not even the right one helps.
async fn guessing(
    scene: &Scene<'_>,
    code: &JoinCode,
    checklist: &mut Checklist,
) -> anyhow::Result<()> {
    let guest = scene.guest("Guesser").await?;
    let mut reasons = BTreeSet::new();
    let wrong: [&str; 3] = ["AAAAAA", "BBBBBB", "CCCCCC"];
    let attempts = AttemptLimits::default().per_caller;
    for passcode in wrong.iter().cycle().take(attempts) {
        let code = JoinCode { id: code.id, passcode: passcode.parse()? };
        let call = guest.join(MeetingLocator::Code(code), None)?;
        reasons.insert(ended(&call).await?);
    }
    let call = guest.join(MeetingLocator::Code(*code), None)?;
    reasons.insert(ended(&call).await?);
    let is_one = reasons == BTreeSet::from([pair(EndReason::JOIN_CODE_REFUSED)]);
    checklist
        .check(is_one, format!("after {attempts} wrong passcodes the right one is refused, too"));
    guest.dispose().await;
    Ok(())
}

#[derive(Clone, Copy)]
enum Admit {
    ByPerson,
    ByProgram,
}

struct Scene<'a> {
    exchange: &'a Exchange,
    client: CallClient,
    bob: TeamsCallAgent,
}

impl<'a> Scene<'a> {
    async fn open(exchange: &'a Exchange) -> anyhow::Result<Self> {
        let (_, ca) = exchange.ca().context("a development exchange has its own CA")?;
        let client = CallClient::new(CallClientOptions {
            endpoint: exchange.url(),
            trust: TrustRoots::Pem(ca.as_bytes().to_vec()),
            encoding: Encoding::Proto,
            user_agent: "trunkline demo".to_owned(),
        })?;
        let bob = client.create_teams_call_agent(token(exchange, "bob").await?).await?;
        Ok(Self { exchange, client, bob })
    }

    async fn create_meeting(&self) -> anyhow::Result<meetings::Meeting> {
        let organizer = self.exchange.node().meetings().identifier("bob")?;
        let request = CreateMeeting {
            organizer,
            subject: Some("The demo".to_owned()),
            schedule: Schedule::MeetNow,
            settings: MeetingSettings {
                lobby_bypass: LobbyBypassScope::Organization,
                ..MeetingSettings::default()
            },
            roles: Default::default(),
            invited: Default::default(),
            is_channel: false,
        };
        let meetings = self.exchange.node().meetings();
        Ok(meetings.create(&MeetingActor::Application, request).await?)
    }

    async fn guest(&self, name: &str) -> anyhow::Result<CallAgent> {
        let identity = self.exchange.node().identity();
        let now = self.exchange.node().clock().wall();
        let user = identity.create_user(identity.resource(), now).await?;
        let token = token(self.exchange, &user.identifier.to_string()).await?;
        let options = CallAgentOptions { display_name: Some(name.parse()?) };
        Ok(self.client.create_call_agent(token, options).await?)
    }

    /// Lets the one in who waits.
    async fn admit(
        &self,
        host: &Call,
        guest: &Call,
        meeting: &meetings::Meeting,
        by: Admit,
    ) -> anyhow::Result<()> {
        match by {
            Admit::ByPerson => Ok(host.admit(&waiting(host).await?, true).await?),
            Admit::ByProgram => {
                let participant = guest.participant_id().context("who waits has an entry")?;
                let person = meetings::Person { participant: participant.to_string() };
                let action =
                    meetings::MeetingAction { kind: Some(meeting_action::Kind::Admit(person)) };
                let actor = MeetingActor::Application;
                let meetings = self.exchange.node().meetings();
                meetings.act(&actor, &meeting.meeting_id, "", action).await?;
                Ok(())
            }
        }
    }
}

/// Returns the participant whom the organizer sees waiting.
async fn waiting(host: &Call) -> anyhow::Result<trunkline_ids::ParticipantId> {
    let deadline = tokio::time::Instant::now() + STEP_LIMIT;
    loop {
        let others = host.remote_participants();
        let waits =
            others.iter().find(|other| other.state() == trunkline_call::ParticipantState::InLobby);
        if let Some(found) = waits {
            return found.id().context("who waits has an entry");
        }
        if tokio::time::Instant::now() > deadline {
            return Err(anyhow!("the organizer sees nobody who waits"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn reached(call: &Call, state: CallState) -> anyhow::Result<()> {
    timeout(STEP_LIMIT, call.reached(state))
        .await
        .with_context(|| format!("{state} was not reached within {STEP_LIMIT:?}"))?
        .map_err(|reason| anyhow!("the call ended on the way to {state}: {reason:?}"))
}

async fn ended(call: &Call) -> anyhow::Result<(i32, i32)> {
    let reason = timeout(STEP_LIMIT, call.ended()).await.context("the call did not end")?;
    let reason = reason.context("a call ends with a reason")?;
    Ok((reason.code, reason.sub_code))
}

fn silent() -> MediaOptions {
    MediaOptions::audio(AudioSource::silence(), AudioSink::none())
}

fn tone() -> MediaOptions {
    MediaOptions::audio(AudioSource::tone(440.0, -18.0), AudioSink::none())
}

/// The whole demo takes seconds.
const DEMO_LIMIT: Duration = Duration::from_secs(60);

/// Each step takes a fraction of a second.
const STEP_LIMIT: Duration = Duration::from_secs(10);

/// Long enough for fifteen packets of speech.
const LISTENING: Duration = Duration::from_millis(300);
