//! How a client gets from a token to a socket: what it is answered at each step, and what it must
//! bring to the next.
//!
//! The steps are the configuration, the allocation (`/v4/a`), the handshake of socket.io and the
//! upgrade. The first three carry the token in a header. The upgrade cannot, because browsers set no
//! headers on a WebSocket: it carries a session id that the handshake gave out, good for one upgrade,
//! and the connect parameters, signed for the endpoint and for a time. Either alone opens nothing.

use std::{fmt, str::FromStr, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;

/// The id that a client gives its endpoint, `epid` on the wire: a tab, a device.
///
/// Narrower than an [`EndpointId`](trunkline_ids::EndpointId), so that it reads the same in a path, in
/// a query and in JSON.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Epid(Box<str>);

/// Names an endpoint of a user to the outside; derived from both, so that it survives a restart and
/// tells neither.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EndpointName(Box<str>);

/// Where the exchange is reached, as the client sees it: `https://host:port`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin(Box<str>);

/// The one session of socket.io that an upgrade may use.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct SessionKey([u8; 16]);

/// Says that a text is not one of the ids here.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{what} is malformed")]
pub struct MalformedId {
    /// What was being parsed.
    what: &'static str,
}

impl Epid {
    /// The longest id accepted, in bytes.
    pub const LIMIT_BYTES: usize = 128;

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Epid {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_fit = (1..=Self::LIMIT_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        is_fit.then(|| Self(text.into())).ok_or(MalformedId { what: "endpoint id" })
    }
}

impl fmt::Display for Epid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Epid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epid({})", self.0)
    }
}

impl EndpointName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path that pushes to the endpoint are addressed to; the client cuts it off and
    /// looks at what follows.
    pub fn path(&self) -> String {
        format!("/v4/f/{}/", self.0)
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointName({})", self.0)
    }
}

impl Origin {
    /// Makes the origin from its parts.
    ///
    /// # Errors
    ///
    /// Refuses an authority that is empty or has characters that do not belong in one: it comes from
    /// a header and goes into URLs.
    pub fn new(scheme: &str, authority: &str) -> Result<Self, MalformedId> {
        let is_fit = (1..=255).contains(&authority.len())
            && authority
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
        match is_fit {
            true => Ok(Self(format!("{scheme}://{authority}").into())),
            false => Err(MalformedId { what: "host" }),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl SessionKey {
    /// Makes a key from 16 bytes that the caller drew.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl FromStr for SessionKey {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = MalformedId { what: "session id" };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed)?;
        bytes.try_into().map(Self).map_err(|_| malformed)
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(<redacted>)")
    }
}

/// What the client is told first: where to allocate and where to register.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    trouter_service_url: String,
    registrar_service_url: String,
    cloud_type: &'static str,
}

impl Configuration {
    /// Makes the configuration of an exchange that is reached at `origin`.
    pub fn new(origin: &Origin) -> Self {
        Self {
            trouter_service_url: format!("{origin}/trouter"),
            registrar_service_url: format!("{origin}/registrar"),
            // Anything but "int", which changes how the client registers.
            cloud_type: "public",
        }
    }
}

/// What an allocation is answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Allocation {
    socketio: String,
    url: String,
    surl: String,
    curlb: String,
    connectparams: ConnectParams,
    id: String,
    ccid: String,
    ttl: String,
}

impl Allocation {
    /// Makes the answer for an endpoint of an exchange that is reached at `origin`.
    pub fn new(origin: &Origin, name: &EndpointName, connectparams: ConnectParams) -> Self {
        let url = format!("{origin}{}", name.path());
        Self {
            // Without a path: one would be taken for a namespace.
            socketio: format!("{origin}/"),
            surl: url.clone(),
            url,
            curlb: origin.to_string(),
            connectparams,
            id: name.to_string(),
            ccid: name.to_string(),
            ttl: CONNECTION_TTL.as_secs().to_string(),
        }
    }
}

/// What the client echoes in the query of everything after the allocation.
///
/// The values go into URLs as they are, so they have no character that needs escaping there.
#[derive(Clone, Eq, PartialEq, Serialize)]
pub struct ConnectParams {
    sr: String,
    issuer: String,
    sp: String,
    se: String,
    st: String,
    sig: String,
}

/// Why connect parameters open nothing.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ConnectParamsError {
    /// Their time is over.
    #[error("the connect parameters have expired")]
    Expired,
    /// They were not signed here, or not for this endpoint.
    #[error("the connect parameters are not genuine")]
    Forged,
    /// One is missing.
    #[error("the connect parameter {name} is missing")]
    Missing {
        /// Which.
        name: &'static str,
    },
}

impl ConnectParams {
    /// Reads them from a query.
    ///
    /// # Errors
    ///
    /// When one is missing.
    pub fn from_query(query: &str) -> Result<Self, ConnectParamsError> {
        let of = |name: &'static str| {
            parameter(query, name).map(str::to_owned).ok_or(ConnectParamsError::Missing { name })
        };
        Ok(Self {
            sr: of("sr")?,
            issuer: of("issuer")?,
            sp: of("sp")?,
            se: of("se")?,
            st: of("st")?,
            sig: of("sig")?,
        })
    }

    fn signed_text(&self, epid: &Epid) -> String {
        let Self { sr, issuer, sp, se, st, sig: _ } = self;
        format!("connect\n{sr}\n{issuer}\n{sp}\n{se}\n{st}\n{epid}")
    }
}

impl fmt::Debug for ConnectParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectParams").field("sr", &self.sr).finish_non_exhaustive()
    }
}

/// Signs connect parameters and derives the names of endpoints.
pub struct ConnectKey(hmac::Key);

impl ConnectKey {
    /// Makes the key from a secret that the caller drew and keeps. A secret that changes with each
    /// start is fine: clients allocate anew.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Returns the name of an endpoint of a user.
    pub fn name(&self, user: &CommunicationIdentifier, epid: &Epid) -> EndpointName {
        let tag = self.tag(&format!("endpoint\n{epid}\n{user}"));
        // 18 bytes make 24 characters; 144 bits do not collide.
        EndpointName(tag[..24].into())
    }

    /// Signs parameters for an endpoint, good from `now` until `expires`, at most for as long as a
    /// connection lives.
    pub fn sign(
        &self,
        name: &EndpointName,
        epid: &Epid,
        now: Timestamp,
        expires: Timestamp,
    ) -> ConnectParams {
        let expires = expires.min(now + CONNECTION_TTL);
        let mut params = ConnectParams {
            sr: name.to_string(),
            issuer: "trunkline".to_owned(),
            sp: "connect".to_owned(),
            se: millis(expires).to_string(),
            st: millis(now).to_string(),
            sig: String::new(),
        };
        params.sig = self.tag(&params.signed_text(epid));
        params
    }

    /// Checks parameters that a client brought and returns the endpoint they are for.
    ///
    /// # Errors
    ///
    /// When they were not signed here for that endpoint, or their time is over.
    pub fn verify(
        &self,
        params: &ConnectParams,
        epid: &Epid,
        now: Timestamp,
    ) -> Result<EndpointName, ConnectParamsError> {
        let tag = URL_SAFE_NO_PAD.decode(&params.sig).map_err(|_| ConnectParamsError::Forged)?;
        hmac::verify(&self.0, params.signed_text(epid).as_bytes(), &tag)
            .map_err(|_| ConnectParamsError::Forged)?;
        let expires: i64 = params.se.parse().map_err(|_| ConnectParamsError::Forged)?;
        match millis(now) < expires {
            true => Ok(EndpointName(params.sr.as_str().into())),
            false => Err(ConnectParamsError::Expired),
        }
    }

    fn tag(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, text.as_bytes()))
    }
}

impl fmt::Debug for ConnectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectKey(<redacted>)")
    }
}

/// What a client asks of the registrar: that pushes of its template go to its endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationRequest {
    /// The endpoint, by the id that the client gave it.
    pub registration_id: String,
}

/// Returns what a handshake is answered: the session, after how much silence the client gives up,
/// and the one transport there is.
pub fn handshake_text(session: &SessionKey) -> String {
    let seconds = CLIENT_SILENCE.as_secs();
    format!("{session}:{seconds}:{seconds}:websocket")
}

/// Returns a parameter of a query as it was written; the parameters read here need no unescaping.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Returns the milliseconds since the epoch.
pub(crate) fn millis(time: Timestamp) -> i64 {
    time.as_unix_micros().div_euclid(1_000)
}

/// How long an allocation holds: what the original offers. The client makes a new one when it
/// reconnects anyway.
pub const CONNECTION_TTL: Duration = Duration::from_secs(86_400);

/// After how much silence the client gives up: what the original offers. The exchange sends a
/// heartbeat well within it.
pub const CLIENT_SILENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALICE: &str = "8:acs:contoso_alice";

    fn key() -> ConnectKey {
        ConnectKey::new(&[7; 32])
    }

    fn epid(text: &str) -> Epid {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(1_700_000_000)
    }

    fn params(key: &ConnectKey) -> (EndpointName, ConnectParams) {
        let name = key.name(&ALICE.parse().unwrap(), &epid("e1"));
        let params = key.sign(&name, &epid("e1"), now(), now() + Duration::from_secs(3_600));
        (name, params)
    }

    fn query(params: &ConnectParams) -> String {
        let ConnectParams { sr, issuer, sp, se, st, sig } = params;
        format!("v=v4&sr={sr}&issuer={issuer}&sp={sp}&se={se}&st={st}&sig={sig}&epid=e1")
    }

    #[test]
    fn signed_parameters_open_their_endpoint_until_they_expire() {
        let (name, params) = params(&key());
        let read = ConnectParams::from_query(&query(&params)).unwrap();
        assert_eq!(key().verify(&read, &epid("e1"), now()), Ok(name));
        let late = now() + Duration::from_secs(3_600);
        assert_eq!(key().verify(&read, &epid("e1"), late), Err(ConnectParamsError::Expired));
    }

    #[test]
    fn parameters_of_another_endpoint_or_key_or_time_open_nothing() {
        let (_, genuine) = params(&key());
        let forged = Err(ConnectParamsError::Forged);
        assert_eq!(key().verify(&genuine, &epid("e2"), now()), forged);
        assert_eq!(ConnectKey::new(&[8; 32]).verify(&genuine, &epid("e1"), now()), forged);
        let other = key().name(&"8:acs:contoso_bob".parse().unwrap(), &epid("e1"));
        let cases = [
            ConnectParams { sr: other.to_string(), ..genuine.clone() },
            ConnectParams { se: "99999999999999".into(), ..genuine.clone() },
            ConnectParams { sp: "connect\n".into(), ..genuine.clone() },
            ConnectParams { sig: String::new(), ..genuine.clone() },
            ConnectParams { sig: "!".into(), ..genuine.clone() },
            ConnectParams { sig: genuine.sig.replace(&genuine.sig[..4], "AAAA"), ..genuine },
        ];
        for params in cases {
            assert_eq!(key().verify(&params, &epid("e1"), now()), forged);
        }
        let missing = ConnectParamsError::Missing { name: "sr" };
        assert_eq!(ConnectParams::from_query("v=v4"), Err(missing));
    }

    #[test]
    fn parameters_outlive_neither_the_token_nor_the_connection() {
        let name = key().name(&ALICE.parse().unwrap(), &epid("e1"));
        let far = now() + Duration::from_secs(10 * 86_400);
        let params = key().sign(&name, &epid("e1"), now(), far);
        assert_eq!(params.se, millis(now() + CONNECTION_TTL).to_string());
    }

    #[test]
    fn names_tell_users_and_endpoints_apart() {
        let key = key();
        let (alice, bob) = (ALICE.parse().unwrap(), "8:acs:contoso_bob".parse().unwrap());
        let name = key.name(&alice, &epid("e1"));
        assert_eq!(name, key.name(&alice, &epid("e1")));
        assert_ne!(name, key.name(&alice, &epid("e2")));
        assert_ne!(name, key.name(&bob, &epid("e1")));
        assert_eq!(name.as_str().len(), 24);
    }

    #[test]
    fn the_answers_are_what_the_client_expects() {
        let origin = Origin::new("https", "localhost:8443").unwrap();
        assert_eq!(
            serde_json::to_value(Configuration::new(&origin)).unwrap(),
            serde_json::json!({
                "trouterServiceUrl": "https://localhost:8443/trouter",
                "registrarServiceUrl": "https://localhost:8443/registrar",
                "cloudType": "public",
            })
        );
        let (name, params) = params(&key());
        let answer = serde_json::to_value(Allocation::new(&origin, &name, params)).unwrap();
        assert_eq!(answer["socketio"], "https://localhost:8443/");
        assert_eq!(answer["surl"], format!("https://localhost:8443/v4/f/{name}/"));
        assert_eq!(answer["ttl"], "86400");
        assert!(answer["connectparams"]["se"].is_string());
        let session = SessionKey::from_bytes([9; 16]);
        assert_eq!(handshake_text(&session), format!("{session}:60:60:websocket"));
    }

    #[test]
    fn hosts_and_ids_that_could_break_a_url_are_refused() {
        for host in ["", "a b", "a/b", "a?b", "a#b", "a\"b", "user@a", "a\r\nb", "ä"] {
            assert!(Origin::new("https", host).is_err(), "{host:?}");
        }
        for host in ["localhost", "127.0.0.1:8080", "[::1]:8443", "chat.example.org"] {
            assert!(Origin::new("https", host).is_ok(), "{host:?}");
        }
        for text in ["", "a b", "a/b", "a%20", "a&b", "é", &"x".repeat(129)] {
            assert!(text.parse::<Epid>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let (_, params) = params(&key());
        let shown = format!("{params:?} {:?} {:?}", key(), SessionKey::from_bytes([9; 16]));
        assert!(!shown.contains(&params.sig) && !shown.contains("CQkJ"));
    }

    proptest! {
        #[test]
        fn session_keys_round_trip(bytes in any::<[u8; 16]>()) {
            let key = SessionKey::from_bytes(bytes);
            prop_assert_eq!(key.to_string().parse::<SessionKey>().unwrap(), key);
        }

        #[test]
        fn endpoint_ids_round_trip(text in "[A-Za-z0-9._-]{1,128}") {
            prop_assert_eq!(text.parse::<Epid>().unwrap().to_string(), text);
        }

        #[test]
        fn any_query_is_read_or_refused_without_panic(query in ".{0,80}") {
            if let Ok(params) = ConnectParams::from_query(&query) {
                prop_assert!(key().verify(&params, &epid("e1"), now()).is_err());
            }
        }
    }
}
