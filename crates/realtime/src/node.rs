//! The node as the exchange behind the façade.

use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt as _},
};
use trunkline_clock::{Now, Timestamp};
use trunkline_node::{
    ChatActor, ChatFailure, ChatSubscription, Node, SubscriptionEnd, TokenClaims, TokenError,
};
use trunkline_policy::{Right, decide_scope};

use crate::exchange::{Access, Exchange, Feed, FeedEnd, FeedItem, Refusal, Token};

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
