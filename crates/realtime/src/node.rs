//! The node as the exchange behind the façade.

use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};
use trunkline_clock::{Now, Timestamp};
use trunkline_node::{
    ChatActor, ChatFailure, ChatSubscription, Node, PushEndpoints, SubscriptionEnd, TokenClaims,
    TokenError,
};
use trunkline_policy::{Right, decide_scope};
use trunkline_storage::{PushEndpoint, PushEndpointKey};

use crate::{
    exchange::{Access, Exchange, Feed, FeedEnd, FeedItem, Refusal, Token},
    registrations::{EndpointKey, Registration, Registrations},
};

impl Exchange for Node {
    fn now(&self) -> Now {
        self.clock().now()
    }

    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Access, Refusal>> {
        Box::pin(async move {
            let claims = claims(self, token, self.clock().wall()).await?;
            Ok(Access { user: claims.identifier, expires_on: claims.expires_on })
        })
    }

    fn subscribe(
        &self,
        token: Token,
        from: Option<u64>,
    ) -> BoxFuture<'static, Result<Feed, Refusal>> {
        let node = self.clone();
        Box::pin(async move {
            let claims = claims(&node, token.as_str(), node.clock().wall()).await?;
            let subscription = node.chat().subscribe(&ChatActor::from(&claims), from).await;
            let subscription = subscription.map_err(|failure| refusal(&failure))?;
            let position = subscription.cursor();
            let items = stream::unfold(Some(subscription), next).boxed();
            Ok(Feed { position, items })
        })
    }
}

/// Registrations that a restart keeps; a crash takes the last moment of them.
impl Registrations for PushEndpoints {
    fn find<'a>(
        &'a self,
        key: &'a EndpointKey,
    ) -> BoxFuture<'a, Result<Option<Registration>, Refusal>> {
        Box::pin(async move {
            let found = Self::find(self, &stored_key(key)).await.map_err(|error| {
                tracing::warn!(%error, "cannot look an endpoint up");
                Refusal::Unavailable
            })?;
            Ok(found.map(|PushEndpoint { position, seen_on }| Registration { position, seen_on }))
        })
    }

    fn keep(&self, key: &EndpointKey, registration: Registration) {
        let Registration { position, seen_on } = registration;
        Self::keep(self, &stored_key(key), PushEndpoint { position, seen_on });
    }

    fn forget(&self, key: &EndpointKey) {
        Self::forget(self, &stored_key(key));
    }
}

fn stored_key(key: &EndpointKey) -> PushEndpointKey {
    PushEndpointKey { user: key.user.clone(), epid: key.epid.as_str().into() }
}

/// Takes the next item; the first failure is the last item.
async fn next(
    subscription: Option<ChatSubscription>,
) -> Option<(Result<FeedItem, FeedEnd>, Option<ChatSubscription>)> {
    let mut subscription = subscription?;
    Some(match subscription.next().await {
        Ok(item) => (Ok(FeedItem { position: item.seq, event: item.event }), Some(subscription)),
        Err(end) => (Err(feed_end(&end)), None),
    })
}

async fn claims(node: &Node, token: &str, now: Timestamp) -> Result<TokenClaims, Refusal> {
    let claims = node.identity().verify(token, now).await.map_err(|error| match error {
        TokenError::Expired | TokenError::Invalid | TokenError::Revoked => Refusal::Unauthorized,
        TokenError::Unavailable => Refusal::Unavailable,
    })?;
    match decide_scope(&claims.scopes, Right::UseMessages).is_allowed() {
        true => Ok(claims),
        false => Err(Refusal::Forbidden),
    }
}

fn refusal(failure: &ChatFailure) -> Refusal {
    tracing::debug!(%failure, "a feed was refused");
    Refusal::Unavailable
}

fn feed_end(end: &SubscriptionEnd) -> FeedEnd {
    match end {
        SubscriptionEnd::CursorLost { head, .. } => FeedEnd::Lost { head: *head },
        SubscriptionEnd::ShuttingDown => FeedEnd::ShuttingDown,
        SubscriptionEnd::Store(_) => FeedEnd::Unavailable,
        SubscriptionEnd::TokenExpired | SubscriptionEnd::TokenRevoked => FeedEnd::Unauthorized,
    }
}
