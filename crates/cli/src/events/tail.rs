//! `trunkline events tail`: the log as Event Grid JSON, across lost connections.

use tonic::Status;
use trunkline_proto::events::v1::{
    DeliverySchema, Notification, WatchEventsRequest, WatchEventsResponse,
};

use crate::failure::Failure;
use crate::output::Output;
use crate::remote::{Remote, wait_to_resume};

/// Options of `trunkline events tail`.
#[derive(Debug, clap::Args)]
pub(super) struct TailArguments {
    #[command(flatten)]
    pub(super) which: Which,
    /// Print CloudEvents rather than the Event Grid schema.
    #[arg(long)]
    cloud_events: bool,
}

/// Which events.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Which {
    /// The types wanted, separated by commas; all when left out.
    #[arg(long, value_delimiter = ',')]
    types: Vec<String>,
    /// Begin after this place in the log; with what happens from here on when left out.
    #[arg(long)]
    after: Option<u64>,
    /// End after so many events.
    #[arg(long)]
    count: Option<usize>,
}

pub(super) async fn run(
    arguments: TailArguments,
    remote: &Remote,
    output: &Output,
) -> Result<(), Failure> {
    let schema = match arguments.cloud_events {
        true => DeliverySchema::CloudEvents,
        false => DeliverySchema::EventGrid,
    };
    let mut log = Log::new(arguments.which, schema);
    tokio::select! {
        outcome = async {
            while let Some((_, event)) = log.next(remote).await? {
                // An event is JSON for people, too.
                output.print(&event.event_json, || {
                    serde_json::from_str(&event.event_json).unwrap_or_default()
                });
            }
            Ok(())
        } => outcome,
        // Whoever interrupts has seen enough.
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// The log, from a place on; over a lost connection it goes on where it was.
pub(super) struct Log {
    which: Which,
    schema: DeliverySchema,
    remaining: usize,
    stream: Option<tonic::Streaming<WatchEventsResponse>>,
}

impl Log {
    pub(super) fn new(which: Which, schema: DeliverySchema) -> Self {
        let remaining = which.count.unwrap_or(usize::MAX);
        Self { which, schema, remaining, stream: None }
    }

    /// Waits for the next event and its place, where it is the last of the place; `None` after as
    /// many as were wanted.
    pub(super) async fn next(
        &mut self,
        remote: &Remote,
    ) -> Result<Option<(Option<u64>, Notification)>, Failure> {
        if self.remaining == 0 {
            return Ok(None);
        }
        loop {
            match self.receive(remote).await {
                Ok(Some(response)) => {
                    // The place counts once the last of its events is there.
                    self.which.after = response.seq.or(self.which.after);
                    if let Some(notification) = response.notification {
                        self.remaining -= 1;
                        return Ok(Some((response.seq, notification)));
                    }
                }
                Ok(None) => self.stream = None,
                Err(status) => {
                    self.stream = None;
                    wait_to_resume(status, self.which.after).await?;
                }
            }
        }
    }

    async fn receive(&mut self, remote: &Remote) -> Result<Option<WatchEventsResponse>, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let mut events = remote
                    .events()
                    .map_err(|failure| Status::invalid_argument(failure.to_string()))?;
                let request = WatchEventsRequest {
                    after_seq: self.which.after,
                    event_types: self.which.types.clone(),
                    schema: self.schema.into(),
                };
                self.stream.insert(events.watch_events(request).await?.into_inner())
            }
        };
        stream.message().await
    }
}
