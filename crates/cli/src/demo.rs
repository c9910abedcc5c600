//! `trunkline demo`: scenarios run end to end, each step ticked.

mod first_call;
mod meeting;
mod party;
mod roster;
mod similarity;

use std::collections::BTreeSet;

use clap::Subcommand;
use serde_json::{Value, json};
use trunkline_client::TokenCredential;
use trunkline_node::TokenRequest;
use trunkline_policy::Scope;
use trunkline_reasons::EndReason;

use crate::exchange::Exchange;
use crate::failure::{Failure, Family};
use crate::output::Output;

/// The scenarios.
#[derive(Debug, Subcommand)]
pub(crate) enum DemoCommand {
    /// An app user calls a directory user, speaks, and is heard.
    FirstCall(first_call::FirstCallArguments),
    /// Guests come to a meeting by each of its three locators, wait in the lobby, and are let in.
    Meeting(meeting::MeetingArguments),
    /// Many headless clients meet in one group call; prints what that costs the exchange.
    Party(party::PartyArguments),
    /// People are added to a call and its chat and removed from both, by hand and followed.
    Roster(roster::RosterArguments),
}

pub(crate) async fn run(command: DemoCommand, output: &Output) -> Result<(), Failure> {
    match command {
        DemoCommand::FirstCall(arguments) => first_call::run(arguments, output).await,
        DemoCommand::Meeting(arguments) => meeting::run(arguments, output).await,
        DemoCommand::Party(arguments) => party::run(arguments, output).await,
        DemoCommand::Roster(arguments) => roster::run(arguments, output).await,
    }
}

/// The steps of a scenario and how they went.
#[derive(Debug, Default)]
struct Checklist {
    steps: Vec<(String, bool)>,
}

impl Checklist {
    fn check(&mut self, passed: bool, step: impl Into<String>) {
        self.steps.push((step.into(), passed));
    }

    fn print(&self, output: &Output) {
        for (step, passed) in &self.steps {
            output.say(format!("  {} {step}", output.tick(*passed)));
        }
    }

    fn to_json(&self) -> Value {
        let step = |(step, passed): &(String, bool)| json!({"step": step, "passed": passed});
        self.steps.iter().map(step).collect()
    }

    fn outcome(&self) -> Result<(), Failure> {
        match self.steps.iter().find(|(_, passed)| !passed) {
            None => Ok(()),
            Some((step, _)) => {
                let error = anyhow::anyhow!("the demo did not hold: {step}");
                Err(Failure::new(Family::CheckFailed, error))
            }
        }
    }
}

/// Gets a token for calling and chat of somebody whom a development exchange knows.
async fn token(exchange: &Exchange, who: &str) -> anyhow::Result<TokenCredential> {
    let (identity, now) = (exchange.node().identity(), exchange.node().clock().wall());
    let scopes = BTreeSet::from([Scope::Voip, Scope::Chat]);
    let request = TokenRequest { scopes: &scopes, life: None };
    let (_, token) = identity.issue_token(identity.resource(), who, request, now).await?;
    Ok(TokenCredential::fixed(token.token))
}

/// Returns code and subcode as clients see them.
fn pair(reason: EndReason) -> (i32, i32) {
    (i32::from(reason.code()), i32::try_from(reason.sub_code()).unwrap_or(i32::MAX))
}
