//! Tokens of directories, exchanged for tokens of the exchange: whose signature counts, and for what.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_node::{
    AccessToken, AppId, ChatActor, DevSignIn, DirectoryToken, ExchangeError, IdentityError,
};
use trunkline_policy::Scope;

use crate::scene::Scene;

const APP: &str = "6d3f1a52-0001-4a6b-8c1d-0000000000aa";
const ISSUER: &str = "https://localhost:8443/adfs";
const CHATS: &str = "Teams.ManageChats";
const BOB: &str = "00000000-0000-4000-8000-000000000001";

impl Scene {
    fn sign_in(&self, user: &str, scope: &str) -> String {
        let sign_in = DevSignIn { issuer: ISSUER, user, app_id: APP, scope, nonce: None };
        let now = self.node.clock().wall();
        self.node.identity().dev_sign_in(sign_in, now).unwrap().access_token
    }

    async fn exchange(&self, token: &str) -> Result<AccessToken, ExchangeError> {
        self.exchange_as(DirectoryToken {
            token,
            issuer: None,
            app_id: AppId::Guid(APP),
            user_id: BOB,
        })
        .await
    }

    async fn exchange_as(&self, given: DirectoryToken<'_>) -> Result<AccessToken, ExchangeError> {
        let (identity, now) = (self.node.identity(), self.node.clock().wall());
        let exchanged = identity.exchange_directory_token(&self.resource(), given, now).await;
        exchanged.map(|(_, token)| token)
    }
}

#[tokio::test]
async fn a_directory_user_who_signed_in_gets_a_token_and_chats_with_it() {
    let scene = Scene::start().await;
    let signed_in = scene.sign_in("bob", CHATS);
    let token = scene.exchange(&signed_in).await.unwrap();
    let now = scene.node.clock().wall();
    let claims = scene.node.identity().verify(&token.token, now).await.unwrap();
    assert_eq!(claims.identifier.to_string(), format!("8:orgid:{BOB}"));
    assert_eq!(claims.scopes, BTreeSet::from([Scope::Chat]));
    let hour = Duration::from_secs(60 * 60);
    assert!(claims.expires_on.saturating_duration_since(now) <= hour, "no longer than its origin");
    let (bob, carol) = (ChatActor::from(&claims), scene.colleague("carol").await);
    let thread = scene.thread(&bob, &[&carol]).await;
    scene.say(&bob, &thread, "hello").await.unwrap();
    // By object id, too, and for both.
    let signed_in = scene.sign_in(
        BOB,
        "openid Teams.ManageCalls https://auth.msft.communication.azure.com/Teams.ManageChats",
    );
    let token = scene.exchange(&signed_in).await.unwrap();
    let claims = scene.node.identity().verify(&token.token, now).await.unwrap();
    assert_eq!(claims.scopes, BTreeSet::from([Scope::Chat, Scope::Voip]));
    scene.stop().await;
}

#[tokio::test]
async fn a_token_of_another_app_user_issuer_or_time_is_not_exchanged() {
    let scene = Scene::start().await;
    let token = scene.sign_in("bob", CHATS);
    let given =
        DirectoryToken { token: &token, issuer: None, app_id: AppId::Guid(APP), user_id: BOB };
    let other_app = DirectoryToken { app_id: AppId::Guid("another"), ..given };
    assert!(matches!(scene.exchange_as(other_app).await, Err(ExchangeError::OtherApp)));
    // The app that the token names is written in small letters; only a GUID may be written
    // otherwise.
    let capitals = APP.to_ascii_uppercase();
    let guid = DirectoryToken { app_id: AppId::Guid(&capitals), ..given };
    scene.exchange_as(guid).await.unwrap();
    let exact = DirectoryToken { app_id: AppId::Exact(&capitals), ..given };
    assert!(matches!(scene.exchange_as(exact).await, Err(ExchangeError::OtherApp)));
    let other_user = "00000000-0000-4000-8000-000000000002";
    let other_user = DirectoryToken { user_id: other_user, ..given };
    assert!(matches!(scene.exchange_as(other_user).await, Err(ExchangeError::OtherUser)));
    let other_issuer = DirectoryToken { issuer: Some("https://127.0.0.1:8443/adfs"), ..given };
    assert!(matches!(scene.exchange_as(other_issuer).await, Err(ExchangeError::OtherIssuer)));
    scene.exchange_as(DirectoryToken { issuer: Some(ISSUER), ..given }).await.unwrap();

    // Signed by the issuer of another exchange.
    let elsewhere = Scene::start().await;
    let foreign = elsewhere.sign_in("bob", CHATS);
    assert!(matches!(scene.exchange(&foreign).await, Err(ExchangeError::Invalid)));
    elsewhere.stop().await;

    let none = scene.sign_in("bob", "openid User.Read");
    assert!(matches!(scene.exchange(&none).await, Err(ExchangeError::NoScopes)));

    let late = scene.node.clock().wall() + Duration::from_secs(2 * 60 * 60);
    let identity = scene.node.identity();
    let expired = identity.exchange_directory_token(&scene.resource(), given, late).await;
    assert!(matches!(expired, Err(ExchangeError::Expired)));

    // One of this exchange is not one of a directory.
    let request =
        trunkline_node::TokenRequest { scopes: &BTreeSet::from([Scope::Chat]), life: None };
    let now = scene.node.clock().wall();
    let own = identity.issue_token(&scene.resource(), "bob", request, now).await.unwrap().1;
    assert!(matches!(scene.exchange(&own.token).await, Err(ExchangeError::Invalid)));

    let parts: Vec<_> = token.split('.').collect();
    let header = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let none = header(r#"{"alg":"none","kid":"x"}"#);
    let symmetric = header(r#"{"alg":"HS256","kid":"x"}"#);
    let swapped = URL_SAFE_NO_PAD.encode(format!(r#"{{"oid":"{BOB}"}}"#));
    for bad in [
        String::new(),
        "a.b.c".to_owned(),
        format!("{none}.{}.", parts[1]),
        format!("{symmetric}.{}.{}", parts[1], parts[2]),
        format!("{}.{swapped}.{}", parts[0], parts[2]),
        "x".repeat(100_000),
    ] {
        assert!(matches!(scene.exchange(&bad).await, Err(ExchangeError::Invalid)), "{bad}");
    }
    scene.stop().await;
}

#[tokio::test]
async fn somebody_who_left_the_directory_gets_no_token() {
    let scene = Scene::start().await;
    let token = scene.sign_in("bob", CHATS);
    let kept = scene.exchange(&token).await.unwrap();
    scene.node.admin().delete_directory_user(&scene.tenant(), &BOB.parse().unwrap()).await.unwrap();
    let refused = scene.exchange(&token).await;
    let is_unknown = matches!(refused, Err(ExchangeError::Identity(IdentityError::UnknownUser)));
    assert!(is_unknown, "{refused:?}");
    let now = scene.node.clock().wall();
    let verified = scene.node.identity().verify(&kept.token, now).await;
    assert_eq!(verified, Err(trunkline_node::TokenError::Revoked));
    scene.stop().await;
}
