//! The calls of everybody, with their media, for whoever runs the exchange.

use std::fmt::Write as _;

use anyhow::anyhow;
use trunkline_api::admin::v1::admin_service_client::AdminServiceClient;
use trunkline_proto::admin::v1::{
    EndLiveCallRequest, GetLiveCallRequest, ListLiveCallsRequest, LiveCall, MediaLeg,
    WatchLiveCallRequest,
};
use trunkline_proto::calling::v1::StreamKind;

use super::{CallCommand, described, line, print_event};
use crate::failure::{Failure, Family};
use crate::output::Output;
use crate::remote::{Authorized, from_status};
use crate::wire_json::to_json;

pub(super) async fn run(
    command: CallCommand,
    admin: &mut AdminServiceClient<Authorized>,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        CallCommand::List => {
            let request = ListLiveCallsRequest {};
            let listed = admin.list_live_calls(request).await.map_err(from_status)?;
            for live in &listed.into_inner().calls {
                let call = live.call.clone().unwrap_or_default();
                let text = format!("{}, {} with media", line(&call), live.legs.len());
                output.print(text, || to_json(LIVE_CALL, live));
            }
        }
        CallCommand::Show { call } => {
            let request = GetLiveCallRequest { call_id: call };
            let found = admin.get_live_call(request).await.map_err(from_status)?.into_inner();
            show(&found.call.unwrap_or_default(), output);
        }
        CallCommand::Tail { call, after } => {
            let request = WatchLiveCallRequest { call_id: call, after_seq: after };
            let events = admin.watch_live_call(request).await.map_err(from_status)?;
            let mut events = events.into_inner();
            while let Some(next) = events.message().await.map_err(from_status)? {
                print_event(next.event.unwrap_or_default(), output);
            }
        }
        CallCommand::Hangup { call, everyone: _ } => {
            let request = EndLiveCallRequest { call_id: call };
            admin.end_live_call(request).await.map_err(from_status)?;
            output.say("the call is over");
        }
        CallCommand::History { .. } | CallCommand::Transfer { .. } => {
            let text = "history and transfer are somebody's own: say whose with --as";
            return Err(Failure::new(Family::Usage, anyhow!(text)));
        }
    }
    Ok(())
}

fn show(live: &LiveCall, output: &Output) {
    let call = live.call.clone().unwrap_or_default();
    let mut text = described(&call, output);
    for leg in &live.legs {
        let name = call.participants.iter().find(|one| one.participant_id == leg.participant_id);
        let name = name.map(|one| one.display_name.as_str()).unwrap_or_default();
        let _ = write!(text, "\n  media {name}: {}", media(leg));
    }
    output.print(text, || to_json(LIVE_CALL, live));
}

fn media(leg: &MediaLeg) -> String {
    let state = leg.state().as_str_name().trim_start_matches("MEDIA_LEG_STATE_").to_lowercase();
    let mut text = format!(
        "{state} {} {}, {} ms to connect, round trip {} ms, {} packets sent",
        leg.peer_address, leg.srtp_profile, leg.connect_ms, leg.round_trip_ms, leg.packets_sent,
    );
    for stream in leg.published.iter().filter(|stream| stream.packets_received > 0) {
        let kind = match stream.kind() {
            StreamKind::Audio => "voice",
            StreamKind::Camera => "camera",
            StreamKind::Screen => "screen",
            StreamKind::Unspecified => "stream",
        };
        let (came, lost) = (stream.packets_received, stream.packets_lost);
        let jitter = f64::from(stream.jitter_us) / 1_000.0;
        let stopped = if stream.is_enabled { "" } else { ", stopped here" };
        let _ =
            write!(text, "; {kind} {came} packets, {lost} lost, jitter {jitter:.1} ms{stopped}");
    }
    text
}

const LIVE_CALL: &str = "trunkline.admin.v1.LiveCall";
