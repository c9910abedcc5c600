//! Identifiers on the wire: `kind`, `rawId` and one object for the kind.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_ids::{
    Cloud, CommunicationIdentifier, MicrosoftTeamsApp, MicrosoftTeamsUser, PhoneNumber,
    TeamsExtensionUser,
};

/// An identifier as it travels. In requests `kind` is often absent and any one of the others does;
/// in answers `kind`, `rawId` and the object of the kind are all there.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IdentifierModel {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    communication_user: Option<UserModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<PhoneModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    microsoft_teams_user: Option<TeamsUserModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    microsoft_teams_app: Option<TeamsAppModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    teams_extension_user: Option<ExtensionUserModel>,
}

#[derive(Clone, Deserialize, Serialize)]
struct UserModel {
    id: String,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhoneModel {
    #[serde(default)]
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_anonymous: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asserted_id: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct TeamsUserModel {
    user_id: String,
    #[serde(default)]
    is_anonymous: Option<bool>,
    #[serde(default)]
    cloud: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct TeamsAppModel {
    app_id: String,
    #[serde(default)]
    cloud: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionUserModel {
    user_id: String,
    tenant_id: String,
    resource_id: String,
    #[serde(default)]
    cloud: Option<String>,
}

/// Why an identifier is not accepted. The id is repeated to the caller, who sent it.
#[derive(Clone, Eq, Error, PartialEq)]
pub(crate) enum IdentifierError {
    /// The raw id names another than the object does.
    #[error("Identifier is contradictory: rawId and {member} differ.")]
    Contradiction {
        /// The object.
        member: &'static str,
    },
    /// The id is not well formed.
    #[error("Identifier format is invalid ({id}).")]
    Malformed {
        /// The id, cut short if it is endless.
        id: String,
    },
    /// Nothing says who is meant.
    #[error("Identifier is missing: rawId or one typed member is needed.")]
    Missing,
    /// More than one object says who is meant.
    #[error("Identifier is ambiguous: at most one typed member may be set.")]
    SeveralKinds,
}

impl std::fmt::Debug for IdentifierError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Contradiction { .. } => "Contradiction",
            Self::Malformed { .. } => "Malformed(<redacted>)",
            Self::Missing => "Missing",
            Self::SeveralKinds => "SeveralKinds",
        })
    }
}

impl std::fmt::Debug for IdentifierModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentifierModel(<redacted>)")
    }
}

/// Reads a raw id as it stands in paths and as the name of a pair.
pub(crate) fn parse_raw_id(text: &str) -> Result<CommunicationIdentifier, IdentifierError> {
    let identifier: CommunicationIdentifier = text.parse().map_err(|_| malformed(text))?;
    match &identifier {
        // An app user has a resource and a name within it, whatever the resource is.
        CommunicationIdentifier::CommunicationUser(user) if !has_two_parts(user.id()) => {
            Err(malformed(text))
        }
        CommunicationIdentifier::CommunicationUser(_)
        | CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::PhoneNumber(_)
        | CommunicationIdentifier::TeamsExtensionUser(_)
        | CommunicationIdentifier::Unknown(_) => Ok(identifier),
    }
}

impl TryFrom<IdentifierModel> for CommunicationIdentifier {
    type Error = IdentifierError;

    fn try_from(model: IdentifierModel) -> Result<Self, Self::Error> {
        let IdentifierModel { kind: _, raw_id, .. } = &model;
        let raw = raw_id.as_deref().filter(|raw| !raw.is_empty()).map(parse_raw_id).transpose()?;
        let typed = typed(&model)?;
        match (raw, typed) {
            (None, None) => Err(IdentifierError::Missing),
            (Some(only), None) | (None, Some((_, only))) => Ok(only),
            (Some(raw), Some((member, typed))) => match is_same(&raw, &typed) {
                true => Ok(raw),
                false => Err(IdentifierError::Contradiction { member }),
            },
        }
    }
}

impl From<&CommunicationIdentifier> for IdentifierModel {
    fn from(identifier: &CommunicationIdentifier) -> Self {
        let raw_id = identifier.to_string();
        let mut model = Self {
            kind: Some(identifier.kind().as_str().to_owned()),
            raw_id: Some(raw_id.clone()),
            ..Self::default()
        };
        let cloud = |cloud: Cloud| Some(cloud.as_str().to_owned());
        match identifier {
            CommunicationIdentifier::CommunicationUser(_) => {
                model.communication_user = Some(UserModel { id: raw_id });
            }
            CommunicationIdentifier::MicrosoftTeamsApp(app) => {
                model.microsoft_teams_app = Some(TeamsAppModel {
                    app_id: app.app_id().to_owned(),
                    cloud: cloud(app.cloud()),
                });
            }
            CommunicationIdentifier::MicrosoftTeamsUser(user) => {
                model.microsoft_teams_user = Some(TeamsUserModel {
                    user_id: user.user_id().to_owned(),
                    is_anonymous: Some(user.is_anonymous()),
                    cloud: cloud(user.cloud()),
                });
            }
            CommunicationIdentifier::PhoneNumber(phone) => {
                model.phone_number = Some(PhoneModel {
                    value: phone.number().map_or("anonymous", |number| number.as_str()).to_owned(),
                    is_anonymous: phone.is_anonymous().then_some(true),
                    asserted_id: phone.asserted_id().map(str::to_owned),
                });
            }
            CommunicationIdentifier::TeamsExtensionUser(user) => {
                model.teams_extension_user = Some(ExtensionUserModel {
                    user_id: user.user_id().to_owned(),
                    tenant_id: user.tenant_id().to_string(),
                    resource_id: user.resource_id().to_string(),
                    cloud: cloud(user.cloud()),
                });
            }
            CommunicationIdentifier::Unknown(_) => {}
        }
        model
    }
}

/// Returns who the one typed member names, with the member's name.
fn typed(
    model: &IdentifierModel,
) -> Result<Option<(&'static str, CommunicationIdentifier)>, IdentifierError> {
    let mut found = [
        model.communication_user.as_ref().map(|user| ("communicationUser", app_user(user))),
        model.phone_number.as_ref().map(|phone| ("phoneNumber", phone_number(phone))),
        model.microsoft_teams_user.as_ref().map(|user| ("microsoftTeamsUser", teams_user(user))),
        model.microsoft_teams_app.as_ref().map(|app| ("microsoftTeamsApp", teams_app(app))),
        model
            .teams_extension_user
            .as_ref()
            .map(|user| ("teamsExtensionUser", extension_user(user))),
    ]
    .into_iter()
    .flatten();
    let first = found.next();
    if found.next().is_some() {
        return Err(IdentifierError::SeveralKinds);
    }
    first.map(|(member, identifier)| Ok((member, identifier?))).transpose()
}

fn app_user(user: &UserModel) -> Result<CommunicationIdentifier, IdentifierError> {
    let identifier = parse_raw_id(&user.id)?;
    match &identifier {
        CommunicationIdentifier::CommunicationUser(_)
        | CommunicationIdentifier::TeamsExtensionUser(_) => Ok(identifier),
        CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::PhoneNumber(_)
        | CommunicationIdentifier::Unknown(_) => Err(malformed(&user.id)),
    }
}

fn phone_number(phone: &PhoneModel) -> Result<CommunicationIdentifier, IdentifierError> {
    if phone.is_anonymous == Some(true) || phone.value == "anonymous" {
        return Ok(CommunicationIdentifier::PhoneNumber(PhoneNumber::Anonymous));
    }
    let number = phone.value.parse().map_err(|_| malformed(&phone.value))?;
    let asserted_id = phone.asserted_id.as_deref().filter(|id| !id.is_empty());
    let asserted_id = asserted_id.map(|id| id.parse().map_err(|_| malformed(id))).transpose()?;
    Ok(CommunicationIdentifier::PhoneNumber(PhoneNumber::Number { number, asserted_id }))
}

fn teams_user(user: &TeamsUserModel) -> Result<CommunicationIdentifier, IdentifierError> {
    let made = match user.is_anonymous {
        Some(true) => MicrosoftTeamsUser::anonymous(&user.user_id),
        Some(false) | None => MicrosoftTeamsUser::new(&user.user_id, cloud(user.cloud.as_deref())?),
    };
    made.map(CommunicationIdentifier::MicrosoftTeamsUser).map_err(|_| malformed(&user.user_id))
}

fn teams_app(app: &TeamsAppModel) -> Result<CommunicationIdentifier, IdentifierError> {
    MicrosoftTeamsApp::new(&app.app_id, cloud(app.cloud.as_deref())?)
        .map(CommunicationIdentifier::MicrosoftTeamsApp)
        .map_err(|_| malformed(&app.app_id))
}

fn extension_user(user: &ExtensionUserModel) -> Result<CommunicationIdentifier, IdentifierError> {
    let resource = user.resource_id.parse().map_err(|_| malformed(&user.resource_id))?;
    let tenant = user.tenant_id.parse().map_err(|_| malformed(&user.tenant_id))?;
    let cloud = cloud(user.cloud.as_deref())?;
    TeamsExtensionUser::new(resource, tenant, &user.user_id, cloud)
        .map(CommunicationIdentifier::TeamsExtensionUser)
        .map_err(|_| malformed(&user.user_id))
}

/// Python spells clouds in upper case.
fn cloud(name: Option<&str>) -> Result<Cloud, IdentifierError> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(Cloud::Public);
    };
    [Cloud::Dod, Cloud::Gcch, Cloud::Public]
        .into_iter()
        .find(|cloud| cloud.as_str().eq_ignore_ascii_case(name))
        .ok_or_else(|| malformed(name))
}

/// Compares a raw id with a typed member. Clients leave the asserted identity of a phone out of
/// the member.
fn is_same(raw: &CommunicationIdentifier, typed: &CommunicationIdentifier) -> bool {
    match (raw, typed) {
        (
            CommunicationIdentifier::PhoneNumber(raw),
            CommunicationIdentifier::PhoneNumber(typed),
        ) => raw.number() == typed.number(),
        (raw, typed) => raw == typed,
    }
}

fn has_two_parts(raw_id: &str) -> bool {
    let name = raw_id.rsplit(':').next().unwrap_or_default();
    name.split_once('_').is_some_and(|(resource, user)| !resource.is_empty() && !user.is_empty())
}

fn malformed(id: &str) -> IdentifierError {
    IdentifierError::Malformed { id: id.chars().filter(|c| !c.is_control()).take(128).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ALICE: &str = "8:acs:5f9c1a52-7a3e_0f5c";

    fn read(body: Value) -> Result<String, String> {
        let model: IdentifierModel = serde_json::from_value(body).unwrap();
        CommunicationIdentifier::try_from(model)
            .map(|identifier| identifier.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn whichever_member_is_there_says_who_is_meant() {
        for (body, raw) in [
            (json!({"rawId": ALICE}), ALICE),
            (json!({"communicationUser": {"id": ALICE}}), ALICE),
            (json!({"rawId": ALICE, "communicationUser": {"id": ALICE}}), ALICE),
            (json!({"kind": "COMMUNICATIONUSER", "communicationUser": {"id": ALICE}}), ALICE),
            (json!({"rawId": ALICE, "phoneNumber": null}), ALICE),
            (json!({"rawId": "", "communicationUser": {"id": ALICE}}), ALICE),
            (json!({"phoneNumber": {"value": "+14255550100"}}), "4:+14255550100"),
            (json!({"phoneNumber": {"value": "anonymous", "isAnonymous": true}}), "4:anonymous"),
            (
                json!({"rawId": "4:+14255550100_x1", "phoneNumber": {"value": "+14255550100"}}),
                "4:+14255550100_x1",
            ),
            (
                json!({"phoneNumber": {"value": "+14255550100", "assertedId": "x1"}}),
                "4:+14255550100_x1",
            ),
            (json!({"microsoftTeamsUser": {"userId": "o1", "cloud": "PUBLIC"}}), "8:orgid:o1"),
            (json!({"microsoftTeamsUser": {"userId": "o1", "cloud": "GCCH"}}), "8:gcch:o1"),
            (
                json!({"microsoftTeamsUser": {"userId": "v", "isAnonymous": true}}),
                "8:teamsvisitor:v",
            ),
            (json!({"microsoftTeamsApp": {"appId": "a", "cloud": "dod"}}), "28:dod:a"),
            (
                json!({"teamsExtensionUser": {"userId": "u", "tenantId": "t", "resourceId": "r"}}),
                "8:acs:r_t_u",
            ),
            (json!({"rawId": "48:odd", "kind": "unknown"}), "48:odd"),
        ] {
            assert_eq!(read(body.clone()).as_deref(), Ok(raw), "{body}");
        }
    }

    #[test]
    fn what_names_nobody_or_two_is_refused() {
        for (body, expected) in [
            (json!({}), "missing"),
            (json!({"kind": "communicationUser"}), "missing"),
            (json!({"communicationUser": {"id": "8:acs:x"}}), "invalid (8:acs:x)."),
            (json!({"rawId": "8:acs:x"}), "invalid (8:acs:x)."),
            (json!({"rawId": "8:acs:_x"}), "invalid (8:acs:_x)."),
            (json!({"rawId": "8:acs:x_"}), "invalid (8:acs:x_)."),
            (json!({"communicationUser": {"id": "wrong"}}), "invalid (wrong)."),
            (json!({"communicationUser": {"id": ""}}), "invalid ()."),
            (json!({"rawId": "a\nb"}), "invalid (ab)."),
            (json!({"phoneNumber": {"value": "911"}}), "invalid (911)."),
            (json!({"phoneNumber": {}}), "invalid ()."),
            (json!({"microsoftTeamsUser": {"userId": "o 1"}}), "invalid (o 1)."),
            (json!({"microsoftTeamsUser": {"userId": "o", "cloud": "moon"}}), "invalid (moon)."),
            (json!({"rawId": ALICE, "communicationUser": {"id": "8:acs:r_bob"}}), "contradictory"),
            (json!({"rawId": ALICE, "phoneNumber": {"value": "+14255550100"}}), "contradictory"),
            (
                json!({"communicationUser": {"id": ALICE}, "phoneNumber": {"value": "+1425"}}),
                "ambiguous",
            ),
        ] {
            let error = read(body.clone()).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn answers_have_kind_raw_id_and_the_object_of_the_kind() {
        for (raw, kind, object) in [
            (ALICE, "communicationUser", json!({"id": ALICE})),
            ("4:+14255550100", "phoneNumber", json!({"value": "+14255550100"})),
            ("4:anonymous", "phoneNumber", json!({"value": "anonymous", "isAnonymous": true})),
            (
                "4:+14255550100_x",
                "phoneNumber",
                json!({"value": "+14255550100", "assertedId": "x"}),
            ),
            (
                "8:orgid:o",
                "microsoftTeamsUser",
                json!({"userId": "o", "isAnonymous": false, "cloud": "public"}),
            ),
            ("28:gcch:a", "microsoftTeamsApp", json!({"appId": "a", "cloud": "gcch"})),
            (
                "8:acs:r_t_u",
                "teamsExtensionUser",
                json!({"userId": "u", "tenantId": "t", "resourceId": "r", "cloud": "public"}),
            ),
        ] {
            let identifier: CommunicationIdentifier = raw.parse().unwrap();
            let model = serde_json::to_value(IdentifierModel::from(&identifier)).unwrap();
            assert_eq!(model, json!({"kind": kind, "rawId": raw, kind: object}));
            assert_eq!(read(model).as_deref(), Ok(raw));
        }
        let odd: CommunicationIdentifier = "48:odd".parse().unwrap();
        let model = serde_json::to_value(IdentifierModel::from(&odd)).unwrap();
        assert_eq!(model, json!({"kind": "unknown", "rawId": "48:odd"}));
    }

    #[test]
    fn errors_repeat_an_endless_id_only_so_far_and_debug_shows_none() {
        let error = parse_raw_id(&"x".repeat(10_000)).unwrap_err();
        assert!(error.to_string().len() < 200);
        assert!(!format!("{error:?}").contains('x'), "{error:?}");
    }
}
