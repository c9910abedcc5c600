//! Subscriptions that the configuration asks for.

use std::time::Duration;

use trunkline_events::signature::SigningKey;

use crate::relay::{Relay, RelayError, SubscribeEvents, id_of, terms};

/// Sees to it that a subscription is there as it is asked for: asks its endpoint until it confirms, or
/// the node stops.
pub(super) async fn keep(relay: Relay, request: SubscribeEvents, key: SigningKey) {
    let mut wait = FIRST_WAIT;
    loop {
        let error = match ensure(&relay, &request, &key).await {
            Ok(()) => return,
            Err(error) => error,
        };
        tracing::warn!(subscription = %request.name, %error, "a configured subscription waits");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = relay.parts.base.stopping.cancelled() => return,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn ensure(
    relay: &Relay,
    request: &SubscribeEvents,
    key: &SigningKey,
) -> Result<(), RelayError> {
    let stored = relay.parts.base.store.subscription(&id_of(&request.name)).await?;
    let is_there = stored
        .filter(|stored| stored.is_validated)
        .and_then(|stored| terms(&stored))
        .is_some_and(|terms| {
            terms.endpoint == request.endpoint
                && terms.filter == request.filter
                && terms.schema == request.schema
                && terms.keys.current.expose() == key.expose()
        });
    match is_there {
        // Where it was goes on: what waits for it is not lost.
        true => Ok(()),
        false => relay.subscribe_with(request.clone(), key.clone()).await.map(drop),
    }
}

const FIRST_WAIT: Duration = Duration::from_secs(1);

/// A receiver that is deployed after the exchange is heard of within a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
