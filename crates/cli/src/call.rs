//! `trunkline call`: the live calls of somebody or of everybody, what happens in them, and their end.

mod live;

use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::json;
use trunkline_api::calling::v1::calling_service_client::CallingServiceClient;
use trunkline_proto::calling::v1::{
    Call, CallDirection, CallEvent, GetCallRequest, HangUpRequest, ListCallHistoryRequest,
    ListCallsRequest, PastCall, PastParty, TransferCallRequest, TransferState, WatchCallRequest,
    call_event,
};

use crate::RemoteArguments;
use crate::failure::{Failure, Family};
use crate::output::Output;
use crate::remote::{Authorized, Remote, Who, from_status};
use crate::wire_json::to_json;

/// Options of `trunkline call`.
#[derive(Debug, clap::Args)]
pub(crate) struct CallArguments {
    #[command(subcommand)]
    command: CallCommand,
    /// Whose calls: a raw id or an alias.
    #[arg(long, global = true, value_name = "USER", default_value = "alice")]
    r#as: String,
    /// Every call, whoever is in it, with its media: asks with the access key, in nobody's name.
    #[arg(long, global = true, conflicts_with_all = ["as", "token"])]
    all: bool,
    /// The user's access token, instead of one that the access key gets.
    #[arg(long, global = true, env = "TRUNKLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    remote: RemoteArguments,
}

#[derive(Debug, Subcommand)]
enum CallCommand {
    /// List the live calls.
    List,
    /// Show a call with its roster.
    Show {
        /// The call.
        call: String,
    },
    /// Print the events of a call in order until it ends.
    Tail {
        /// The call.
        call: String,
        /// Go on after this event instead of starting with the whole call.
        #[arg(long)]
        after: Option<u64>,
    },
    /// List the calls that are over, the one that ended last first.
    History {
        /// Only those that were missed.
        #[arg(long)]
        missed: bool,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: i32,
    },
    /// Hand one's place in a call to somebody else, and wait until that one has taken it.
    Transfer {
        /// The call.
        call: String,
        /// Whom to call: a raw id or an alias.
        target: String,
        /// Who is handed over, where that is not plain: a participant id, a raw id or an alias.
        #[arg(long, value_name = "PARTICIPANT")]
        transferee: Option<String>,
    },
    /// Leave a call, or end it; with --all, end it.
    Hangup {
        /// The call.
        call: String,
        /// End it for everyone.
        #[arg(long)]
        everyone: bool,
    },
}

pub(crate) async fn run(arguments: CallArguments, output: &Output) -> Result<(), Failure> {
    let remote = Remote::connect(&arguments.remote).await?;
    if arguments.all {
        return live::run(arguments.command, &mut remote.admin()?, output).await;
    }
    let who = match arguments.token {
        Some(token) => Who::Token(token),
        None => Who::User(arguments.r#as),
    };
    let mut calling = remote.calling(&who).await?;
    match arguments.command {
        CallCommand::List => {
            let listed = calling.list_calls(ListCallsRequest {}).await.map_err(from_status)?;
            for call in &listed.into_inner().calls {
                output.print(line(call), || to_json(CALL, call));
            }
        }
        CallCommand::Show { call } => {
            let request = GetCallRequest { call_id: call };
            let found = calling.get_call(request).await.map_err(from_status)?.into_inner();
            show(&found.call.unwrap_or_default(), output);
        }
        CallCommand::Tail { call, after } => {
            let request = WatchCallRequest { call_id: call, after_seq: after };
            let mut events = calling.watch_call(request).await.map_err(from_status)?.into_inner();
            while let Some(next) = events.message().await.map_err(from_status)? {
                print_event(next.event.unwrap_or_default(), output);
            }
        }
        CallCommand::History { missed, limit } => {
            let request = ListCallHistoryRequest {
                page_size: limit,
                missed_only: missed,
                ..ListCallHistoryRequest::default()
            };
            let listed = calling.list_call_history(request).await.map_err(from_status)?;
            for call in &listed.into_inner().calls {
                output.print(past(call), || to_json(PAST_CALL, call));
            }
        }
        CallCommand::Transfer { call, target, transferee } => {
            transfer(&mut calling, call, target, transferee, output).await?;
        }
        CallCommand::Hangup { call, everyone } => {
            let request = HangUpRequest {
                call_id: call.clone(),
                for_everyone: everyone,
                ..HangUpRequest::default()
            };
            calling.hang_up(request).await.map_err(from_status)?;
            let text = if everyone { "the call is over" } else { "left the call" };
            output.print(text, || json!({"callId": call, "forEveryone": everyone}));
        }
    }
    Ok(())
}

/// Asks for a transfer and follows the call until it is known how that ended.
async fn transfer(
    calling: &mut CallingServiceClient<Authorized>,
    call_id: String,
    target: String,
    transferee: Option<String>,
    output: &Output,
) -> Result<(), Failure> {
    // Followed from before the transfer, so that its end cannot be missed.
    let request = WatchCallRequest { call_id: call_id.clone(), after_seq: None };
    let mut events = calling.watch_call(request).await.map_err(from_status)?.into_inner();
    let request = TransferCallRequest {
        call_id,
        target: target.clone(),
        transferee: transferee.unwrap_or_default(),
        ..TransferCallRequest::default()
    };
    let asked = calling.transfer_call(request).await.map_err(from_status)?.into_inner();
    let target_id = asked.target.map(|target| target.participant_id);
    while let Some(next) = events.message().await.map_err(from_status)? {
        let Some(call_event::Kind::TransferStateChanged(change)) =
            next.event.and_then(|event| event.kind)
        else {
            continue;
        };
        // A target that cannot even ring has no entry in the roster to be named by.
        if target_id.as_ref().is_some_and(|id| *id != change.target_id) {
            continue;
        }
        match change.state() {
            TransferState::Accepted => {
                let text = format!("{target} has taken over the call");
                output.print(text, || to_json(TRANSFER, &change));
                return Ok(());
            }
            TransferState::Failed => {
                let reason = change.reason.unwrap_or_default();
                let (code, sub_code) = (reason.code, reason.sub_code);
                let text = format!("{target} has not taken over the call: {code}/{sub_code}");
                return Err(Failure::new(Family::Refused, anyhow::anyhow!(text)));
            }
            TransferState::Transferring | TransferState::Unspecified => {}
        }
    }
    let text = "the exchange stopped telling of the call";
    Err(Failure::new(Family::Unavailable, anyhow::anyhow!(text)))
}

fn show(call: &Call, output: &Output) {
    output.print(described(call, output), || to_json(CALL, call));
}

fn print_event(event: CallEvent, output: &Output) {
    let json = to_json(EVENT, &event);
    output.print(format!("{:>5} {json}", event.seq), || json.clone());
}

fn line(call: &Call) -> String {
    let kind = kind_of(call);
    format!("{} {kind:<10} {} there", call.call_id, call.participants.len())
}

fn described(call: &Call, output: &Output) -> String {
    let mut text = format!("{} ({}, seq {})", output.bold(&call.call_id), kind_of(call), call.seq);
    if !call.thread_id.is_empty() {
        let _ = write!(text, "\n  chat  {}", call.thread_id);
    }
    for participant in &call.participants {
        let state = participant.state().as_str_name();
        let state = state.trim_start_matches("PARTICIPANT_STATE_").to_lowercase();
        let muted = if participant.is_muted { ", muted" } else { "" };
        let who = participant.identifier.clone().unwrap_or_default().raw_id;
        let _ = write!(text, "\n  {:<12} {} {who}{muted}", state, participant.display_name);
    }
    text
}

fn past(call: &PastCall) -> String {
    let arrow = match (call.is_missed, call.direction()) {
        (true, _) => "missed",
        (false, CallDirection::Incoming) => "from",
        (false, CallDirection::Outgoing | CallDirection::Unspecified) => "to",
    };
    let name = |other: &PastParty| match other.display_name.is_empty() {
        true => other.identifier.clone().unwrap_or_default().raw_id,
        false => other.display_name.clone(),
    };
    let others: Vec<String> = call.others.iter().map(name).collect();
    let at = call.started_at.as_ref().and_then(trunkline_api::convert::parse_timestamp);
    let at = at.map(|at| at.to_string()).unwrap_or_default();
    let reason = call.end_reason.clone().unwrap_or_default();
    format!("{at} {arrow:<6} {:<32} {}/{}", others.join(", "), reason.code, reason.sub_code)
}

fn kind_of(call: &Call) -> String {
    call.kind().as_str_name().trim_start_matches("CALL_KIND_").to_lowercase()
}

const CALL: &str = "trunkline.calling.v1.Call";
const PAST_CALL: &str = "trunkline.calling.v1.PastCall";
const EVENT: &str = "trunkline.calling.v1.CallEvent";
const TRANSFER: &str = "trunkline.calling.v1.TransferStateChanged";
