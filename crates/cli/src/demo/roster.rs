//! One roster in call and chat: the scenario of the source, by hand and followed automatically.
//!
//! The prose of the source has Charlie come and go, its printed steps have Dan; both are walked, each
//! in both modes. Last comes what must not be: the call before the chat, where a barrier is up.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde_json::json;
use tokio::time::timeout;
use trunkline_call::{CallState, ParticipantState};
use trunkline_chat::{CreateThread, Metadata, NewMember, RetentionPolicy};
use trunkline_client::{
    AgentEvent, Call, CallClient, CallClientOptions, CallTarget, Events, StartCallOptions,
    TeamsCallAgent, TrustRoots,
};
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_node::ChatActor;
use trunkline_policy::{BarrierRule, Scope, Segment, SegmentId};
use trunkline_reasons::EndReason;
use trunkline_signaling::codec::Encoding;

use super::{Checklist, pair, token};
use crate::exchange::{Exchange, ExchangeConfig};
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;

/// Options of `trunkline demo roster`.
#[derive(Debug, clap::Args)]
pub(crate) struct RosterArguments {}

pub(crate) async fn run(_arguments: RosterArguments, output: &Output) -> Result<(), Failure> {
    let mut config = ExchangeConfig::dev();
    config.listen.set_port(0);
    config.admin_listen.set_port(0);
    config.data_directory = None;
    let exchange = Exchange::start(config).await.in_family(Family::Unavailable)?;
    let mut checklist = Checklist::default();
    let outcome = timeout(DEMO_LIMIT, walk(&exchange, output, &mut checklist)).await;
    exchange.shutdown().await?;
    outcome
        .map_err(|_| anyhow!("the demo did not come to its end within {DEMO_LIMIT:?}"))
        .in_family(Family::CheckFailed)?
        .in_family(Family::CheckFailed)?;
    if output.is_json() {
        output.print("", || json!({"steps": checklist.to_json()}));
    }
    checklist.outcome()
}

async fn walk(
    exchange: &Exchange,
    output: &Output,
    checklist: &mut Checklist,
) -> anyhow::Result<()> {
    let mut scene = Scene::open(exchange, output, checklist).await?;
    scene.heading("the printed steps, by hand: alice, bob and charlie, then dan");
    scene.by_hand(&["bob", "charlie"], "dan").await?;
    scene.heading("the printed steps, followed: one operation each");
    scene.followed(&["bob", "charlie"], "dan").await?;
    scene.heading("the prose, by hand: alice and bob, then charlie");
    scene.by_hand(&["bob"], "charlie").await?;
    scene.heading("the prose, followed: one operation each");
    scene.followed(&["bob"], "charlie").await?;
    scene.heading("what must not be: the call before the chat, where a barrier is up");
    scene.guarded().await
}

/// Four people of the directory, and what they do.
struct Scene<'a> {
    exchange: &'a Exchange,
    output: &'a Output,
    checklist: &'a mut Checklist,
    agents: Vec<(&'static str, TeamsCallAgent, Events<AgentEvent>)>,
}

impl<'a> Scene<'a> {
    async fn open(
        exchange: &'a Exchange,
        output: &'a Output,
        checklist: &'a mut Checklist,
    ) -> anyhow::Result<Self> {
        let (_, ca) = exchange.ca().context("a development exchange has its own CA")?;
        let client = CallClient::new(CallClientOptions {
            endpoint: exchange.url(),
            trust: TrustRoots::Pem(ca.as_bytes().to_vec()),
            encoding: Encoding::Proto,
            user_agent: "trunkline demo".to_owned(),
        })?;
        let mut agents = Vec::new();
        for name in ["alice", "bob", "charlie", "dan"] {
            let token = token(exchange, name).await?;
            let agent = client.create_teams_call_agent(token).await?;
            let events = agent.events();
            agents.push((name, agent, events));
        }
        Ok(Self { exchange, output, checklist, agents })
    }

    /// The source's way: the program changes the chat, then the call, and back in the same order.
    async fn by_hand(&mut self, first: &[&str], guest: &str) -> anyhow::Result<()> {
        let together: Vec<&str> = [&["alice"], first].concat();
        let thread = self.create_thread(&together).await?;
        self.step("1 create the chat thread", None, &thread, &[], &together).await?;
        let call = self.start(first, Some(&thread), true).await?;
        self.step("2 start the call", Some(&call), &thread, &together, &together).await?;
        let with_guest: Vec<&str> = [&together[..], &[guest]].concat();
        self.add_member(&thread, guest).await?;
        self.step(
            &format!("3 add {guest} to the chat"),
            Some(&call),
            &thread,
            &together,
            &with_guest,
        )
        .await?;
        self.add(&call, guest, Some(&thread)).await?;
        self.step(
            &format!("4 add {guest} to the call"),
            Some(&call),
            &thread,
            &with_guest,
            &with_guest,
        )
        .await?;
        self.remove(&call, guest).await?;
        let step = format!("5 remove {guest} from the call");
        self.step(&step, Some(&call), &thread, &together, &with_guest).await?;
        self.remove_member(&thread, guest).await?;
        let step = format!("6 remove {guest} from the chat");
        self.step(&step, Some(&call), &thread, &together, &together).await?;
        self.end(&call).await
    }

    /// Our way: the chat follows the call.
    async fn followed(&mut self, first: &[&str], guest: &str) -> anyhow::Result<()> {
        let together: Vec<&str> = [&["alice"], first].concat();
        let call = self.start(first, None, false).await?;
        if first.len() > 1 {
            let thread = thread_of(&call).await?;
            self.step("start the call", Some(&call), &thread, &together, &together).await?;
        }
        self.add(&call, guest, None).await?;
        let thread = thread_of(&call).await?;
        let with_guest: Vec<&str> = [&together[..], &[guest]].concat();
        self.step(&format!("add {guest}"), Some(&call), &thread, &with_guest, &with_guest).await?;
        self.remove(&call, guest).await?;
        self.step(&format!("remove {guest}"), Some(&call), &thread, &together, &together).await?;
        self.end(&call).await
    }

    /// Dan is in a segment: he is added to the call before the chat, which is refused; then to the
    /// chat of a call with somebody from whom a barrier keeps him, which is refused as well.
    async fn guarded(&mut self) -> anyhow::Result<()> {
        let together = ["alice", "bob", "charlie"];
        let thread = self.create_thread(&together).await?;
        let call = self.start(&["bob", "charlie"], Some(&thread), true).await?;
        self.put_into_segment("dan", "research", BarrierRule::Block(BTreeSet::new())).await?;
        let refused = call.add_participant(CallTarget::alias("dan"), Some(thread.clone()))?;
        let reason = self.disconnected(&refused).await?;
        let expected = pair(EndReason::NOT_PERMITTED);
        let (in_call, in_chat) = self.rosters(Some(&call), &thread).await?;
        let is_clean = in_call == names(&together) && in_chat == names(&together);
        self.report(
            "dan, in a segment and not in the chat, is added to the call: refused, no trace left",
            reason == expected && is_clean,
            &in_call,
            &in_chat,
        );
        self.end(&call).await?;

        let sales = BarrierRule::Block(BTreeSet::from([segment("research")?]));
        self.put_into_segment("charlie", "sales", sales).await?;
        let call = self.start(&["bob", "charlie"], None, false).await?;
        let thread = thread_of(&call).await?;
        let refused = call.add_participant(CallTarget::alias("dan"), None)?;
        let reason = self.disconnected(&refused).await?;
        let (in_call, in_chat) = self.rosters(Some(&call), &thread).await?;
        let is_clean = in_call == names(&together) && in_chat == names(&together);
        self.report(
            &format!(
                "dan, whom a barrier keeps from charlie, is added: refused with {}/{}, no trace left",
                reason.0, reason.1
            ),
            reason.0 == 403 && is_clean,
            &in_call,
            &in_chat,
        );
        self.end(&call).await
    }

    async fn step(
        &mut self,
        step: &str,
        call: Option<&Call>,
        thread: &ThreadId,
        expected_in_call: &[&str],
        expected_in_chat: &[&str],
    ) -> anyhow::Result<()> {
        let wanted = (names(expected_in_call), names(expected_in_chat));
        let deadline = tokio::time::Instant::now() + STEP_LIMIT;
        let mut seen = self.rosters(call, thread).await?;
        // Everybody hears of it a moment later.
        while seen != wanted && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
            seen = self.rosters(call, thread).await?;
        }
        self.report(step, seen == wanted, &seen.0, &seen.1);
        Ok(())
    }

    fn heading(&self, text: &str) {
        self.output.say(format!("\n{}", self.output.bold(text)));
    }

    fn report(
        &mut self,
        step: &str,
        passed: bool,
        in_call: &BTreeSet<String>,
        in_chat: &BTreeSet<String>,
    ) {
        let list = |names: &BTreeSet<String>| {
            names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        self.output.say(format!(
            "  {} {step:<34} call: {:<24} chat: {}",
            self.output.tick(passed),
            list(in_call),
            list(in_chat)
        ));
        self.checklist.check(passed, step);
    }

    /// Returns who is in the call and who is in the chat, by alias.
    async fn rosters(
        &self,
        call: Option<&Call>,
        thread: &ThreadId,
    ) -> anyhow::Result<(BTreeSet<String>, BTreeSet<String>)> {
        let mut in_call = BTreeSet::new();
        if let Some(call) = call {
            in_call.insert("alice".to_owned());
            for other in call.remote_participants() {
                if other.state() == ParticipantState::Connected {
                    in_call.extend(other.identifier().map(|who| self.alias(&who)));
                }
            }
        }
        let actor = self.actor("alice")?;
        let members = self.exchange.node().chat().members(&actor, thread, 0, 250).await?;
        let in_chat = members.items.iter().map(|member| self.alias(&member.identifier)).collect();
        Ok((in_call, in_chat))
    }

    /// Calls people, each of whom accepts.
    async fn start(
        &mut self,
        targets: &[&str],
        thread: Option<&ThreadId>,
        is_manual: bool,
    ) -> anyhow::Result<Call> {
        let options = StartCallOptions {
            thread_id: thread.cloned(),
            is_chat_roster_manual: is_manual,
            ..StartCallOptions::default()
        };
        let whom: Vec<_> = targets.iter().map(|name| CallTarget::alias(*name)).collect();
        let call = self.agent("alice")?.start_call(whom, options)?;
        for name in targets {
            self.accept(name).await?;
        }
        timeout(STEP_LIMIT, call.reached(CallState::Connected))
            .await
            .context("the call was not connected in time")?
            .map_err(|reason| anyhow!("the call ended before it was connected: {reason:?}"))?;
        Ok(call)
    }

    async fn add(
        &mut self,
        call: &Call,
        name: &str,
        thread: Option<&ThreadId>,
    ) -> anyhow::Result<()> {
        let added = call.add_participant(CallTarget::alias(name), thread.cloned())?;
        self.accept(name).await.with_context(|| format!("added: {:?}", added.call_end_reason()))?;
        Ok(())
    }

    async fn remove(&self, call: &Call, name: &str) -> anyhow::Result<()> {
        let wanted = self.identifier(name)?;
        let others = call.remote_participants();
        let found = others.iter().find(|other| other.identifier().as_ref() == Some(&wanted));
        let found = found.with_context(|| format!("{name} is not in the call"))?;
        Ok(call.remove_participant(found).await?)
    }

    async fn end(&self, call: &Call) -> anyhow::Result<()> {
        call.hang_up_for_everyone().await?;
        call.ended().await;
        Ok(())
    }

    async fn disconnected(
        &self,
        participant: &trunkline_client::RemoteParticipant,
    ) -> anyhow::Result<(i32, i32)> {
        let deadline = tokio::time::Instant::now() + STEP_LIMIT;
        while participant.state() != ParticipantState::Disconnected {
            if tokio::time::Instant::now() > deadline {
                return Err(anyhow!("the participant was not refused"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let reason = participant.call_end_reason().context("a refusal has a reason")?;
        Ok((reason.code, reason.sub_code))
    }

    async fn create_thread(&self, members: &[&str]) -> anyhow::Result<ThreadId> {
        let others = members.iter().filter(|name| **name != "alice");
        let request = CreateThread {
            topic: "Demo".to_owned(),
            members: others.map(|name| self.member(name)).collect::<Result<_, _>>()?,
            metadata: Metadata::new(),
            retention: RetentionPolicy::None,
        };
        let actor = self.actor("alice")?;
        let created = self.exchange.node().chat().create_thread(&actor, request, None).await?;
        Ok(created.thread.id)
    }

    async fn add_member(&self, thread: &ThreadId, name: &str) -> anyhow::Result<()> {
        let (actor, member) = (self.actor("alice")?, self.member(name)?);
        let invalid = self.exchange.node().chat().add_members(&actor, thread, vec![member]).await?;
        anyhow::ensure!(invalid.is_empty(), "{name} may not be in the chat");
        Ok(())
    }

    async fn remove_member(&self, thread: &ThreadId, name: &str) -> anyhow::Result<()> {
        let (actor, identifier) = (self.actor("alice")?, self.identifier(name)?);
        Ok(self.exchange.node().chat().remove_member(&actor, thread, identifier).await?)
    }

    async fn put_into_segment(
        &self,
        name: &str,
        id: &str,
        rule: BarrierRule,
    ) -> anyhow::Result<()> {
        let admin = self.exchange.node().admin();
        let tenant = &self.exchange.config().tenant;
        let id = segment(id)?;
        admin.put_segment(tenant, Segment { id: id.clone(), rule }).await?;
        let users = admin.directory_users(tenant)?;
        let user = users.into_iter().find(|user| user.alias.as_str() == name);
        let mut user = user.with_context(|| format!("{name} is not in the directory"))?;
        user.segment = Some(id);
        Ok(admin.put_directory_user(tenant, user).await?)
    }

    /// Takes the next call that rings somebody.
    async fn accept(&mut self, name: &str) -> anyhow::Result<()> {
        let found = self.agents.iter_mut().find(|(own, ..)| *own == name);
        let (_, agent, events) = found.with_context(|| format!("nobody is called {name}"))?;
        let incoming = timeout(STEP_LIMIT, agent.next_incoming_call(events)).await;
        let incoming = incoming.with_context(|| format!("{name} does not ring"))?;
        incoming.context("the agent is over")?.accept_without_media().await?;
        Ok(())
    }

    fn agent(&self, name: &str) -> anyhow::Result<&TeamsCallAgent> {
        let found = self.agents.iter().find(|(own, ..)| *own == name);
        found.map(|(_, agent, _)| agent).with_context(|| format!("nobody is called {name}"))
    }

    fn actor(&self, name: &str) -> anyhow::Result<ChatActor> {
        Ok(ChatActor::new(self.identifier(name)?, [Scope::Chat]))
    }

    fn member(&self, name: &str) -> anyhow::Result<NewMember> {
        Ok(NewMember::new(self.identifier(name)?))
    }

    fn identifier(&self, name: &str) -> anyhow::Result<CommunicationIdentifier> {
        Ok(self.exchange.node().identity().resolve_target(name)?)
    }

    fn alias(&self, who: &CommunicationIdentifier) -> String {
        let known = ["alice", "bob", "charlie", "dan"];
        let found = known.iter().find(|name| self.identifier(name).ok().as_ref() == Some(who));
        found.map_or_else(|| "?".to_owned(), |name| (*name).to_owned())
    }
}

/// Returns the chat of a call, as soon as its caller has heard that it is a group.
async fn thread_of(call: &Call) -> anyhow::Result<ThreadId> {
    let deadline = tokio::time::Instant::now() + STEP_LIMIT;
    loop {
        match call.info().thread_id {
            Some(thread_id) => return Ok(thread_id),
            None if tokio::time::Instant::now() > deadline => {
                return Err(anyhow!("a group call says its thread"));
            }
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn segment(id: &str) -> anyhow::Result<SegmentId> {
    id.parse().context("a segment's name")
}

/// The whole demo takes seconds.
const DEMO_LIMIT: Duration = Duration::from_secs(60);

/// Each step takes a fraction of a second.
const STEP_LIMIT: Duration = Duration::from_secs(5);
