//! A deliverer that reaches this machine, and something to deliver.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use trunkline_clock::Timestamp;
use trunkline_events::{
    Attempt, Deliverer, DeliveryLimits, DeliverySchema, Endpoint, Guard, Loopback, Notification,
    Outbound, OutboundConfig, Outcome, Resolver, SubscriptionName, TrustRoots,
    signature::{SigningKey, SigningKeys},
    user_disconnected,
};

/// Names with their addresses, one list per look-up; the last list stays.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, Vec<Vec<IpAddr>>>>);

impl Names {
    pub(crate) fn of(name: &str, answers: &[&[&str]]) -> Arc<Self> {
        let list = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        let answers = answers.iter().map(list).collect();
        Arc::new(Self(Mutex::new(HashMap::from([(name.to_owned(), answers)]))))
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut names = self.0.lock().unwrap();
        let answers = names.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}

pub(crate) struct Scene {
    pub(crate) deliverer: Deliverer,
    pub(crate) notification: Notification,
    pub(crate) keys: SigningKeys,
    pub(crate) name: SubscriptionName,
}

impl Scene {
    /// A development exchange: this machine may be reached.
    pub(crate) fn new() -> Self {
        Self::with(Loopback::Allowed, Arc::new(Names::default()), TrustRoots::Pem(spare_root()))
    }

    pub(crate) fn with(
        loopback: Loopback,
        resolver: Arc<dyn Resolver>,
        trust_roots: TrustRoots,
    ) -> Self {
        let outbound = outbound(loopback, resolver, trust_roots);
        let user = "8:acs:contoso_alice".parse().unwrap();
        let event = user_disconnected(&user, now());
        let topic = "/subscriptions/s".parse().unwrap();
        Self {
            deliverer: Deliverer::new(outbound, DeliveryLimits::default()),
            notification: event.in_envelope(DeliverySchema::EventGrid, &topic),
            keys: SigningKeys::new(key()),
            name: "hook-1".parse().unwrap(),
        }
    }

    pub(crate) async fn deliver(&self, url: &str) -> Outcome {
        self.deliver_again(url, 0).await
    }

    pub(crate) async fn deliver_again(&self, url: &str, delivery_count: u32) -> Outcome {
        let endpoint: Endpoint = url.parse().unwrap();
        let attempt = Attempt {
            endpoint: &endpoint,
            notification: &self.notification,
            subscription_name: &self.name,
            delivery_count,
            keys: &self.keys,
            sent_on: now(),
        };
        self.deliverer.deliver(attempt).await
    }
}

pub(crate) fn outbound(
    loopback: Loopback,
    resolver: Arc<dyn Resolver>,
    trust_roots: TrustRoots,
) -> Outbound {
    // Whichever test is first installs it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = OutboundConfig { guard: Guard::new(loopback), resolver, trust_roots };
    Outbound::new(config).unwrap()
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_700_000_000)
}

/// A root that vouches for nobody in the tests, so that the machine's own are not needed.
pub(crate) fn spare_root() -> Vec<u8> {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "nobody's authority");
    params.self_signed(&key).unwrap().pem().into_bytes()
}
