//! Configuration of an exchange: what `dev` assumes, and what `serve` is told.

mod guests;
mod issuers;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{ResourceId, TenantId};
use trunkline_node::DirectoryEntry;
use trunkline_policy::{AccessKey, License};
use trunkline_rest::{
    AdministrativeDivision, Capability, NumberAssignment, NumberType, Profile, RateRule,
    VirtualNumber,
};

pub use self::{guests::GuestsConfig, issuers::IssuerConfig, webhooks::WebhookConfig};

/// Everything an exchange is told. Unknown keys are errors.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeConfig {
    /// The TLS port that serves gRPC, gRPC-web, WebSocket and pages.
    pub listen: SocketAddr,
    /// The plain-text port for metrics and health; loopback unless you mean otherwise.
    pub admin_listen: SocketAddr,
    /// A plain-text port for the REST interface, for clients that speak no TLS; none when absent.
    pub http_listen: Option<SocketAddr>,
    /// Address that the media sockets bind.
    pub media_ip: IpAddr,
    /// First UDP port of the media shards, one port each; zero takes free ports.
    pub media_port: u16,
    /// Addresses that clients are told to send media to; the bound address when empty.
    pub media_advertised_ips: Vec<IpAddr>,
    /// How many media shards to run; zero means one per core.
    pub media_shards: usize,
    /// Where certificates, keys and users are kept; `None` keeps nothing.
    pub data_directory: Option<PathBuf>,
    /// Further names for the server certificate.
    pub names: Vec<String>,
    /// Certificate chain in PEM; the development authority signs one when absent.
    pub tls_certificate: Option<PathBuf>,
    /// Its key in PEM.
    pub tls_key: Option<PathBuf>,
    /// The app resource: a GUID.
    pub resource: ResourceId,
    /// The tenant: a GUID.
    pub tenant: TenantId,
    /// The tenant's name.
    pub tenant_name: String,
    /// The two access keys of the resource.
    pub access_keys: Vec<String>,
    /// The directory of the tenant.
    pub directory: Vec<DirectoryEntry>,
    /// Whether app users of the resource and directory users of the tenant may call each other.
    pub federation_enabled: bool,
    /// The resources that federation covers; every resource when empty.
    pub federation_resources: Vec<ResourceId>,
    /// The largest number of participants in a call.
    pub participant_limit: usize,
    /// The largest number of participants in a meeting, its lobby not counted.
    pub meeting_participant_limit: usize,
    /// Where people reach the exchange: the beginning of join links. The TLS address when absent.
    #[serde(default)]
    pub public_url: Option<String>,
    /// The phone numbers of the resource, which exist here only.
    pub numbers: Vec<VirtualNumber>,
    /// Whose tokens of directory users are exchanged for tokens of this exchange.
    pub issuers: Vec<IssuerConfig>,
    /// Whether those without an account come to meetings.
    pub guests: GuestsConfig,
    /// Receivers of events.
    pub webhooks: Vec<WebhookConfig>,
    /// How strict the REST interface is; strict when absent, and loose in development.
    pub rest_profile: Option<Profile>,
    /// The rate limits of the REST interface; the documented ones when absent and the profile strict.
    pub rate_limits: Option<Vec<RateRule>>,
    /// Whether to hand out tokens to whoever asks at `/dev/token`.
    pub dev_endpoints: bool,
    /// Further origins whose pages may open the WebSocket.
    pub allowed_origins: Vec<String>,
}

impl fmt::Debug for ExchangeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeConfig")
            .field("listen", &self.listen)
            .field("admin_listen", &self.admin_listen)
            .field("media_port", &self.media_port)
            .field("data_directory", &self.data_directory)
            .finish_non_exhaustive()
    }
}

impl ExchangeConfig {
    /// Returns the development exchange: fixed keys, tenant `contoso`, four directory users.
    pub fn dev() -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let directory = [
            ("alice", "Alice Archer", 'a'),
            ("bob", "Bob Baker", 'b'),
            ("charlie", "Charlie Cole", 'c'),
            ("dan", "Dan Drake", 'd'),
        ];
        Self {
            listen: SocketAddr::new(loopback, 8443),
            admin_listen: SocketAddr::new(loopback, 9464),
            http_listen: None,
            media_ip: loopback,
            media_port: 0,
            media_advertised_ips: Vec::new(),
            media_shards: 0,
            data_directory: Some(PathBuf::from("trunkline-data")),
            names: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            resource: parse(DEV_RESOURCE),
            tenant: parse(DEV_TENANT),
            tenant_name: "contoso".to_owned(),
            access_keys: DEV_ACCESS_KEYS.map(str::to_owned).to_vec(),
            directory: directory
                .into_iter()
                .map(|(alias, display_name, digit)| DirectoryEntry {
                    alias: alias.to_owned(),
                    object_id: format!("00000000-0000-4000-8000-00000000000{digit}"),
                    display_name: parse(display_name),
                    licenses: BTreeSet::from([License::Teams]),
                })
                .collect(),
            federation_enabled: true,
            federation_resources: Vec::new(),
            participant_limit: 350,
            meeting_participant_limit: 1_000,
            public_url: None,
            numbers: dev_numbers(),
            issuers: Vec::new(),
            guests: GuestsConfig::default(),
            webhooks: Vec::new(),
            rest_profile: None,
            rate_limits: None,
            dev_endpoints: true,
            allowed_origins: Vec::new(),
        }
    }

    /// Reads the configuration of `serve`: the file, then `TRUNKLINE_CONFIG_…` variables over it.
    ///
    /// # Errors
    /// When a key is unknown or missing, or a development key is used.
    pub fn serve(path: &Path) -> Result<Self> {
        if !path.exists() {
            bail!(
                "no configuration at {}: write one (`trunkline serve --print-template` shows all \
                 keys), or run `trunkline dev`",
                path.display()
            );
        }
        let config: Self = Figment::new()
            .merge(Serialized::defaults(ServeDefaults::default()))
            .merge(Toml::file_exact(path))
            .merge(Env::prefixed("TRUNKLINE_CONFIG_"))
            .extract()
            .map_err(|error| anyhow::anyhow!(explain_figment(&error)))
            .with_context(|| format!("configuration {}", path.display()))?;
        if config.dev_endpoints {
            bail!("`dev_endpoints` hands tokens to everybody and is for `trunkline dev` only");
        }
        config.check()?;
        if config.access_keys.iter().any(|key| DEV_ACCESS_KEYS.contains(&key.as_str())) {
            bail!("`access_keys` holds a published development key: make your own");
        }
        Ok(config)
    }

    /// Checks what the types cannot say.
    pub fn check(&self) -> Result<()> {
        if self.access_keys.len() != 2 || self.access_keys.iter().any(|key| key.len() < 32) {
            bail!("`access_keys` needs two keys of at least 32 characters");
        }
        for key in &self.access_keys {
            // The clients of connection strings read keys as base64.
            AccessKey::from_base64(key, Timestamp::UNIX_EPOCH).context("`access_keys`")?;
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            bail!("`tls_certificate` and `tls_key` go together");
        }
        if self.participant_limit < 2 {
            bail!("`participant_limit` must be at least 2");
        }
        if self.meeting_participant_limit < 2 {
            bail!("`meeting_participant_limit` must be at least 2");
        }
        if self.public_url.as_ref().is_some_and(|url| !is_https_origin(url)) {
            bail!("`public_url` must be https:// with a host, and nothing after it");
        }
        let mut seen = BTreeMap::new();
        for user in &self.directory {
            if seen.insert(user.alias.as_str(), ()).is_some() {
                bail!("directory user `{}` is there twice", user.alias);
            }
        }
        let mut issuers = BTreeSet::new();
        for issuer in &self.issuers {
            issuer.check()?;
            if !issuers.insert(&issuer.issuer) {
                bail!("issuer `{}` is there twice", issuer.issuer);
            }
        }
        self.guests.check()?;
        let mut names = BTreeSet::new();
        for webhook in &self.webhooks {
            webhook.subscription()?;
            if !names.insert(&webhook.name) {
                bail!("webhook `{}` is there twice", webhook.name);
            }
        }
        Ok(())
    }

    /// Returns a commented template of the configuration file.
    pub fn template() -> &'static str {
        TEMPLATE
    }
}

/// What `serve` assumes when the file is silent: nothing that identifies or opens anything.
#[derive(Serialize)]
struct ServeDefaults {
    admin_listen: SocketAddr,
    media_ip: IpAddr,
    media_port: u16,
    media_advertised_ips: Vec<IpAddr>,
    media_shards: usize,
    names: Vec<String>,
    tenant_name: String,
    directory: Vec<DirectoryEntry>,
    federation_enabled: bool,
    federation_resources: Vec<ResourceId>,
    participant_limit: usize,
    meeting_participant_limit: usize,
    numbers: Vec<VirtualNumber>,
    issuers: Vec<IssuerConfig>,
    guests: GuestsConfig,
    webhooks: Vec<WebhookConfig>,
    dev_endpoints: bool,
    allowed_origins: Vec<String>,
}

impl Default for ServeDefaults {
    fn default() -> Self {
        Self {
            admin_listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464),
            media_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            media_port: 0,
            media_advertised_ips: Vec::new(),
            media_shards: 0,
            names: Vec::new(),
            tenant_name: String::new(),
            directory: Vec::new(),
            federation_enabled: false,
            federation_resources: Vec::new(),
            participant_limit: 350,
            meeting_participant_limit: 1_000,
            numbers: Vec::new(),
            issuers: Vec::new(),
            guests: GuestsConfig::default(),
            webhooks: Vec::new(),
            dev_endpoints: false,
            allowed_origins: Vec::new(),
        }
    }
}

/// Says what is wrong with the configuration, with the nearest known key for an unknown one.
fn explain_figment(error: &figment::Error) -> String {
    let text = error.to_string();
    let figment::error::Kind::UnknownField(unknown, known) = &error.kind else {
        return text;
    };
    let nearest = known
        .iter()
        .map(|key| (edit_distance(unknown, key), key))
        .min()
        .filter(|(distance, key)| *distance <= key.len() / 2);
    match nearest {
        Some((_, key)) => format!("unknown key `{unknown}`: did you mean `{key}`?"),
        None => format!("unknown key `{unknown}`: known are {}", known.join(", ")),
    }
}

fn is_https_origin(url: &str) -> bool {
    url.strip_prefix("https://").is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b))
    })
}

/// Levenshtein distance over bytes.
fn edit_distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

fn parse<T: std::str::FromStr<Err: fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a constant of this file is well formed: a test starts with it")
}

/// Two numbers of the range kept for fiction.
fn dev_numbers() -> Vec<VirtualNumber> {
    ["+14255550100", "+14255550101"]
        .into_iter()
        .map(|number| VirtualNumber {
            number: parse(number),
            country_code: "US".to_owned(),
            number_type: NumberType::Geographic,
            assignment: NumberAssignment::Application,
            calling: Capability::Both,
            sms: Capability::None,
            locality: Some("Redmond".to_owned()),
            administrative_division: Some(AdministrativeDivision {
                name: "Washington".to_owned(),
                abbreviation: "WA".to_owned(),
            }),
            since: Timestamp::UNIX_EPOCH,
        })
        .collect()
}

const DEV_RESOURCE: &str = "5f9c1a52-7a3e-4d0b-9e1c-0c0ffee00001";
const DEV_TENANT: &str = "c0117050-7a3e-4d0b-9e1c-0c0ffee00002";

/// Published on purpose, so that examples can be copied. `serve` refuses them.
const DEV_ACCESS_KEYS: [&str; 2] = [
    "dHJ1bmtsaW5lLWRldmVsb3BtZW50LWtleS1vbmUtbm90LWEtc2VjcmV0ISEh",
    "dHJ1bmtsaW5lLWRldmVsb3BtZW50LWtleS10d28tbm90LWEtc2VjcmV0ISEh",
];

const TEMPLATE: &str = r#"# Trunkline exchange. Every key can also be set as TRUNKLINE_CONFIG_<KEY>.
listen = "0.0.0.0:443"              # TLS: gRPC, gRPC-web, WebSocket, pages
admin_listen = "127.0.0.1:9464"     # plain text: /metrics, /healthz
# http_listen = "127.0.0.1:8080"    # plain text: REST, for clients behind a proxy that ends TLS
media_ip = "0.0.0.0"                # UDP media sockets bind here
media_port = 40000                  # first media port, one per shard; 0 takes free ports
media_advertised_ips = ["203.0.113.7"]
media_shards = 0                    # 0: one per core
data_directory = "/var/lib/trunkline"
tls_certificate = "/etc/trunkline/tls.pem"
tls_key = "/etc/trunkline/tls-key.pem"
resource = "00000000-0000-0000-0000-000000000000"
tenant = "00000000-0000-0000-0000-000000000000"
tenant_name = "example"
access_keys = ["", ""]              # two secrets of at least 32 characters, in base64
federation_enabled = false          # let app users and directory users call each other
federation_resources = []           # restrict federation to these resources
participant_limit = 350
meeting_participant_limit = 1000
# public_url = "https://meet.example" # the beginning of join links; the TLS address by default
allowed_origins = []                # further web origins, such as "https://app.example"
rest_profile = "strict"             # "loose": no rate limits, api-version may be missing

[[directory]]
alias = "ann"
object_id = "00000000-0000-0000-0000-000000000001"
display_name = "Ann Example"

# Whose tokens of directory users are exchanged. Keys are found by OpenID discovery, or named.
# [[issuers]]
# issuer = "https://login.example/contoso/v2.0"
# tenant = "00000000-0000-0000-0000-000000000000"
# audiences = []                    # those of the documented service when empty
# jwks_uri = "https://login.example/contoso/keys"
# app_client_id = "trunkline-app"   # people sign in with it on the app's page
# name = "Contoso"                  # on the button; the issuer's host when absent
# app_scopes = ["offline_access", "Teams.ManageCalls", "Teams.ManageChats"]
# app_origins = []                  # where the token endpoint is, if not at the issuer's origin

# Those without an account come to meetings by link, or by id and passcode.
# [guests]
# enabled = true
# per_minute = 10                   # how many of one address

# Receivers of events; others are made with `trunkline events subscribe`.
# [[webhooks]]
# name = "backend"
# endpoint = "https://backend.example/events"
# signing_key = "whsec_"            # and 24 to 64 secret bytes in base64
# event_types = ["Microsoft.Communication.ChatMessageReceived"]

# In place of the documented rate limits.
# [[rate_limits]]
# group = "write-messages"
# scope = "user-in-thread"
# limit = 100
# window_seconds = 10
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(content: &str) -> Result<ExchangeConfig> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("trunkline.toml");
        std::fs::write(&path, content)?;
        ExchangeConfig::serve(&path)
    }

    fn template_with_keys() -> String {
        TEMPLATE.replace(r#"["", ""]"#, &format!(r#"["{0}", "{0}"]"#, "k".repeat(40)))
    }

    #[test]
    fn the_template_is_a_valid_configuration_once_keys_are_filled_in() {
        let config = serve(&template_with_keys()).unwrap();
        assert_eq!(config.media_port, 40000);
        assert!(!config.dev_endpoints);
    }

    #[test]
    fn an_unknown_key_is_an_error_that_suggests_the_known_one() {
        let error = serve(&format!("federation_enable = true\n{}", template_with_keys()));
        let text = format!("{:#}", error.unwrap_err());
        assert!(text.contains("did you mean `federation_enabled`?"), "{text}");
    }

    #[test]
    fn development_keys_and_endpoints_are_refused() {
        let dev_keys = TEMPLATE.replace(
            r#"["", ""]"#,
            &format!(r#"["{}", "{}"]"#, DEV_ACCESS_KEYS[0], DEV_ACCESS_KEYS[1]),
        );
        assert!(format!("{:#}", serve(&dev_keys).unwrap_err()).contains("development key"));
        let endpoints = format!("dev_endpoints = true\n{}", template_with_keys());
        assert!(format!("{:#}", serve(&endpoints).unwrap_err()).contains("dev_endpoints"));
        assert!(serve(TEMPLATE).is_err(), "empty keys");
    }

    #[test]
    fn guests_come_where_the_file_says_so() {
        let guests = |lines: &str| serve(&format!("{}\n[guests]\n{lines}", template_with_keys()));
        assert!(!serve(&template_with_keys()).unwrap().guests.enabled);
        assert!(guests("enabled = true").unwrap().guests.enabled);
        let error = format!("{:#}", guests("enabled = true\nper_minute = 0").unwrap_err());
        assert!(error.contains("`per_minute` of 0"), "{error}");
        assert!(guests("enable = true").is_err());
    }

    #[test]
    fn an_issuer_is_there_once() {
        let issuer = |name: &str| {
            format!(
                "[[issuers]]\nissuer = \"https://login.example/{name}\"\n\
                 tenant = \"{DEV_TENANT}\"\n"
            )
        };
        let (contoso, fabrikam) = (issuer("contoso"), issuer("fabrikam"));
        let keys = template_with_keys();
        assert_eq!(serve(&format!("{keys}\n{contoso}{fabrikam}")).unwrap().issuers.len(), 2);
        let error = serve(&format!("{keys}\n{contoso}{fabrikam}{contoso}")).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("issuer `https://login.example/contoso` is there twice"), "{text}");
    }

    #[test]
    fn the_development_configuration_is_sound() {
        ExchangeConfig::dev().check().unwrap();
    }
}
