//! Identifiers as the data of events spells them: kind, raw id, and the object of the kind.

use serde::{Serialize, Serializer, ser::SerializeMap};
use trunkline_ids::{CommunicationIdentifier, PhoneNumber};

/// Serializes an identifier as a `CommunicationIdentifierModel`.
#[derive(Clone, Copy)]
pub(super) struct IdentifierModel<'a>(pub(super) &'a CommunicationIdentifier);

impl Serialize for IdentifierModel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = self.0.kind().as_str();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("rawId", &self.0.raw_id())?;
        match self.0 {
            CommunicationIdentifier::CommunicationUser(user) => {
                map.serialize_entry(kind, &CommunicationUserModel { id: user.id() })?;
            }
            CommunicationIdentifier::MicrosoftTeamsApp(app) => {
                let model = TeamsAppModel { app_id: app.app_id(), cloud: app.cloud().as_str() };
                map.serialize_entry(kind, &model)?;
            }
            CommunicationIdentifier::MicrosoftTeamsUser(user) => {
                let model = TeamsUserModel {
                    user_id: user.user_id(),
                    is_anonymous: user.is_anonymous(),
                    cloud: user.cloud().as_str(),
                };
                map.serialize_entry(kind, &model)?;
            }
            CommunicationIdentifier::PhoneNumber(phone) => {
                map.serialize_entry(kind, &phone_model(phone))?;
            }
            CommunicationIdentifier::TeamsExtensionUser(user) => {
                let model = TeamsExtensionUserModel {
                    user_id: user.user_id(),
                    tenant_id: user.tenant_id().as_str(),
                    resource_id: user.resource_id().as_str(),
                    cloud: user.cloud().as_str(),
                };
                map.serialize_entry(kind, &model)?;
            }
            CommunicationIdentifier::Unknown(_) => {}
        }
        map.end()
    }
}

fn phone_model(phone: &PhoneNumber) -> PhoneNumberModel<'_> {
    PhoneNumberModel {
        value: phone.number().map_or("anonymous", |number| number.as_str()),
        is_anonymous: phone.is_anonymous().then_some(true),
        asserted_id: phone.asserted_id(),
    }
}

#[derive(Serialize)]
struct CommunicationUserModel<'a> {
    id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TeamsAppModel<'a> {
    app_id: &'a str,
    cloud: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TeamsUserModel<'a> {
    user_id: &'a str,
    is_anonymous: bool,
    cloud: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhoneNumberModel<'a> {
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_anonymous: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asserted_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TeamsExtensionUserModel<'a> {
    user_id: &'a str,
    tenant_id: &'a str,
    resource_id: &'a str,
    cloud: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_has_its_object() {
        let cases = [
            (
                "8:acs:contoso_alice",
                json!({"kind": "communicationUser", "rawId": "8:acs:contoso_alice",
                       "communicationUser": {"id": "8:acs:contoso_alice"}}),
            ),
            (
                "8:orgid:0e8a",
                json!({"kind": "microsoftTeamsUser", "rawId": "8:orgid:0e8a",
                       "microsoftTeamsUser":
                           {"userId": "0e8a", "isAnonymous": false, "cloud": "public"}}),
            ),
            (
                "28:gcch:bot",
                json!({"kind": "microsoftTeamsApp", "rawId": "28:gcch:bot",
                       "microsoftTeamsApp": {"appId": "bot", "cloud": "gcch"}}),
            ),
            (
                "4:+14255550100_ab",
                json!({"kind": "phoneNumber", "rawId": "4:+14255550100_ab",
                       "phoneNumber": {"value": "+14255550100", "assertedId": "ab"}}),
            ),
            (
                "8:acs:contoso_tenant_user",
                json!({"kind": "teamsExtensionUser", "rawId": "8:acs:contoso_tenant_user",
                       "teamsExtensionUser": {"userId": "user", "tenantId": "tenant",
                                              "resourceId": "contoso", "cloud": "public"}}),
            ),
            ("48:calllogs", json!({"kind": "unknown", "rawId": "48:calllogs"})),
        ];
        for (raw, expected) in cases {
            let identifier = raw.parse().unwrap();
            assert_eq!(serde_json::to_value(IdentifierModel(&identifier)).unwrap(), expected);
        }
    }
}
