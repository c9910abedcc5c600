//! What an app sends a person to the issuer's page with, and what goes back with the person.

use std::borrow::Cow;

use crate::form::{Form, encoded};

/// A request that may be answered at its redirect URI.
pub(crate) struct Authorization {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) scope: String,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: String,
    /// The user who was chosen on the page.
    pub(crate) choice: Option<String>,
}

/// A request that is refused.
pub(crate) enum Refused {
    /// On the page: who asks, or where the answer would go, is not certain
    /// ([RFC 6749 §4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)).
    Here(&'static str),
    /// At the redirect URI, with a code of RFC 6749 or OpenID Connect Core §3.1.2.6.
    There { address: String },
}

impl Authorization {
    /// Reads a query. The answer goes to pages of the app below `origin` only.
    pub(crate) fn read(query: &str, origin: &str, issuer: &str) -> Result<Self, Refused> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(Refused::Here(TOO_LONG));
        }
        let form = Form::read(query).ok_or(Refused::Here("The request cannot be read."))?;
        let client_id = form.one("client_id");
        let client_id = client_id.ok().filter(|id| id.len() <= MAX_CLIENT_ID_BYTES);
        let client_id = client_id.ok_or(Refused::Here("The request names no one app."))?;
        let redirect_uri = form.one("redirect_uri").ok();
        let redirect_uri = redirect_uri.filter(|uri| is_of_app(uri, origin)).ok_or(
            Refused::Here("The request wants its answer sent to somewhere else than the app."),
        )?;
        let state = form.optional("state").ok().flatten();
        let refused = |code: &'static str, words: &'static str| {
            let fields = [("error", code), ("error_description", words)];
            Refused::There { address: answer(redirect_uri, &fields, state, issuer) }
        };
        let malformed = |words| move |_| refused("invalid_request", words);
        for (name, code) in
            [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")]
        {
            if form.optional(name) != Ok(None) {
                return Err(refused(code, "requests as objects are not read"));
            }
        }
        let response_type = form.one("response_type").map_err(malformed("no response_type"))?;
        if response_type != "code" {
            return Err(refused("unsupported_response_type", "only codes are given"));
        }
        form.optional("state").map_err(malformed("state is there twice"))?;
        let mode = form.optional("response_mode").map_err(malformed("two response_modes"))?;
        if mode.is_some_and(|mode| mode != "query") {
            return Err(refused("invalid_request", "only response_mode=query is answered"));
        }
        // Without a method the challenge is the verifier itself (RFC 7636 §4.3), which whoever sees
        // the request could redeem the code with.
        let method = form.optional("code_challenge_method");
        if method != Ok(Some("S256")) {
            return Err(refused("invalid_request", "code_challenge_method has to be S256"));
        }
        let challenge = form.one("code_challenge").ok().filter(|text| is_digest(text));
        let challenge = challenge
            .ok_or_else(|| refused("invalid_request", "code_challenge is no digest of S256"))?;
        let scope = form.optional("scope").map_err(malformed("scope is there twice"))?;
        let nonce = form.optional("nonce").map_err(malformed("nonce is there twice"))?;
        if nonce.is_some_and(|nonce| nonce.len() > MAX_NONCE_BYTES) {
            return Err(refused("invalid_request", "nonce is too long"));
        }
        let choice = form.optional("choice").map_err(malformed("two choices"))?;
        let prompt = form.optional("prompt").map_err(malformed("prompt is there twice"))?;
        if prompt.is_some_and(|prompt| prompt.split(' ').any(|one| one == "none")) {
            return Err(refused("login_required", "nobody is signed in before they choose"));
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let asked = Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: owned(state),
            scope: scope.unwrap_or_default().to_owned(),
            nonce: owned(nonce),
            code_challenge: challenge.to_owned(),
            choice: owned(choice),
        };
        // A link of the page escapes more than the app may have done.
        match asked.choose(&"x".repeat(MAX_CHOICE_BYTES)).len() > MAX_QUERY_BYTES {
            true => Err(Refused::Here(TOO_LONG)),
            false => Ok(asked),
        }
    }

    /// Returns the address, as a reference to the page itself, at which somebody is chosen for this
    /// request. It has what was read of the request and nothing else.
    pub(crate) fn choose(&self, user: &str) -> String {
        let mut address = "?response_type=code&code_challenge_method=S256".to_owned();
        let scope = Some(self.scope.as_str()).filter(|scope| !scope.is_empty());
        for (name, value) in [
            ("client_id", Some(self.client_id.as_str())),
            ("redirect_uri", Some(self.redirect_uri.as_str())),
            ("code_challenge", Some(self.code_challenge.as_str())),
            ("scope", scope),
            ("state", self.state.as_deref()),
            ("nonce", self.nonce.as_deref()),
            ("choice", Some(user)),
        ] {
            if let Some(value) = value {
                append(&mut address, name, value);
            }
        }
        address
    }

    /// Returns where the person goes back to with a code, or with a refusal.
    pub(crate) fn answer(&self, fields: &[(&str, &str)], issuer: &str) -> String {
        answer(&self.redirect_uri, fields, self.state.as_deref(), issuer)
    }
}

/// The issuer names itself, so that an app with several is not led to redeem a code at another
/// ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)).
fn answer(uri: &str, fields: &[(&str, &str)], state: Option<&str>, issuer: &str) -> String {
    let mut address = uri.to_owned();
    let rest = state.map(|state| ("state", state)).into_iter().chain([("iss", issuer)]);
    for (name, value) in fields.iter().copied().chain(rest) {
        append(&mut address, name, value);
    }
    address
}

fn append(address: &mut String, name: &str, value: &str) {
    address.push(if address.contains('?') { '&' } else { '?' });
    address.push_str(name);
    address.push('=');
    address.push_str(&encoded(value));
}

/// Says whether a redirect URI is a page of the app on this exchange.
fn is_of_app(uri: &str, origin: &str) -> bool {
    let Some(rest) = uri.strip_prefix("https://") else { return false };
    let Some((authority, path)) = rest.split_once('/') else { return false };
    // RFC 6749 §3.1.2: no fragment. What browsers read as something else than it looks is no address.
    let is_plain = uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\\<>\"".contains(&byte));
    let (folder, query) = path.split_once('?').unwrap_or((path, ""));
    // An app that found one of these twice could take the wrong one for the answer.
    let is_answer = Form::read(query).is_none_or(|query| ANSWER.iter().any(|name| query.has(name)));
    is_plain
        && origin.strip_prefix("https://") == Some(&canonical(authority))
        && !is_answer
        && folder.starts_with("app/")
        && !folder.contains("..")
        && !folder.contains('%')
}

/// Writes a host with its port as browsers do: in small letters, without the port of HTTPS.
pub(crate) fn canonical(authority: &str) -> Cow<'_, str> {
    let authority = authority.strip_suffix(":443").unwrap_or(authority);
    let authority = authority.strip_suffix(':').unwrap_or(authority);
    match authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => authority.to_ascii_lowercase().into(),
        false => authority.into(),
    }
}

/// A SHA-256 digest in base64url without padding.
fn is_digest(text: &str) -> bool {
    text.len() == 43
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// What an answer may say.
const ANSWER: [&str; 5] = ["code", "error", "error_description", "iss", "state"];

const TOO_LONG: &str = "The request is too long.";

/// Requests of apps are below 1 KiB; what a grant remembers of one is no longer.
const MAX_QUERY_BYTES: usize = 4 * 1024;

/// Client ids are GUIDs or names.
pub(crate) const MAX_CLIENT_ID_BYTES: usize = 128;

/// A nonce is a random text, or the digest of one.
const MAX_NONCE_BYTES: usize = 256;

/// An alias has up to 64 bytes.
const MAX_CHOICE_BYTES: usize = 3 * 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_pages_of_the_app_on_this_exchange_only() {
        let check = |uri: &str| is_of_app(uri, "https://localhost:8443");
        assert!(check("https://localhost:8443/app/"));
        assert!(check("https://LOCALHOST:8443/app/?room=1"));
        assert!(check("https://localhost:8443/app/?encode=1&room=code"));
        assert!(is_of_app("https://box.example:443/app/", "https://box.example"));
        for foreign in [
            "",
            "/app/",
            "https://localhost:8443",
            "https://localhost:8443/",
            "https://localhost:8443/apple/",
            "https://localhost:8443/app/../dev/token",
            "https://localhost:8443/app/%2e%2e/dev/token",
            "https://localhost:8443/app/#x",
            "https://localhost:8443/app/?code=mine",
            "https://localhost:8443/app/?room=1&c%6fde",
            "https://localhost:8443/app/?error=access_denied",
            "https://localhost:8443/app/?state=mine",
            "https://localhost:8443/app/?iss=https://evil.example",
            "https://localhost:8443/app/?room=%f",
            "https://localhost:8443/app/ x",
            "http://localhost:8443/app/",
            "HTTPS://localhost:8443/app/",
            "https://localhost:9000/app/",
            "https://localhost/app/",
            "https://127.0.0.1:8443/app/",
            "https://evil.example/app/",
            "https://localhost:8443@evil.example/app/",
            "https://localhost:8443.evil.example/app/",
            "https://evil.example\\@localhost:8443/app/",
            "javascript:alert(1)",
        ] {
            assert!(!check(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_answer_keeps_what_the_address_had() {
        let fields = [("code", "a b")];
        assert_eq!(
            answer("https://h/app/?x=1", &fields, Some("s&t"), "https://h/adfs"),
            "https://h/app/?x=1&code=a%20b&state=s%26t&iss=https%3A%2F%2Fh%2Fadfs"
        );
        assert_eq!(answer("https://h/app/", &fields, None, "i"), "https://h/app/?code=a%20b&iss=i");
    }
}
