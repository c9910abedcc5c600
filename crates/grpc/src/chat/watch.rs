//! `WatchChat`: each event is converted and encoded once, however many are told of it.
//!
//! The generated service encodes what it is given for each stream anew, which costs more than all
//! else that is done for a member. So the method has a route of its own, whose responses hold the
//! bytes of the event.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Request as HttpRequest;
use axum::routing::any;
use futures_util::Stream;
use prost::Message as _;
use prost::bytes::Bytes;
use tonic::server::{Grpc, ServerStreamingService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use trunkline_api::chat::v1::chat_service_server::SERVICE_NAME;
use trunkline_api::convert::chat as convert;
use trunkline_chat::ChatEvent;
use trunkline_node::ChatSubscription;
use trunkline_policy::Right;
use trunkline_proto::chat::v1 as wire;

use crate::chat::Chat;
use crate::status;

/// Adds the route of the method, which goes before that of the service.
pub(crate) fn route(routes: Router, chat: Chat) -> Router {
    let watching = Watching { chat, encoder: Arc::new(Encoder::new()) };
    let handler = move |request: HttpRequest| {
        let watching = watching.clone();
        async move {
            let codec = ProstCodec::<EncodedResponse, wire::WatchChatRequest>::default();
            let mut grpc =
                Grpc::new(codec).apply_max_message_size_config(Some(crate::SMALL_LIMIT), None);
            grpc.server_streaming(watching, request).await.map(axum::body::Body::new)
        }
    };
    routes.route(&format!("/{SERVICE_NAME}/WatchChat"), any(handler))
}

/// The method.
#[derive(Clone)]
struct Watching {
    chat: Chat,
    encoder: Arc<Encoder>,
}

type Responses = Pin<Box<dyn Stream<Item = Result<EncodedResponse, Status>> + Send>>;
type Beginning = Pin<Box<dyn Future<Output = Result<Response<Responses>, Status>> + Send>>;

impl ServerStreamingService<wire::WatchChatRequest> for Watching {
    type Response = EncodedResponse;
    type ResponseStream = Responses;
    type Future = Beginning;

    fn call(&mut self, request: Request<wire::WatchChatRequest>) -> Beginning {
        let Self { chat, encoder } = self.clone();
        Box::pin(async move {
            let actor = chat.actor(&request, Right::UseMessages).await?;
            let after_seq = request.into_inner().after_seq;
            let subscription = chat.chat().subscribe(&actor, after_seq).await;
            let subscription = subscription.map_err(status::chat)?;
            let watch = Watch { subscription, encoder, stage: Stage::Beginning };
            let responses: Responses = Box::pin(futures_util::stream::unfold(watch, Watch::next));
            Ok(Response::new(responses))
        })
    }
}

/// One stream.
struct Watch {
    subscription: ChatSubscription,
    encoder: Arc<Encoder>,
    stage: Stage,
}

/// How far a stream is.
enum Stage {
    /// The client does not know yet where it begins.
    Beginning,
    Ended,
    Running,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<EncodedResponse, Status>, Self)> {
        let response = match self.stage {
            Stage::Beginning => {
                self.stage = Stage::Running;
                Ok(EncodedResponse { seq: Some(self.subscription.cursor()), event: None })
            }
            Stage::Ended => return None,
            Stage::Running => match self.subscription.next().await {
                Ok(item) => {
                    let event = Some(self.encoder.encode(&item.event));
                    Ok(EncodedResponse { seq: item.seq, event })
                }
                Err(end) => {
                    self.stage = Stage::Ended;
                    Err(status::subscription_end(end))
                }
            },
        };
        Some((response, self))
    }
}

/// [`wire::WatchChatResponse`] with the event as bytes: on the wire, a message is bytes.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct EncodedResponse {
    #[prost(uint64, optional, tag = "1")]
    seq: Option<u64>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    event: Option<Bytes>,
}

impl fmt::Debug for EncodedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedResponse").field("seq", &self.seq).finish_non_exhaustive()
    }
}

/// Remembers the bytes of the last events.
///
/// Streams get the same `Arc` of an event at about the same time, so a small table suffices. One
/// that is late encodes once more and is right all the same.
struct Encoder {
    slots: [Mutex<Option<Slot>>; SLOTS],
}

struct Slot {
    /// Held, so that no other event can take its address.
    event: Arc<ChatEvent>,
    bytes: Bytes,
}

impl Encoder {
    fn new() -> Self {
        Self { slots: [const { Mutex::new(None) }; SLOTS] }
    }

    fn encode(&self, event: &Arc<ChatEvent>) -> Bytes {
        // Allocations are aligned and of a few hundred bytes: the low bits tell nothing.
        let address = Arc::as_ptr(event).addr();
        // The lock is held while encoding, so that the others wait for the bytes and not make them.
        let mut slot =
            self.slots[(address >> 6) % SLOTS].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = &*slot
            && Arc::ptr_eq(&slot.event, event)
        {
            return slot.bytes.clone();
        }
        let bytes = Bytes::from(convert::event(event).encode_to_vec());
        *slot = Some(Slot { event: Arc::clone(event), bytes: bytes.clone() });
        bytes
    }
}

/// More keep more events alive that nobody needs; fewer make events that come at the same time push
/// each other out.
const SLOTS: usize = 61;

#[cfg(test)]
mod tests {
    use trunkline_chat::{ChatEventKind, MessageId};
    use trunkline_clock::Timestamp;

    use super::*;

    fn event(millis: u64) -> Arc<ChatEvent> {
        Arc::new(ChatEvent {
            thread_id: "19:t@thread.v2".parse().unwrap(),
            version: MessageId::from_millis(millis),
            time: Timestamp::UNIX_EPOCH,
            actor: "8:acs:contoso_alice".parse().unwrap(),
            actor_display_name: None,
            recipients: vec![],
            kind: ChatEventKind::ThreadDeleted { by_policy: false },
        })
    }

    #[test]
    fn what_is_sent_reads_as_the_response_of_the_protocol() {
        let event = event(1);
        for seq in [None, Some(0), Some(u64::MAX)] {
            for bytes in [None, Some(Encoder::new().encode(&event))] {
                let sent = EncodedResponse { seq, event: bytes.clone() }.encode_to_vec();
                let read = wire::WatchChatResponse::decode(&*sent).unwrap();
                let expected = bytes.map(|_| convert::event(&event));
                assert_eq!(read, wire::WatchChatResponse { seq, event: expected });
            }
        }
    }

    #[test]
    fn an_event_is_encoded_once_and_none_answers_for_another() {
        let encoder = Encoder::new();
        let events: Vec<_> = (0..3 * SLOTS as u64).map(event).collect();
        for event in &events {
            let (first, second) = (encoder.encode(event), encoder.encode(event));
            assert_eq!(first.as_ptr(), second.as_ptr());
            assert_eq!(*first, convert::event(event).encode_to_vec());
        }
    }
}
