//! `[[webhooks]]`: receivers of events that are there from the start on.

use std::fmt;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use trunkline_events::signature::SigningKey;
use trunkline_events::{DeliverySchema, FilterModel};
use trunkline_node::SubscribeEvents;

/// A receiver of events.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// The subscription's name.
    pub name: String,
    /// The URL that receives the events.
    pub endpoint: String,
    /// What signs the deliveries: `whsec_` and 24 to 64 bytes in base64.
    pub signing_key: String,
    /// The types wanted, such as `Microsoft.Communication.ChatMessageReceived`; all when empty.
    #[serde(default)]
    pub event_types: Vec<String>,
    /// How the subject begins.
    #[serde(default)]
    pub subject_begins_with: String,
    /// How the subject ends.
    #[serde(default)]
    pub subject_ends_with: String,
    /// Whether to send CloudEvents rather than the Event Grid schema.
    #[serde(default)]
    pub cloud_events: bool,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

impl WebhookConfig {
    /// Returns the subscription, and what signs its deliveries.
    pub(in crate::exchange) fn subscription(&self) -> Result<(SubscribeEvents, SigningKey)> {
        let place = |key: &str| format!("webhook `{}`: `{key}`", self.name);
        let included_event_types = (!self.event_types.is_empty()).then(|| self.event_types.clone());
        let filter = FilterModel {
            included_event_types,
            subject_begins_with: self.subject_begins_with.clone(),
            subject_ends_with: self.subject_ends_with.clone(),
            is_subject_case_sensitive: false,
        };
        let schema = match self.cloud_events {
            true => DeliverySchema::CloudEvents,
            false => DeliverySchema::EventGrid,
        };
        let request = SubscribeEvents {
            name: self.name.parse().with_context(|| place("name"))?,
            endpoint: self.endpoint.parse().with_context(|| place("endpoint"))?,
            filter: filter.try_into().with_context(|| place("event_types"))?,
            schema,
        };
        Ok((request, self.signing_key.parse().with_context(|| place("signing_key"))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook() -> WebhookConfig {
        WebhookConfig {
            name: "backend".to_owned(),
            endpoint: "https://backend.example/events?code=hidden".to_owned(),
            signing_key: SigningKey::from_bytes(&[1; 32]).unwrap().expose(),
            event_types: vec!["Microsoft.Communication.ChatMessageReceived".to_owned()],
            subject_begins_with: String::new(),
            subject_ends_with: String::new(),
            cloud_events: false,
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key_and_not_repeated() {
        let (request, _) = webhook().subscription().unwrap();
        assert_eq!(request.name.as_str(), "backend");
        for (key, wrong) in [
            ("endpoint", WebhookConfig { endpoint: "hidden".to_owned(), ..webhook() }),
            ("name", WebhookConfig { name: "a/b".to_owned(), ..webhook() }),
            ("signing_key", WebhookConfig { signing_key: "hidden".to_owned(), ..webhook() }),
        ] {
            let text = format!("{:#}", wrong.subscription().unwrap_err());
            assert!(text.contains(&format!("`{key}`")), "{text}");
            assert!(!text.contains("hidden"), "{text}");
        }
        assert!(!format!("{:?}", webhook()).contains("whsec"));
    }
}
