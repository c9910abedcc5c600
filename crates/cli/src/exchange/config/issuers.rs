//! `[[issuers]]`: whose tokens of directory users are exchanged.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trunkline_ids::TenantId;
use trunkline_node::{FetchKeysError, IssuerKeys, OidcIssuer};
use trunkline_web::SignInIssuer;

/// An issuer of the directory's tokens.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// What its tokens say as `iss`.
    pub issuer: String,
    /// The tenant whose users it knows: what its tokens say as `tid`.
    pub tenant: TenantId,
    /// What its tokens may say as `aud`; those of the documented service when empty.
    #[serde(default)]
    pub audiences: BTreeSet<String>,
    /// Where its JWK set is; found by the issuer's discovery document when this and `jwks_file` are
    /// absent.
    pub jwks_uri: Option<String>,
    /// A file that holds its JWK set.
    pub jwks_file: Option<PathBuf>,
    /// What the app for people is called there; without it, the app does not offer the issuer.
    pub app_client_id: Option<String>,
    /// What the app asks for beside `openid`.
    #[serde(default)]
    pub app_scopes: Vec<String>,
    /// Further origins that the app's page asks: where the token endpoint is not of the issuer's.
    #[serde(default)]
    pub app_origins: Vec<String>,
    /// The name that people see; the issuer's host when absent.
    pub name: Option<String>,
}

impl IssuerConfig {
    /// Checks what the types cannot say.
    pub(super) fn check(&self) -> Result<()> {
        let name = &self.issuer;
        self.sign_in()?;
        if self.jwks_uri.is_some() && self.jwks_file.is_some() {
            bail!("issuer `{name}`: `jwks_uri` or `jwks_file`, not both");
        }
        if self.jwks_file.is_some() {
            return Ok(());
        }
        let uri = self.jwks_uri.as_ref().unwrap_or(name);
        let url = reqwest::Url::parse(uri).with_context(|| format!("issuer `{name}`: `{uri}`"))?;
        if url.scheme() != "https" && !is_loopback(&url) {
            bail!("issuer `{name}`: keys are fetched over https only, not from `{uri}`");
        }
        Ok(())
    }

    /// Returns the issuer with the way to its keys.
    pub(in crate::exchange) fn issuer(&self) -> Result<OidcIssuer> {
        let keys = match &self.jwks_file {
            Some(path) => {
                let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
                let keys = serde_json::from_slice(&text);
                IssuerKeys::Given(
                    keys.with_context(|| format!("{} is no JWK set", path.display()))?,
                )
            }
            None => self.fetched()?,
        };
        let audiences = match self.audiences.is_empty() {
            true => OidcIssuer::AUDIENCES.map(str::to_owned).into(),
            false => self.audiences.clone(),
        };
        Ok(OidcIssuer { issuer: self.issuer.clone(), tenant: self.tenant.clone(), audiences, keys })
    }

    /// Returns how the app offers the issuer, if it does.
    pub(in crate::exchange) fn sign_in(&self) -> Result<Option<SignInIssuer>> {
        let name = &self.issuer;
        let Some(client_id) = &self.app_client_id else {
            if self.name.is_some() || !self.app_scopes.is_empty() || !self.app_origins.is_empty() {
                bail!("issuer `{name}`: `name` and `app_…` need `app_client_id`");
            }
            return Ok(None);
        };
        if client_id.trim().is_empty() {
            bail!("issuer `{name}`: `app_client_id` is empty");
        }
        let is_one = |scope: &String| !scope.is_empty() && !scope.contains(char::is_whitespace);
        if !self.app_scopes.iter().all(is_one) {
            bail!("issuer `{name}`: `app_scopes` has one scope in each text");
        }
        let mut origins = BTreeSet::from([origin(name).with_context(|| {
            format!("issuer `{name}`: the app finds its pages by its address")
        })?]);
        for text in &self.app_origins {
            let found = origin(text)
                .with_context(|| format!("issuer `{name}`: `app_origins`: `{text}`"))?;
            if found != *text {
                bail!("issuer `{name}`: `app_origins`: `{text}` is no origin, `{found}` would be");
            }
            origins.insert(found);
        }
        Ok(Some(SignInIssuer {
            issuer: name.clone(),
            client_id: client_id.clone(),
            name: self.name.clone(),
            scopes: self.app_scopes.clone(),
            origins,
        }))
    }

    fn fetched(&self) -> Result<IssuerKeys> {
        let client = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot set up the client for issuers' keys")?;
        let (issuer, jwks_uri) = (self.issuer.clone(), self.jwks_uri.clone());
        Ok(IssuerKeys::Fetched(Arc::new(move || {
            let (client, issuer, jwks_uri) = (client.clone(), issuer.clone(), jwks_uri.clone());
            Box::pin(async move {
                let jwks_uri = match jwks_uri {
                    Some(uri) => uri,
                    None => discover(&client, &issuer).await?,
                };
                get(&client, &jwks_uri).await
            })
        })))
    }
}

/// Returns the origin of an address that a page may ask: over TLS, or on this machine.
fn origin(address: &str) -> Result<String> {
    let url = reqwest::Url::parse(address)?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        bail!("pages ask issuers over https only, not at `{address}`");
    }
    // The sources of a page's policy have names and addresses of IPv4
    // ([CSP §2.3.1](https://www.w3.org/TR/CSP3/#grammardef-host-source)).
    if url.host_str().is_some_and(|host| host.starts_with('[')) {
        bail!("`{address}` is an IPv6 address, which pages cannot be allowed to ask: use a name");
    }
    let origin = url.origin().ascii_serialization();
    // The policy of the page takes some of what hosts may hold for patterns and for its own ends.
    if origin.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !b"-.:/_".contains(&byte)) {
        bail!("`{address}` has a host that pages cannot be allowed to ask");
    }
    Ok(origin)
}

fn is_loopback(url: &reqwest::Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

/// Finds the JWK set by
/// [OpenID Connect Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig).
async fn discover(client: &reqwest::Client, issuer: &str) -> Result<String, FetchKeysError> {
    let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = get(client, &document).await?;
    // §4.3: a document that speaks of another issuer is not to be used.
    if document["issuer"] != issuer {
        return Err("the discovery document is another issuer's".into());
    }
    let uri = document["jwks_uri"].as_str();
    Ok(uri.ok_or("the discovery document names no `jwks_uri`")?.to_owned())
}

async fn get(client: &reqwest::Client, uri: &str) -> Result<Value, FetchKeysError> {
    let mut response = client.get(uri).send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_LIMIT_BYTES {
            return Err("the answer is too large for a JWK set".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&body)?)
}

/// A backend waits meanwhile.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Large issuers publish a dozen keys with certificates, some 20 KiB.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use axum::{Json, Router, routing::get};
    use serde_json::json;

    use super::*;

    fn config(issuer: &str) -> IssuerConfig {
        IssuerConfig {
            issuer: issuer.to_owned(),
            tenant: "c0117050-7a3e-4d0b-9e1c-0c0ffee00002".parse().unwrap(),
            audiences: BTreeSet::new(),
            jwks_uri: None,
            jwks_file: None,
            app_client_id: None,
            app_scopes: Vec::new(),
            app_origins: Vec::new(),
            name: None,
        }
    }

    async fn fetch(config: &IssuerConfig) -> Result<Value, FetchKeysError> {
        let IssuerKeys::Fetched(fetch) = config.issuer().unwrap().keys else {
            panic!("keys that are not fetched");
        };
        fetch().await
    }

    #[tokio::test]
    async fn keys_are_found_by_discovery_and_not_by_another_issuers_document() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let document = json!({"issuer": origin, "jwks_uri": format!("{origin}/keys")});
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(document.clone())))
            .route(
                "/other/.well-known/openid-configuration",
                get(async || Json(json!({"issuer": "x"}))),
            )
            .route("/keys", get(async || Json(json!({"keys": []}))));
        let server = tokio::spawn(async { axum::serve(listener, router).await });
        assert_eq!(fetch(&config(&origin)).await.unwrap(), json!({"keys": []}));
        let named = IssuerConfig { jwks_uri: Some(format!("{origin}/keys")), ..config("any") };
        assert_eq!(fetch(&named).await.unwrap(), json!({"keys": []}));
        let other = fetch(&config(&format!("{origin}/other"))).await.unwrap_err();
        assert!(other.to_string().contains("another issuer"), "{other}");
        server.abort();
    }

    #[test]
    fn keys_come_from_one_place_and_over_tls() {
        config("https://login.example/contoso").check().unwrap();
        config("https://[2001:db8::1]/contoso").check().unwrap();
        assert!(config("http://login.example/contoso").check().is_err());
        assert!(config("contoso").check().is_err());
        let both = IssuerConfig {
            jwks_uri: Some("https://login.example/keys".to_owned()),
            jwks_file: Some("keys.json".into()),
            ..config("contoso")
        };
        assert!(both.check().is_err());
    }

    #[test]
    fn the_app_offers_an_issuer_that_knows_it_and_asks_no_other_origin() {
        assert!(config("https://login.example/contoso").sign_in().unwrap().is_none());
        let known = |issuer: &str| IssuerConfig {
            app_client_id: Some("trunkline-app".to_owned()),
            app_scopes: vec!["Teams.ManageCalls".to_owned()],
            app_origins: vec!["https://tokens.example".to_owned()],
            jwks_file: Some("keys.json".into()),
            ..config(issuer)
        };
        let offered = known("https://Login.example:443/contoso").sign_in().unwrap().unwrap();
        assert_eq!(offered.issuer, "https://Login.example:443/contoso", "as the tokens say it");
        let origins: Vec<_> = offered.origins.iter().map(String::as_str).collect();
        assert_eq!(origins, ["https://login.example", "https://tokens.example"]);
        known("http://127.0.0.1:9000").check().unwrap();
        let error = format!("{:#}", known("https://[::1]:9000/contoso").check().unwrap_err());
        assert!(error.contains("`https://[::1]:9000/contoso` is an IPv6 address"), "{error}");
        let good = known("https://login.example");
        for bad in [
            known("http://login.example"),
            known("contoso"),
            IssuerConfig { app_client_id: Some(" ".to_owned()), ..good.clone() },
            IssuerConfig { app_client_id: None, ..good.clone() },
            IssuerConfig { app_scopes: vec!["openid profile".to_owned()], ..good.clone() },
            IssuerConfig { app_origins: vec!["https://a.example/path".to_owned()], ..good.clone() },
            IssuerConfig { app_origins: vec!["https://*".to_owned()], ..good.clone() },
            IssuerConfig { app_origins: vec!["https://a;script-src".to_owned()], ..good.clone() },
            IssuerConfig { app_origins: vec!["*".to_owned()], ..good.clone() },
            IssuerConfig { app_origins: vec!["https://[2001:db8::1]".to_owned()], ..good.clone() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
