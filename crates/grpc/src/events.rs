//! `trunkline.events.v1.EventsService`.

use std::pin::Pin;

use futures_util::Stream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use trunkline_api::convert;
use trunkline_api::events::v1::events_service_server::EventsService;
use trunkline_events::{
    DeliverySchema, EventType, FilterModel, Notification, SubscriptionFilter, SubscriptionName,
};
use trunkline_node::{
    CallTail, CallTailItem, EventSubscription, EventTail, Node, Relay, SubscribeEvents,
};
use trunkline_proto::events::v1 as wire;

use crate::page::{self, Wanted};
use crate::{auth, status};

/// Serves the events of a node.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    pub(crate) node: Node,
}

impl Events {
    /// Lets a request through that carries a key of the exchange's own resource: the log has what
    /// everybody said.
    fn authorize(&self, metadata: &MetadataMap) -> Result<&Relay, Status> {
        auth::require_own_access_key(&self.node, metadata)?;
        Ok(self.node.relay())
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl EventsService for Events {
    type WatchEventsStream =
        Pin<Box<dyn Stream<Item = Result<wire::WatchEventsResponse, Status>> + Send + 'static>>;

    type WatchCallsStream =
        Pin<Box<dyn Stream<Item = Result<wire::WatchCallsResponse, Status>> + Send + 'static>>;

    async fn create_subscription(
        &self,
        request: Request<wire::CreateSubscriptionRequest>,
    ) -> Answer<wire::CreateSubscriptionResponse> {
        let relay = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let endpoint = request.endpoint.parse();
        let wanted = SubscribeEvents {
            name: name(&request.name)?,
            endpoint: endpoint.map_err(|error| status::invalid("endpoint", &error))?,
            filter: filter(request.event_types)?,
            schema: schema(request.schema)?,
        };
        let (subscription, key) = relay.subscribe(wanted).await.map_err(status::relay)?;
        Ok(Response::new(wire::CreateSubscriptionResponse {
            subscription: Some(wire_subscription(&subscription)),
            secret: key.expose(),
        }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<wire::ListSubscriptionsRequest>,
    ) -> Answer<wire::ListSubscriptionsResponse> {
        let relay = self.authorize(request.metadata())?;
        let subscriptions = relay.subscriptions().await.map_err(status::relay)?;
        let subscriptions = subscriptions.iter().map(wire_subscription).collect();
        Ok(Response::new(wire::ListSubscriptionsResponse { subscriptions }))
    }

    async fn delete_subscription(
        &self,
        request: Request<wire::DeleteSubscriptionRequest>,
    ) -> Answer<wire::DeleteSubscriptionResponse> {
        let relay = self.authorize(request.metadata())?;
        let name = name(&request.into_inner().name)?;
        relay.unsubscribe(&name).await.map_err(status::relay)?;
        Ok(Response::new(wire::DeleteSubscriptionResponse {}))
    }

    async fn list_dead_letters(
        &self,
        request: Request<wire::ListDeadLettersRequest>,
    ) -> Answer<wire::ListDeadLettersResponse> {
        let relay = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let Wanted { limit, .. } = page::wanted(request.page_size, "")?;
        let name = name(&request.name)?;
        let letters = relay.dead_letters(&name, request.after_seq, limit).await;
        let letters = letters.map_err(status::relay)?;
        let dead_letters = letters.into_iter().map(|letter| wire::DeadLetter {
            seq: letter.seq,
            attempts: letter.attempts,
            reason: letter.reason,
            dead_on: Some(convert::timestamp(letter.on)),
            notifications: letter.notifications.iter().map(wire_notification).collect(),
        });
        let dead_letters = dead_letters.collect();
        Ok(Response::new(wire::ListDeadLettersResponse { dead_letters }))
    }

    async fn retry_dead_letter(
        &self,
        request: Request<wire::RetryDeadLetterRequest>,
    ) -> Answer<wire::RetryDeadLetterResponse> {
        let relay = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let name = name(&request.name)?;
        relay.revive(&name, request.seq).await.map_err(status::relay)?;
        Ok(Response::new(wire::RetryDeadLetterResponse {}))
    }

    async fn trigger_event(
        &self,
        request: Request<wire::TriggerEventRequest>,
    ) -> Answer<wire::TriggerEventResponse> {
        let relay = self.authorize(request.metadata())?;
        let event_type = full_name(request.into_inner().event_type);
        let event_type: EventType =
            event_type.parse().map_err(|error| status::invalid("event_type", &error))?;
        let seq = relay.trigger(event_type).await.map_err(status::relay)?;
        Ok(Response::new(wire::TriggerEventResponse { seq }))
    }

    async fn watch_events(
        &self,
        request: Request<wire::WatchEventsRequest>,
    ) -> Answer<Self::WatchEventsStream> {
        let relay = self.authorize(request.metadata())?;
        let request = request.into_inner();
        let (filter, schema) = (filter(request.event_types)?, schema(request.schema)?);
        let begun = Watch::Beginning(relay.watch(request.after_seq, filter, schema).await);
        Ok(Response::new(Box::pin(futures_util::stream::unfold(begun, Watch::next))))
    }

    async fn watch_calls(
        &self,
        request: Request<wire::WatchCallsRequest>,
    ) -> Answer<Self::WatchCallsStream> {
        let relay = self.authorize(request.metadata())?;
        let wire::WatchCallsRequest { after_seq, call_id } = request.into_inner();
        let call_id = match call_id.is_empty() {
            true => None,
            false => Some(call_id.parse().map_err(|error| status::invalid("call_id", &error))?),
        };
        let begun = WatchCalls::Beginning(relay.watch_calls(after_seq, call_id));
        Ok(Response::new(Box::pin(futures_util::stream::unfold(begun, WatchCalls::next))))
    }
}

/// How far a stream of what happens in calls is.
enum WatchCalls {
    /// The client does not know yet where it begins.
    Beginning(CallTail),
    Running(CallTail),
    Ended,
}

impl WatchCalls {
    async fn next(self) -> Option<(Result<wire::WatchCallsResponse, Status>, Self)> {
        match self {
            Self::Beginning(tail) => {
                let response = wire::WatchCallsResponse { seq: tail.cursor(), occurrence: None };
                Some((Ok(response), Self::Running(tail)))
            }
            Self::Running(mut tail) => match tail.next().await {
                Ok(CallTailItem { seq, occurrence }) => {
                    let response = wire::WatchCallsResponse { seq, occurrence };
                    Some((Ok(response), Self::Running(tail)))
                }
                Err(end) => Some((Err(status::tail_end(end)), Self::Ended)),
            },
            Self::Ended => None,
        }
    }
}

/// How far a stream of events is.
enum Watch {
    /// The client does not know yet where it begins.
    Beginning(EventTail),
    Running(EventTail),
    Ended,
}

impl Watch {
    async fn next(self) -> Option<(Result<wire::WatchEventsResponse, Status>, Self)> {
        match self {
            Self::Beginning(tail) => {
                let seq = Some(tail.cursor());
                let response = wire::WatchEventsResponse { seq, notification: None };
                Some((Ok(response), Self::Running(tail)))
            }
            Self::Running(mut tail) => match tail.next().await {
                Ok(item) => {
                    let notification = Some(wire_notification(&item.notification));
                    let response = wire::WatchEventsResponse { seq: item.seq, notification };
                    Some((Ok(response), Self::Running(tail)))
                }
                Err(end) => Some((Err(status::tail_end(end)), Self::Ended)),
            },
            Self::Ended => None,
        }
    }
}

fn name(text: &str) -> Result<SubscriptionName, Status> {
    text.parse().map_err(|error| status::invalid("name", &error))
}

fn filter(event_types: Vec<String>) -> Result<SubscriptionFilter, Status> {
    let included_event_types = match event_types.is_empty() {
        true => None,
        false => Some(event_types.into_iter().map(full_name).collect()),
    };
    let model = FilterModel { included_event_types, ..FilterModel::default() };
    SubscriptionFilter::try_from(model).map_err(|error| status::invalid("event_types", &error))
}

/// Puts the prefix before a type that has none, such as `ChatMessageReceived`.
fn full_name(event_type: String) -> String {
    match event_type.contains('.') || event_type.is_empty() {
        true => event_type,
        false => format!("Microsoft.Communication.{event_type}"),
    }
}

fn schema(schema: i32) -> Result<DeliverySchema, Status> {
    match wire::DeliverySchema::try_from(schema) {
        Ok(wire::DeliverySchema::CloudEvents) => Ok(DeliverySchema::CloudEvents),
        Ok(wire::DeliverySchema::EventGrid | wire::DeliverySchema::Unspecified) => {
            Ok(DeliverySchema::EventGrid)
        }
        Err(_) => Err(status::malformed("schema")),
    }
}

fn wire_subscription(subscription: &EventSubscription) -> wire::Subscription {
    let listed = |event_type: &&EventType| subscription.filter.lists(**event_type);
    let wants_all = EventType::ALL.iter().all(|event_type| listed(&event_type));
    let event_types = match wants_all {
        true => Vec::new(),
        false => EventType::ALL.iter().filter(listed).map(ToString::to_string).collect(),
    };
    let schema = match subscription.schema {
        DeliverySchema::CloudEvents => wire::DeliverySchema::CloudEvents,
        DeliverySchema::EventGrid => wire::DeliverySchema::EventGrid,
    };
    wire::Subscription {
        name: subscription.name.as_str().to_owned(),
        endpoint: subscription.endpoint.clone(),
        event_types,
        schema: schema.into(),
        is_validated: subscription.is_validated,
        cursor: subscription.cursor,
        pending: subscription.backlog.pending,
        dead: subscription.backlog.dead,
        created_on: Some(convert::timestamp(subscription.created_on)),
    }
}

fn wire_notification(notification: &Notification) -> wire::Notification {
    wire::Notification {
        event_type: notification.event_type().to_string(),
        event_json: String::from_utf8_lossy(notification.body()).into_owned(),
    }
}
