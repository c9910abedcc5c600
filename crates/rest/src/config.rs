//! What the façade is told beyond the node.

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{E164, ResourceId};

use crate::paging::Origin;
use crate::rate::{RateRule, documented_rates};

/// What the façade is told.
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// How strict it is.
    pub profile: Profile,
    /// The rate limits; those of the profile when absent.
    pub rates: Option<Vec<RateRule>>,
    /// The pages that may use it.
    pub allowed_origins: AllowedOrigins,
    /// Where clients reach it, when that is not what they say in the request: behind a proxy that
    /// rewrites the host, or when they sign one name and talk to another.
    pub public_endpoint: Option<Origin>,
    /// The largest body read. 250 members with names and metadata are 100 KiB; above this limit a
    /// request is refused without being read as JSON.
    pub body_limit_bytes: usize,
    /// Which bearer tokens stand for a resource, where a client signs nothing.
    pub service_tokens: ServiceTokens,
    /// The phone numbers of the resource.
    pub numbers: Vec<VirtualNumber>,
}

impl Default for RestConfig {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            rates: None,
            allowed_origins: AllowedOrigins::default(),
            public_endpoint: None,
            body_limit_bytes: 4 * 1_024 * 1_024,
            service_tokens: ServiceTokens::default(),
            numbers: Vec::new(),
        }
    }
}

impl RestConfig {
    /// Returns the rate limits in force.
    pub fn rates(&self) -> Vec<RateRule> {
        match (&self.rates, self.profile) {
            (Some(rates), _) => rates.clone(),
            (None, Profile::Loose) => Vec::new(),
            (None, Profile::Strict) => documented_rates(),
        }
    }
}

/// How strict the façade is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// For development and tests: no rate limits, `api-version` may be missing, content types are not
    /// looked at.
    #[default]
    Loose,
    /// As the documented service: its rate limits, `api-version` required, bodies declared as JSON.
    Strict,
}

/// Which bearer tokens stand for a resource on routes that a backend signs: clients that are given a
/// token credential of a directory send one instead of a signature.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ServiceTokens {
    /// An access key of the resource itself, as base64 text.
    #[default]
    AccessKeys,
    /// That, and any token that is no user's: it stands for this resource. For development alone, so
    /// that programs with a stand-in for their directory run unchanged: whoever reaches the port
    /// administers the resource.
    Any(ResourceId),
}

/// The pages that may use the façade from a browser.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum AllowedOrigins {
    /// Every page. Requests carry their own credentials, never those of the browser, so that a page
    /// gains nothing but what it could do from anywhere.
    Any,
    /// Only pages of these origins, such as `https://app.example`.
    Listed(Vec<String>),
    /// No page of another origin.
    #[default]
    None,
}

/// A phone number of the resource that exists in the configuration only.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualNumber {
    /// The number.
    pub number: E164,
    /// The country, such as `US`.
    pub country_code: String,
    /// What kind of number it is.
    #[serde(default)]
    pub number_type: NumberType,
    /// Whom it is assigned to.
    #[serde(default)]
    pub assignment: NumberAssignment,
    /// Which way it calls.
    #[serde(default)]
    pub calling: Capability,
    /// Which way it sends messages.
    #[serde(default)]
    pub sms: Capability,
    /// The place it belongs to.
    #[serde(default)]
    pub locality: Option<String>,
    /// The state or province of the place.
    #[serde(default)]
    pub administrative_division: Option<AdministrativeDivision>,
    /// Since when the resource has it.
    #[serde(default = "epoch")]
    pub since: Timestamp,
}

/// A state or province.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdministrativeDivision {
    /// The name, such as `Washington`.
    pub name: String,
    /// The name in short, such as `WA`: lists are asked for by it.
    pub abbreviation: String,
}

/// The kinds of numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NumberType {
    /// Of a place.
    #[default]
    Geographic,
    /// Of a mobile network.
    Mobile,
    /// Free for the caller.
    TollFree,
}

/// Whom a number is assigned to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NumberAssignment {
    /// A program.
    #[default]
    Application,
    /// A person.
    Person,
}

/// Which way a number can be used.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Capability {
    /// Both ways.
    #[serde(rename = "inbound+outbound")]
    Both,
    /// To receive.
    #[serde(rename = "inbound")]
    Inbound,
    /// Not at all.
    #[default]
    #[serde(rename = "none")]
    None,
    /// To send.
    #[serde(rename = "outbound")]
    Outbound,
}

fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}
