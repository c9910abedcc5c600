//! Access tokens: JWTs signed with ES256, verified before anything else happens.
//!
//! The claims are those that clients of the documented service read: `skypeid`, `acsScope`,
//! `resourceId`, `resourceLocation`, `exp` (RFC 7519 §4.1.4).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ResourceId};

/// What a token may be used for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TokenScope {
    /// Everything in chat.
    Chat,
    /// Chat without creating or deleting threads.
    ChatJoin,
    /// Chat without changing membership.
    ChatJoinLimited,
    /// Start and join calls.
    Voip,
    /// Join calls, but start none.
    VoipJoin,
}

impl TokenScope {
    /// Returns the scope as it is spelled in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatJoin => "chat.join",
            Self::ChatJoinLimited => "chat.join.limited",
            Self::Voip => "voip",
            Self::VoipJoin => "voip.join",
        }
    }

    const ALL: [Self; 5] =
        [Self::Chat, Self::ChatJoin, Self::ChatJoinLimited, Self::Voip, Self::VoipJoin];
}

impl FromStr for TokenScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// The text names no scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a token scope")]
pub struct UnknownScope;

/// A token that has been issued. The text is a secret; `Debug` does not print it.
#[derive(Clone)]
pub struct AccessToken {
    /// The JWT.
    pub token: String,
    /// When it stops being valid.
    pub expires_on: Timestamp,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_on", &self.expires_on).finish_non_exhaustive()
    }
}

/// Who a verified token speaks for, and what it allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenClaims {
    /// Whose token it is.
    pub identifier: CommunicationIdentifier,
    /// What it may be used for.
    pub scopes: BTreeSet<TokenScope>,
    /// How often the user's tokens had been revoked when it was issued.
    pub(crate) generation: u32,
    /// When it stops being valid.
    pub expires_on: Timestamp,
}

/// Why a token is not accepted. The variants say no more than a stranger may know.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is no token of this exchange: malformed, another signer, another algorithm or resource.
    #[error("the token is not valid here")]
    Invalid,
    /// It was revoked.
    #[error("the token has been revoked")]
    Revoked,
}

/// Signs and verifies the tokens of one resource.
pub(crate) struct TokenSigner {
    encoding: EncodingKey,
    decoding: DecodingKey,
    key_id: String,
    public_point: Vec<u8>,
    resource: ResourceId,
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The signing key cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the token signing key is not a P-256 key in PKCS#8")]
pub struct SigningKeyRejected;

impl TokenSigner {
    /// Makes a new signing key, as PKCS#8.
    pub(crate) fn generate_key() -> Result<Vec<u8>, SigningKeyRejected> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map(|document| document.as_ref().to_vec())
            .map_err(|_| SigningKeyRejected)
    }

    pub(crate) fn new(pkcs8: &[u8], resource: ResourceId) -> Result<Self, SigningKeyRejected> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| SigningKeyRejected)?;
        let public_point = pair.public_key().as_ref().to_vec();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &public_point);
        Ok(Self {
            encoding: EncodingKey::from_ec_der(pkcs8),
            decoding: DecodingKey::from_ec_der(&public_point),
            key_id: URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]),
            public_point,
            resource,
        })
    }

    pub(crate) fn issue(
        &self,
        identifier: &CommunicationIdentifier,
        scopes: &BTreeSet<TokenScope>,
        generation: u32,
        now: Timestamp,
        life: Duration,
    ) -> Result<AccessToken, SigningKeyRejected> {
        let expires_on = now + life;
        let raw_id = identifier.raw_id();
        let claims = Claims {
            skypeid: raw_id.as_str().strip_prefix("8:").unwrap_or(raw_id.as_str()).to_owned(),
            scp: 1792,
            csi: now.as_unix_seconds().to_string(),
            exp: expires_on.as_unix_seconds(),
            rgn: "local".to_owned(),
            acs_scope: scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(","),
            resource_id: self.resource.to_string(),
            resource_location: "local".to_owned(),
            iat: now.as_unix_seconds(),
            generation,
        };
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &self.encoding)
            .map_err(|_| SigningKeyRejected)?;
        Ok(AccessToken {
            token,
            expires_on: Timestamp::from_unix_seconds(expires_on.as_unix_seconds()),
        })
    }

    /// Checks signature, algorithm, key id, resource and expiry. Revocation is the caller's.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<TokenClaims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        // One algorithm and one key: what the header claims is compared, never obeyed.
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        if header.alg != Algorithm::ES256 || header.kid.as_deref() != Some(&self.key_id) {
            return Err(TokenError::Invalid);
        }
        let mut validation = Validation::new(Algorithm::ES256);
        // Expiry is judged below against the time that the caller gives.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if claims.resource_id != self.resource.as_str() {
            return Err(TokenError::Invalid);
        }
        let identifier = CommunicationIdentifier::from_str(&format!("8:{}", claims.skypeid))
            .map_err(|_| TokenError::Invalid)?;
        let expires_on = Timestamp::from_unix_seconds(claims.exp);
        if now >= expires_on {
            return Err(TokenError::Expired);
        }
        // A scope from a later version is no reason to refuse the others.
        let scopes = claims.acs_scope.split(',').filter_map(|scope| scope.parse().ok()).collect();
        Ok(TokenClaims { identifier, scopes, generation: claims.generation, expires_on })
    }

    /// Returns the public key as a JWK set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> serde_json::Value {
        // An uncompressed point: 0x04, then 32 bytes each of x and y (SEC 1 §2.3.3).
        let x = self.public_point.get(1..33).unwrap_or_default();
        let y = self.public_point.get(33..65).unwrap_or_default();
        serde_json::json!({
            "keys": [{
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
                "kid": self.key_id,
                "x": URL_SAFE_NO_PAD.encode(x),
                "y": URL_SAFE_NO_PAD.encode(y),
            }]
        })
    }
}

#[derive(Deserialize, Serialize)]
struct Claims {
    skypeid: String,
    scp: u32,
    csi: String,
    exp: i64,
    rgn: String,
    #[serde(rename = "acsScope")]
    acs_scope: String,
    #[serde(rename = "resourceId")]
    resource_id: String,
    #[serde(rename = "resourceLocation")]
    resource_location: String,
    iat: i64,
    #[serde(default, rename = "gen")]
    generation: u32,
}

/// Real tokens are under 1 KiB; what is longer is not parsed at all.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(resource: &str) -> TokenSigner {
        TokenSigner::new(&TokenSigner::generate_key().unwrap(), resource.parse().unwrap()).unwrap()
    }

    const RESOURCE: &str = "5f9c1a52-0001-4a6b-8c1d-000000000001";
    const USER: &str =
        "8:acs:5f9c1a52-0001-4a6b-8c1d-000000000001_00000000-0000-4000-8000-0000000000aa";

    fn issue(signer: &TokenSigner, now: Timestamp) -> String {
        let scopes = BTreeSet::from([TokenScope::Voip, TokenScope::Chat]);
        let life = Duration::from_secs(3_600);
        signer.issue(&USER.parse().unwrap(), &scopes, 0, now, life).unwrap().token
    }

    #[test]
    fn a_token_tells_whose_it_is_and_what_it_allows() {
        let signer = signer(RESOURCE);
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let claims = signer.verify(&issue(&signer, now), now).unwrap();
        assert_eq!(claims.identifier, USER.parse().unwrap());
        assert_eq!(claims.scopes, BTreeSet::from([TokenScope::Chat, TokenScope::Voip]));
        assert_eq!(claims.expires_on, Timestamp::from_unix_seconds(1_700_003_600));
    }

    #[test]
    fn a_token_dies_at_its_expiry() {
        let signer = signer(RESOURCE);
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let token = issue(&signer, now);
        assert!(signer.verify(&token, Timestamp::from_unix_seconds(1_700_003_599)).is_ok());
        let late = signer.verify(&token, Timestamp::from_unix_seconds(1_700_003_600));
        assert_eq!(late, Err(TokenError::Expired));
    }

    #[test]
    fn foreign_and_forged_tokens_are_invalid() {
        let ours = signer(RESOURCE);
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let token = issue(&ours, now);
        let parts: Vec<&str> = token.split('.').collect();
        let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), parts[1]);
        let kid = &ours.key_id;
        let symmetric_header =
            URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#));
        // The classic confusion: the public key used as an HMAC secret.
        let message = format!("{symmetric_header}.{}", parts[1]);
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &ours.public_point);
        let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
        let confused = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
        let other_user = URL_SAFE_NO_PAD.encode(r#"{"skypeid":"orgid:x"}"#);
        let swapped = format!("{}.{other_user}.{}", parts[0], parts[2]);
        let foreign = issue(&signer(RESOURCE), now);
        for bad in ["", "a.b.c", &none, &confused, &swapped, &foreign, &"x".repeat(100_000)] {
            assert_eq!(ours.verify(bad, now), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn a_token_of_another_resource_is_invalid() {
        let key = TokenSigner::generate_key().unwrap();
        let ours = TokenSigner::new(&key, RESOURCE.parse().unwrap()).unwrap();
        let theirs =
            TokenSigner::new(&key, "5f9c1a52-0002-4a6b-8c1d-000000000002".parse().unwrap());
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let token = issue(&theirs.unwrap(), now);
        assert_eq!(ours.verify(&token, now), Err(TokenError::Invalid));
    }
}
