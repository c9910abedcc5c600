//! What a person's choice on the issuer's page leaves behind: a code to redeem once, and what renews
//! the tokens that it was redeemed for.
//!
//! Whether there is such a user, and what the tokens say, is not decided here.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_clock::Instant;

use crate::identity::dev_issuer::{OFFLINE_ACCESS, asks_for};

/// Who chose to sign in, and what the code for it is bound to.
#[derive(Clone)]
pub struct DevAuthorization {
    /// What the issuer is called where it was asked.
    pub issuer: String,
    /// The app that asked.
    pub client_id: String,
    /// Where the code is sent.
    pub redirect_uri: String,
    /// The digest of what redeems the code
    /// ([RFC 7636 §4.2](https://www.rfc-editor.org/rfc/rfc7636#section-4.2), `S256`).
    pub code_challenge: String,
    /// What the ID token is to repeat.
    pub nonce: Option<String>,
    /// The user: an alias or an object id.
    pub user: String,
    /// What was asked for.
    pub scope: String,
}

impl fmt::Debug for DevAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevAuthorization")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// A code, and what proves that it is in the hands of who asked for it.
#[derive(Clone, Copy)]
pub struct DevCode<'a> {
    /// The code.
    pub code: &'a str,
    /// What the issuer is called where the code is redeemed.
    pub issuer: &'a str,
    /// The app that redeems it.
    pub client_id: &'a str,
    /// Where it was sent.
    pub redirect_uri: &'a str,
    /// What the challenge was made of.
    pub code_verifier: &'a str,
}

impl fmt::Debug for DevCode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevCode").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// What renews tokens, and whose it is.
#[derive(Clone, Copy)]
pub struct DevRefresh<'a> {
    /// The refresh token.
    pub token: &'a str,
    /// What the issuer is called where tokens are renewed.
    pub issuer: &'a str,
    /// The app that renews them.
    pub client_id: &'a str,
}

impl fmt::Debug for DevRefresh<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevRefresh").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Why nothing is granted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DevGrantError {
    /// Its time is over.
    #[error("its time is over")]
    Expired,
    /// It is bound to something else than the request says.
    #[error("it is of another client, redirect URI, issuer or code verifier")]
    Mismatch,
    /// The exchange failed to make what it would answer with.
    #[error("the exchange cannot make tokens")]
    Unavailable,
    /// There is none, or its user is gone.
    #[error("it is not known here")]
    Unknown,
    /// It was used before. What came of that is not renewed any more
    /// ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)).
    #[error("it was used before")]
    Used,
}

impl DevGrantError {
    /// Returns the code of [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2), or that
    /// of §4.1.2.1 for what is the issuer's own fault.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired | Self::Mismatch | Self::Unknown | Self::Used => "invalid_grant",
            Self::Unavailable => "server_error",
        }
    }
}

/// The codes that wait, and the sign-ins that can be renewed.
#[derive(Default)]
pub(super) struct Grants {
    codes: BTreeMap<String, Code>,
    sign_ins: BTreeMap<String, SignIn>,
}

struct Code {
    authorization: DevAuthorization,
    expires_at: Instant,
    state: CodeState,
}

enum CodeState {
    Waiting,
    /// Kept until it would have expired, or as long as the sign-in that came of it can be renewed:
    /// whoever has the code later still ends that.
    Used(Option<String>),
}

/// A sign-in whose tokens are renewed, with the one refresh token that does so.
struct SignIn {
    authorization: DevAuthorization,
    secret: String,
    expires_at: Instant,
}

impl Grants {
    /// Makes a code for a choice.
    pub(super) fn authorize(
        &mut self,
        authorization: DevAuthorization,
        now: Instant,
    ) -> Result<String, DevGrantError> {
        let code = random()?;
        let sign_ins = &self.sign_ins;
        make_room(
            &mut self.codes,
            |of| of.expires_at,
            |of| match &of.state {
                CodeState::Used(Some(id)) if sign_ins.contains_key(id) => true,
                CodeState::Used(_) | CodeState::Waiting => now < of.expires_at,
            },
        );
        let expires_at = now + CODE_LIFE;
        self.codes
            .insert(code.clone(), Code { authorization, expires_at, state: CodeState::Waiting });
        Ok(code)
    }

    /// Redeems a code. One that is presented wrongly is of no more use: whoever has it has one try.
    pub(super) fn redeem(
        &mut self,
        given: DevCode<'_>,
        now: Instant,
    ) -> Result<Redeemed, DevGrantError> {
        let code = self.codes.get_mut(given.code).ok_or(DevGrantError::Unknown)?;
        let bound = &code.authorization;
        let refused = if let CodeState::Used(sign_in) = &code.state {
            if let Some(sign_in) = sign_in {
                self.sign_ins.remove(sign_in);
            }
            return Err(DevGrantError::Used);
        } else if now >= code.expires_at {
            DevGrantError::Expired
        } else if bound.client_id != given.client_id
            || bound.redirect_uri != given.redirect_uri
            || bound.issuer != given.issuer
            || !is_verified(given.code_verifier, &bound.code_challenge)
        {
            DevGrantError::Mismatch
        } else {
            let authorization = bound.clone();
            code.state = CodeState::Used(None);
            let refresh_token = match asks_for(&authorization.scope, OFFLINE_ACCESS) {
                true => Some(self.begin(given.code, authorization.clone(), now)?),
                false => None,
            };
            return Ok(Redeemed { authorization, refresh_token });
        };
        self.codes.remove(given.code);
        Err(refused)
    }

    /// Takes a refresh token for the next one. Where one is presented that was used before, two have
    /// it, and neither goes on
    /// ([RFC 9700 §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)).
    pub(super) fn refresh(
        &mut self,
        given: DevRefresh<'_>,
        now: Instant,
    ) -> Result<Redeemed, DevGrantError> {
        let (id, secret) = given.token.split_once('.').ok_or(DevGrantError::Unknown)?;
        let sign_in = self.sign_ins.get_mut(id).ok_or(DevGrantError::Unknown)?;
        let bound = &sign_in.authorization;
        if bound.client_id != given.client_id || bound.issuer != given.issuer {
            return Err(DevGrantError::Mismatch);
        }
        let is_over = now >= sign_in.expires_at;
        if is_over || verify_slices_are_equal(sign_in.secret.as_bytes(), secret.as_bytes()).is_err()
        {
            self.sign_ins.remove(id);
            return Err(if is_over { DevGrantError::Expired } else { DevGrantError::Used });
        }
        sign_in.secret = random()?;
        let refresh_token = Some(format!("{id}.{}", sign_in.secret));
        Ok(Redeemed { authorization: sign_in.authorization.clone(), refresh_token })
    }

    /// Begins a sign-in that can be renewed, and returns its first refresh token.
    fn begin(
        &mut self,
        code: &str,
        authorization: DevAuthorization,
        now: Instant,
    ) -> Result<String, DevGrantError> {
        let (id, secret) = (random()?, random()?);
        make_room(&mut self.sign_ins, |of| of.expires_at, |of| now < of.expires_at);
        let token = format!("{id}.{secret}");
        if let Some(code) = self.codes.get_mut(code) {
            code.state = CodeState::Used(Some(id.clone()));
        }
        let expires_at = now + SIGN_IN_LIFE;
        self.sign_ins.insert(id, SignIn { authorization, secret, expires_at });
        Ok(token)
    }
}

/// What a code or a refresh token was good for.
pub(super) struct Redeemed {
    pub(super) authorization: DevAuthorization,
    pub(super) refresh_token: Option<String>,
}

/// Makes room for one more grant: what is not kept goes, and the oldest where that is not enough.
fn make_room<T>(
    grants: &mut BTreeMap<String, T>,
    expires_at: impl Fn(&T) -> Instant,
    is_kept: impl Fn(&T) -> bool,
) {
    grants.retain(|_, of| is_kept(of));
    if grants.len() >= GRANT_LIMIT
        && let Some((oldest, _)) = grants.iter().min_by_key(|(_, of)| expires_at(of))
    {
        let oldest = oldest.clone();
        grants.remove(&oldest);
    }
}

/// [RFC 7636 §4.6](https://www.rfc-editor.org/rfc/rfc7636#section-4.6).
fn is_verified(verifier: &str, challenge: &str) -> bool {
    // §4.1: 43 to 128 unreserved characters.
    let is_well_formed = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_well_formed && URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) == challenge
}

fn random() -> Result<String, DevGrantError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| DevGrantError::Unavailable)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// How long a code waits: the app redeems it as soon as its page is there. Longer gives whoever reads
/// it somewhere more time; shorter fails where the way back is slow.
const CODE_LIFE: Duration = Duration::from_secs(60);

/// How long tokens are renewed without the person: a day of work with the page open.
const SIGN_IN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How many codes, and how many sign-ins, are kept at once. Each holds what its request held, which
/// is some hundred bytes for an app and never above the 4 KiB that the page reads: 8 MiB for both.
/// Whoever makes more pushes the oldest out.
const GRANT_LIMIT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    /// [RFC 7636, appendix B](https://www.rfc-editor.org/rfc/rfc7636#appendix-B).
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const ISSUER: &str = "https://localhost/adfs";
    const HERE: &str = "https://localhost/app/";

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn choice(scope: &str) -> DevAuthorization {
        DevAuthorization {
            issuer: ISSUER.to_owned(),
            client_id: "app".to_owned(),
            redirect_uri: HERE.to_owned(),
            code_challenge: CHALLENGE.to_owned(),
            nonce: None,
            user: "alice".to_owned(),
            scope: scope.to_owned(),
        }
    }

    fn code(code: &str) -> DevCode<'_> {
        let (client_id, redirect_uri) = ("app", HERE);
        DevCode { code, issuer: ISSUER, client_id, redirect_uri, code_verifier: VERIFIER }
    }

    fn refusal(result: Result<Redeemed, DevGrantError>) -> Option<DevGrantError> {
        result.err()
    }

    #[test]
    fn a_code_is_redeemed_once_within_its_time_by_who_asked() {
        let mut grants = Grants::default();
        let given = grants.authorize(choice("openid"), at(0)).unwrap();
        let redeemed = grants.redeem(code(&given), at(59)).unwrap();
        assert_eq!(redeemed.authorization.user, "alice");
        assert_eq!(redeemed.refresh_token, None, "nobody asked for offline access");
        assert_eq!(refusal(grants.redeem(code(&given), at(59))), Some(DevGrantError::Used));
        let late = grants.authorize(choice("openid"), at(0)).unwrap();
        assert_eq!(refusal(grants.redeem(code(&late), at(60))), Some(DevGrantError::Expired));
        assert_eq!(refusal(grants.redeem(code("made-up"), at(0))), Some(DevGrantError::Unknown));
    }

    #[test]
    fn a_code_that_is_presented_wrongly_is_lost() {
        let mut grants = Grants::default();
        let plain = DevCode { code_verifier: CHALLENGE, ..code("") };
        let short = DevCode { code_verifier: "short", ..code("") };
        let elsewhere = DevCode { redirect_uri: "https://localhost/app/?x", ..code("") };
        for wrong in [
            plain,
            short,
            elsewhere,
            DevCode { client_id: "other", ..code("") },
            DevCode { issuer: "https://127.0.0.1/adfs", ..code("") },
        ] {
            let given = grants.authorize(choice("openid"), at(0)).unwrap();
            let wrong = DevCode { code: &given, ..wrong };
            assert_eq!(refusal(grants.redeem(wrong, at(1))), Some(DevGrantError::Mismatch));
            assert_eq!(refusal(grants.redeem(code(&given), at(1))), Some(DevGrantError::Unknown));
        }
    }

    #[test]
    fn a_refresh_token_is_used_once_and_whoever_repeats_one_ends_it_for_all() {
        let mut grants = Grants::default();
        let given = grants.authorize(choice("openid offline_access"), at(0)).unwrap();
        let first = grants.redeem(code(&given), at(1)).unwrap().refresh_token.unwrap();
        let refresh = |token| DevRefresh { token, issuer: ISSUER, client_id: "app" };
        let other = DevRefresh { client_id: "other", ..refresh(&first) };
        assert_eq!(refusal(grants.refresh(other, at(2))), Some(DevGrantError::Mismatch));
        let second = grants.refresh(refresh(&first), at(2)).unwrap().refresh_token.unwrap();
        assert_ne!(first, second);
        assert_eq!(refusal(grants.refresh(refresh(&first), at(3))), Some(DevGrantError::Used));
        assert_eq!(refusal(grants.refresh(refresh(&second), at(3))), Some(DevGrantError::Unknown));
        assert_eq!(refusal(grants.refresh(refresh("x"), at(3))), Some(DevGrantError::Unknown));
    }

    #[test]
    fn a_code_that_comes_again_ends_what_came_of_it() {
        let mut grants = Grants::default();
        let given = grants.authorize(choice("offline_access"), at(0)).unwrap();
        let token = grants.redeem(code(&given), at(1)).unwrap().refresh_token.unwrap();
        assert_eq!(refusal(grants.redeem(code(&given), at(2))), Some(DevGrantError::Used));
        let refresh = DevRefresh { token: &token, issuer: ISSUER, client_id: "app" };
        assert_eq!(refusal(grants.refresh(refresh, at(2))), Some(DevGrantError::Unknown));
    }

    #[test]
    fn a_code_that_comes_again_after_its_minute_ends_what_came_of_it() {
        let mut grants = Grants::default();
        let given = grants.authorize(choice("offline_access"), at(0)).unwrap();
        let plain = grants.authorize(choice("openid"), at(0)).unwrap();
        let token = grants.redeem(code(&given), at(1)).unwrap().refresh_token.unwrap();
        grants.redeem(code(&plain), at(1)).unwrap();
        grants.authorize(choice("openid"), at(3_600)).unwrap();
        assert_eq!(refusal(grants.redeem(code(&plain), at(3_600))), Some(DevGrantError::Unknown));
        assert_eq!(refusal(grants.redeem(code(&given), at(3_600))), Some(DevGrantError::Used));
        let refresh = DevRefresh { token: &token, issuer: ISSUER, client_id: "app" };
        assert_eq!(refusal(grants.refresh(refresh, at(3_600))), Some(DevGrantError::Unknown));
        grants.authorize(choice("openid"), at(3_601)).unwrap();
        assert_eq!(grants.codes.len(), 2, "nothing is left for the code to end");
    }

    #[test]
    fn a_sign_in_is_renewed_for_a_day() {
        let mut grants = Grants::default();
        let given = grants.authorize(choice("offline_access"), at(0)).unwrap();
        let first = grants.redeem(code(&given), at(0)).unwrap().refresh_token.unwrap();
        let refresh = |token| DevRefresh { token, issuer: ISSUER, client_id: "app" };
        let day = 24 * 60 * 60;
        let renewed = grants.refresh(refresh(&first), at(day - 1)).unwrap();
        assert_eq!(renewed.authorization.user, "alice");
        let second = renewed.refresh_token.unwrap();
        assert_eq!(
            refusal(grants.refresh(refresh(&second), at(day))),
            Some(DevGrantError::Expired)
        );
    }

    #[test]
    fn whoever_makes_many_sign_ins_pushes_the_oldest_out() {
        let mut grants = Grants::default();
        let mut begin = |seconds| {
            let given = grants.authorize(choice("offline_access"), at(seconds)).unwrap();
            let redeemed = grants.redeem(code(&given), at(seconds)).unwrap();
            redeemed.refresh_token.unwrap()
        };
        let (oldest, second) = (begin(0), begin(1));
        for _ in 1..GRANT_LIMIT {
            begin(2);
        }
        assert_eq!(grants.sign_ins.len(), GRANT_LIMIT);
        assert!(grants.codes.len() <= GRANT_LIMIT);
        let refresh = |token| DevRefresh { token, issuer: ISSUER, client_id: "app" };
        let gone = refusal(grants.refresh(refresh(&oldest), at(3)));
        assert_eq!(gone, Some(DevGrantError::Unknown));
        assert!(grants.refresh(refresh(&second), at(3)).is_ok());
    }

    #[test]
    fn whoever_makes_many_codes_pushes_the_oldest_out() {
        let mut grants = Grants::default();
        let oldest = grants.authorize(choice("openid"), at(0)).unwrap();
        let second = grants.authorize(choice("openid"), at(1)).unwrap();
        for _ in 1..GRANT_LIMIT {
            grants.authorize(choice("openid"), at(2)).unwrap();
        }
        assert_eq!(grants.codes.len(), GRANT_LIMIT);
        assert_eq!(refusal(grants.redeem(code(&oldest), at(3))), Some(DevGrantError::Unknown));
        assert!(grants.redeem(code(&second), at(3)).is_ok());
    }
}
