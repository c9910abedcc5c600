//! `trunkline events calls`: what happens in all calls and meetings, across lost connections.

use tonic::Status;
use trunkline_proto::calling::v1::call_event;
use trunkline_proto::events::v1::{
    CallOccurrence, WatchCallsRequest, WatchCallsResponse, call_occurrence,
};

use crate::failure::Failure;
use crate::output::Output;
use crate::remote::{Remote, wait_to_resume};
use crate::wire_json::to_json;

/// Options of `trunkline events calls`.
#[derive(Debug, clap::Args)]
pub(super) struct CallsArguments {
    /// Only what happens in this call.
    #[arg(long)]
    call: Option<String>,
    /// Begin after this place in the log; with what happens from here on when left out.
    #[arg(long)]
    after: Option<u64>,
    /// End after so many events.
    #[arg(long)]
    count: Option<usize>,
}

pub(super) async fn run(
    arguments: CallsArguments,
    remote: &Remote,
    output: &Output,
) -> Result<(), Failure> {
    let mut remaining = arguments.count.unwrap_or(usize::MAX);
    let mut feed = Feed {
        request: WatchCallsRequest {
            after_seq: arguments.after,
            call_id: arguments.call.unwrap_or_default(),
        },
        stream: None,
    };
    tokio::select! {
        outcome = async {
            while remaining > 0 {
                let response = feed.next(remote).await?;
                if let Some(told) = &response.occurrence {
                    remaining -= 1;
                    output.print(line(response.seq, told), || to_json(RESPONSE, &response));
                }
            }
            Ok(())
        } => outcome,
        // Whoever interrupts has seen enough.
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// What happens, from a place on; over a lost connection it goes on where it was.
struct Feed {
    request: WatchCallsRequest,
    stream: Option<tonic::Streaming<WatchCallsResponse>>,
}

impl Feed {
    async fn next(&mut self, remote: &Remote) -> Result<WatchCallsResponse, Failure> {
        loop {
            match self.receive(remote).await {
                Ok(Some(response)) => {
                    self.request.after_seq = Some(response.seq);
                    return Ok(response);
                }
                Ok(None) => self.stream = None,
                Err(status) => {
                    self.stream = None;
                    wait_to_resume(status, self.request.after_seq).await?;
                }
            }
        }
    }

    async fn receive(&mut self, remote: &Remote) -> Result<Option<WatchCallsResponse>, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let mut events = remote
                    .events()
                    .map_err(|failure| Status::invalid_argument(failure.to_string()))?;
                let opened = events.watch_calls(self.request.clone()).await?;
                self.stream.insert(opened.into_inner())
            }
        };
        stream.message().await
    }
}

fn line(seq: u64, told: &CallOccurrence) -> String {
    let (place, what) = match &told.event {
        Some(call_occurrence::Event::CallEvent(event)) => {
            (format!("{}#{}", told.call_id, event.seq), event.kind.as_ref().map_or("", name))
        }
        Some(call_occurrence::Event::MeetingEvent(event)) => {
            (format!("{}#{}", told.meeting_id, event.seq), "in the meeting")
        }
        None => (told.call_id.clone(), ""),
    };
    let who = told.participant.as_ref().map_or_else(String::new, |one| {
        let state = one.state().as_str_name().trim_start_matches("PARTICIPANT_STATE_");
        let id = one.identifier.clone().unwrap_or_default().raw_id;
        format!("  {id} {}", state.to_lowercase())
    });
    format!("{seq:>6} {place} {what}{who}")
}

fn name(kind: &call_event::Kind) -> &'static str {
    match kind {
        call_event::Kind::CallEnded(_) => "call ended",
        call_event::Kind::CallKindChanged(_) => "kind changed",
        call_event::Kind::CallStarted(_) => "call started",
        call_event::Kind::CallStateChanged(_) => "connection changed",
        call_event::Kind::OperationCompleted(_) => "operation completed",
        call_event::Kind::ParticipantAdded(_) => "participant added",
        call_event::Kind::ParticipantRemoved(_) => "participant removed",
        call_event::Kind::ParticipantStateChanged(_) => "participant changed",
        call_event::Kind::ParticipantUpdated(_) => "participant updated",
        call_event::Kind::Snapshot(_) => "snapshot",
        call_event::Kind::SpeakingChanged(_) => "speaking changed",
        call_event::Kind::TransferStateChanged(_) => "transfer changed",
    }
}

const RESPONSE: &str = "trunkline.events.v1.WatchCallsResponse";
