//! Access tokens: JWTs signed with ES256, verified before anything else happens.
//!
//! The claims are those that clients of the documented service read: `skypeid`, `acsScope`,
//! `resourceId`, `resourceLocation`, `exp` (RFC 7519 §4.1.4).

mod validity;
mod verified;

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
use trunkline_policy::Scope;

pub(crate) use crate::token::validity::{Validities, Validity};
use crate::token::verified::{TokenDigest, Verified};

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
    /// The resource in whose name it was issued.
    pub resource: ResourceId,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// How often the user's tokens had been revoked when it was issued.
    pub(crate) generation: u32,
    /// When it stops being valid.
    pub expires_on: Timestamp,
}

/// What a token is to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenGrant<'a> {
    pub(crate) identifier: &'a CommunicationIdentifier,
    pub(crate) resource: &'a ResourceId,
    pub(crate) scopes: &'a BTreeSet<Scope>,
    pub(crate) generation: u32,
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
    /// The exchange cannot tell at the moment: its store failed.
    #[error("the token cannot be checked at the moment")]
    Unavailable,
}

/// Signs and verifies the tokens of the exchange.
pub(crate) struct TokenSigner {
    encoding: EncodingKey,
    decoding: DecodingKey,
    key_id: String,
    public_point: Vec<u8>,
    verified: Verified,
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

impl TokenError {
    /// Returns the stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "token_expired",
            Self::Invalid => "token_invalid",
            Self::Revoked => "token_revoked",
            Self::Unavailable => "unavailable",
        }
    }
}

impl TokenSigner {
    /// Makes a new signing key, as PKCS#8.
    pub(crate) fn generate_key() -> Result<Vec<u8>, SigningKeyRejected> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map(|document| document.as_ref().to_vec())
            .map_err(|_| SigningKeyRejected)
    }

    pub(crate) fn new(pkcs8: &[u8]) -> Result<Self, SigningKeyRejected> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| SigningKeyRejected)?;
        let public_point = pair.public_key().as_ref().to_vec();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &public_point);
        Ok(Self {
            encoding: EncodingKey::from_ec_der(pkcs8),
            decoding: DecodingKey::from_ec_der(&public_point),
            key_id: URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]),
            public_point,
            verified: Verified::default(),
        })
    }

    pub(crate) fn issue(
        &self,
        grant: TokenGrant<'_>,
        now: Timestamp,
        life: Duration,
    ) -> Result<AccessToken, SigningKeyRejected> {
        let TokenGrant { identifier, resource, scopes, generation } = grant;
        let expires_on = now + life;
        let raw_id = identifier.raw_id();
        let claims = Claims {
            skypeid: raw_id.as_str().strip_prefix("8:").unwrap_or(raw_id.as_str()).to_owned(),
            scp: 1792,
            csi: now.as_unix_seconds().to_string(),
            exp: expires_on.as_unix_seconds(),
            rgn: "local".to_owned(),
            acs_scope: scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(","),
            resource_id: resource.to_string(),
            resource_location: "local".to_owned(),
            iat: now.as_unix_seconds(),
            generation,
        };
        Ok(AccessToken {
            token: self.sign(&claims)?,
            expires_on: Timestamp::from_unix_seconds(expires_on.as_unix_seconds()),
        })
    }

    /// Signs claims of any kind.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, SigningKeyRejected> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|_| SigningKeyRejected)
    }

    /// Checks signature, algorithm, key id and expiry. Whether the resource is one of ours, and
    /// revocation, are the caller's.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<TokenClaims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let digest = TokenDigest::of(token);
        let claims = match self.verified.find(digest) {
            Some(claims) => claims,
            None => {
                let claims = self.read(token)?;
                // One that has expired is not worth remembering.
                if now < claims.expires_on {
                    self.verified.remember(digest, &claims);
                }
                claims
            }
        };
        if now >= claims.expires_on {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// Checks everything about a token that stays as it is.
    fn read(&self, token: &str) -> Result<TokenClaims, TokenError> {
        // One algorithm and one key: what the header claims is compared, never obeyed.
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        if header.alg != Algorithm::ES256 || header.kid.as_deref() != Some(&self.key_id) {
            return Err(TokenError::Invalid);
        }
        let mut validation = Validation::new(Algorithm::ES256);
        // Expiry is judged by the caller, against the time that it is given.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let resource = claims.resource_id.parse().map_err(|_| TokenError::Invalid)?;
        let identifier = CommunicationIdentifier::from_str(&format!("8:{}", claims.skypeid))
            .map_err(|_| TokenError::Invalid)?;
        let expires_on = Timestamp::from_unix_seconds(claims.exp);
        // A scope from a later version is no reason to refuse the others.
        let scopes = claims.acs_scope.split(',').filter_map(|scope| scope.parse().ok()).collect();
        Ok(TokenClaims { identifier, resource, scopes, generation: claims.generation, expires_on })
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

    fn signer() -> TokenSigner {
        TokenSigner::new(&TokenSigner::generate_key().unwrap()).unwrap()
    }

    const RESOURCE: &str = "5f9c1a52-0001-4a6b-8c1d-000000000001";
    const USER: &str =
        "8:acs:5f9c1a52-0001-4a6b-8c1d-000000000001_00000000-0000-4000-8000-0000000000aa";

    fn issue(signer: &TokenSigner, now: Timestamp) -> String {
        let scopes = BTreeSet::from([Scope::Voip, Scope::Chat]);
        let life = Duration::from_secs(3_600);
        let grant = TokenGrant {
            identifier: &USER.parse().unwrap(),
            resource: &RESOURCE.parse().unwrap(),
            scopes: &scopes,
            generation: 3,
        };
        signer.issue(grant, now, life).unwrap().token
    }

    #[test]
    fn a_token_tells_whose_it_is_and_what_it_allows() {
        let signer = signer();
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let claims = signer.verify(&issue(&signer, now), now).unwrap();
        assert_eq!(claims.identifier, USER.parse().unwrap());
        assert_eq!(claims.resource, RESOURCE.parse().unwrap());
        assert_eq!(claims.generation, 3);
        assert_eq!(claims.scopes, BTreeSet::from([Scope::Chat, Scope::Voip]));
        assert_eq!(claims.expires_on, Timestamp::from_unix_seconds(1_700_003_600));
    }

    #[test]
    fn a_token_dies_at_its_expiry() {
        let signer = signer();
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let token = issue(&signer, now);
        assert!(signer.verify(&token, Timestamp::from_unix_seconds(1_700_003_599)).is_ok());
        let late = signer.verify(&token, Timestamp::from_unix_seconds(1_700_003_600));
        assert_eq!(late, Err(TokenError::Expired));
    }

    #[test]
    fn foreign_and_forged_tokens_are_invalid() {
        let ours = signer();
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
        let foreign = issue(&signer(), now);
        for bad in ["", "a.b.c", &none, &confused, &swapped, &foreign, &"x".repeat(100_000)] {
            assert_eq!(ours.verify(bad, now), Err(TokenError::Invalid));
        }
    }
}
