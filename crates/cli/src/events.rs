//! `trunkline events`: the event log, on the screen and on its way to receivers.

mod calls;
mod forward;
mod tail;

use clap::Subcommand;
use serde_json::json;
use trunkline_proto::events::v1::{
    CreateSubscriptionRequest, DeleteSubscriptionRequest, DeliverySchema, ListDeadLettersRequest,
    ListSubscriptionsRequest, RetryDeadLetterRequest, Subscription, TriggerEventRequest,
};

use crate::RemoteArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::{Remote, from_status};
use crate::wire_json::to_json;

/// Options of `trunkline events`.
#[derive(Debug, clap::Args)]
pub(crate) struct EventsArguments {
    #[command(subcommand)]
    command: EventsCommand,
    #[command(flatten)]
    remote: RemoteArguments,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// Print events as Event Grid JSON, one a line, until interrupted.
    Tail(tail::TailArguments),
    /// Print what happens in all calls and meetings, in order, until interrupted.
    Calls(calls::CallsArguments),
    /// Post events to a URL of this machine, as they would be delivered.
    Forward(forward::ForwardArguments),
    /// Make up an event of a type and send it wherever a real one would go.
    Trigger {
        /// The type, such as `ChatMessageReceived`.
        event_type: String,
    },
    /// List the subscriptions.
    Subscriptions,
    /// Subscribe an endpoint, and print the secret that signs its deliveries.
    Subscribe {
        /// The subscription's name.
        name: String,
        /// The URL that is to receive the events.
        endpoint: String,
        /// The types wanted, separated by commas; all when left out.
        #[arg(long, value_delimiter = ',')]
        types: Vec<String>,
        /// Send CloudEvents rather than the Event Grid schema.
        #[arg(long)]
        cloud_events: bool,
    },
    /// Delete a subscription with what waits for it.
    Unsubscribe {
        /// The subscription's name.
        name: String,
    },
    /// List the deliveries of a subscription that were given up.
    DeadLetters {
        /// The subscription's name.
        name: String,
        /// Deliver them again.
        #[arg(long)]
        retry: bool,
    },
}

pub(crate) async fn run(arguments: EventsArguments, output: &Output) -> Result<(), Failure> {
    let remote = Remote::connect(&arguments.remote).await?;
    match arguments.command {
        EventsCommand::Tail(arguments) => return tail::run(arguments, &remote, output).await,
        EventsCommand::Calls(arguments) => return calls::run(arguments, &remote, output).await,
        EventsCommand::Forward(arguments) => return forward::run(arguments, &remote, output).await,
        EventsCommand::DeadLetters { name, retry } => {
            return dead_letters(name, retry, &remote, output).await;
        }
        EventsCommand::Trigger { event_type } => {
            let request = TriggerEventRequest { event_type };
            let mut events = remote.events()?;
            let triggered = events.trigger_event(request).await.map_err(from_status)?;
            let seq = triggered.into_inner().seq;
            output.print(seq.to_string(), || json!({"seq": seq}));
        }
        EventsCommand::Subscriptions => {
            let mut events = remote.events()?;
            let listed = events.list_subscriptions(ListSubscriptionsRequest {}).await;
            let listed = listed.map_err(from_status)?.into_inner();
            for subscription in &listed.subscriptions {
                output.print(text(subscription), || to_json(SUBSCRIPTION, subscription));
            }
        }
        EventsCommand::Subscribe { name, endpoint, types, cloud_events } => {
            let schema = match cloud_events {
                true => DeliverySchema::CloudEvents,
                false => DeliverySchema::EventGrid,
            };
            let request = CreateSubscriptionRequest {
                name,
                endpoint,
                event_types: types,
                schema: schema.into(),
            };
            let mut events = remote.events()?;
            let created = events.create_subscription(request).await.map_err(from_status)?;
            let created = created.into_inner();
            // Only the secret on standard output, so that it can be captured.
            output.print(&created.secret, || {
                to_json("trunkline.events.v1.CreateSubscriptionResponse", &created)
            });
        }
        EventsCommand::Unsubscribe { name } => {
            let request = DeleteSubscriptionRequest { name: name.clone() };
            let mut events = remote.events()?;
            events.delete_subscription(request).await.map_err(from_status)?;
            output.print(format!("deleted {name}"), || json!({"deleted": name}));
        }
    }
    Ok(())
}

async fn dead_letters(
    name: String,
    retry: bool,
    remote: &Remote,
    output: &Output,
) -> Result<(), Failure> {
    let mut events = remote.events()?;
    let mut after_seq = 0;
    loop {
        let request = ListDeadLettersRequest { name: name.clone(), after_seq, page_size: 0 };
        let listed = events.list_dead_letters(request).await.map_err(from_status)?.into_inner();
        let Some(last) = listed.dead_letters.last() else { return Ok(()) };
        after_seq = last.seq;
        for letter in &listed.dead_letters {
            let (seq, attempts) = (letter.seq, letter.attempts);
            let first = letter.notifications.first().map(|event| event.event_type.as_str());
            let event_type = first.unwrap_or_default();
            let line = format!("{seq} {event_type} after {attempts} attempts: {}", letter.reason);
            output.print(line, || to_json("trunkline.events.v1.DeadLetter", letter));
            if retry {
                let request = RetryDeadLetterRequest { name: name.clone(), seq };
                events.retry_dead_letter(request).await.map_err(from_status)?;
            }
        }
    }
}

fn text(subscription: &Subscription) -> String {
    let types = match subscription.event_types.as_slice() {
        [] => "all".to_owned(),
        types => types.join(","),
    };
    let state = if subscription.is_validated { "validated" } else { "not validated" };
    format!(
        "{:<20} {} {types}: {state}, {} pending, {} dead",
        subscription.name, subscription.endpoint, subscription.pending, subscription.dead
    )
}

const SUBSCRIPTION: &str = "trunkline.events.v1.Subscription";
