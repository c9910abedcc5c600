//! What administrators set, and decisions.

use std::str::FromStr;

use thiserror::Error;
use trunkline_ids::{CommunicationIdentifier, ParseIdError, ResourceId};
use trunkline_policy::{
    AccessKeys, AcsUserLabel, Assignee, BarrierRule, CoexistenceMode, Decision, DirectoryUser,
    ExternalAccessPolicy, FederationConfig, Grant, KeySlot, License, ObjectId, Resource, Segment,
};
use trunkline_proto::admin::v1 as wire;

use super::{end_reason, identifier, timestamp};

/// Why a request of an administrator cannot be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum MalformedSetting {
    /// A name or an id is malformed.
    #[error("{field}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: ParseIdError,
    },
    /// A field is missing.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A number is not one of the words of its field.
    #[error("{field} has no such value")]
    UnknownWord {
        /// The field.
        field: &'static str,
    },
}

/// Reads a name or an id.
///
/// # Errors
/// When it is malformed.
pub fn parse<T: FromStr<Err = ParseIdError>>(
    field: &'static str,
    text: &str,
) -> Result<T, MalformedSetting> {
    text.parse().map_err(|source| MalformedSetting::Malformed { field, source })
}

/// Converts a resource, with the times of its keys.
pub fn resource(resource: &Resource, keys: &AccessKeys) -> wire::Resource {
    wire::Resource {
        resource_id: resource.id.to_string(),
        name: resource.name.to_string(),
        created_on: Some(timestamp(resource.created_on)),
        primary_key_created_on: Some(timestamp(keys.primary.created_on())),
        secondary_key_created_on: Some(timestamp(keys.secondary.created_on())),
    }
}

/// Converts a slot.
pub fn key_slot(slot: KeySlot) -> wire::KeySlot {
    match slot {
        KeySlot::Primary => wire::KeySlot::Primary,
        KeySlot::Secondary => wire::KeySlot::Secondary,
    }
}

/// Reads a slot; `None` is the older key.
///
/// # Errors
/// When there is no such slot.
pub fn parse_key_slot(slot: i32) -> Result<Option<KeySlot>, MalformedSetting> {
    match wire::KeySlot::try_from(slot) {
        Ok(wire::KeySlot::Primary) => Ok(Some(KeySlot::Primary)),
        Ok(wire::KeySlot::Secondary) => Ok(Some(KeySlot::Secondary)),
        Ok(wire::KeySlot::Unspecified) => Ok(None),
        Err(_) => Err(MalformedSetting::UnknownWord { field: "slot" }),
    }
}

/// Converts the federation of a tenant with app resources.
pub fn federation(config: &FederationConfig) -> wire::FederationConfiguration {
    let list = |resources: &[ResourceId]| resources.iter().map(ToString::to_string).collect();
    wire::FederationConfiguration {
        enable_acs_users: config.enable_acs_users,
        allowed_acs_resources: list(&config.allowed_acs_resources),
        blocked_acs_resources: list(&config.blocked_acs_resources),
        require_acs_federation_for_meeting: config.require_acs_federation_for_meeting,
        label_for_allowed_acs_users: match config.label_for_allowed_acs_users {
            AcsUserLabel::External => wire::AcsUserLabel::External,
            AcsUserLabel::Unverified => wire::AcsUserLabel::Unverified,
        }
        .into(),
        hide_banner_for_allowed_acs_users: config.hide_banner_for_allowed_acs_users,
    }
}

/// Sets the parameters that a request names, and leaves the others as they are.
///
/// # Errors
/// When a parameter is malformed; nothing is set then.
pub fn apply_federation(
    config: &mut FederationConfig,
    request: &wire::SetFederationRequest,
) -> Result<(), MalformedSetting> {
    let list = |field, list: &wire::ResourceList| {
        list.resource_ids.iter().map(|id| parse(field, id)).collect::<Result<Vec<_>, _>>()
    };
    let mut changed = config.clone();
    if let Some(is_enabled) = request.enable_acs_users {
        changed.enable_acs_users = is_enabled;
    }
    if let Some(allowed) = &request.allowed_acs_resources {
        changed.allowed_acs_resources = list("allowed_acs_resources", allowed)?;
    }
    if let Some(blocked) = &request.blocked_acs_resources {
        changed.blocked_acs_resources = list("blocked_acs_resources", blocked)?;
    }
    if let Some(is_required) = request.require_acs_federation_for_meeting {
        changed.require_acs_federation_for_meeting = is_required;
    }
    if let Some(label) = request.label_for_allowed_acs_users {
        changed.label_for_allowed_acs_users = match wire::AcsUserLabel::try_from(label) {
            Ok(wire::AcsUserLabel::External) => AcsUserLabel::External,
            Ok(wire::AcsUserLabel::Unverified) => AcsUserLabel::Unverified,
            Ok(wire::AcsUserLabel::Unspecified) | Err(_) => {
                let field = "label_for_allowed_acs_users";
                return Err(MalformedSetting::UnknownWord { field });
            }
        };
    }
    if let Some(is_hidden) = request.hide_banner_for_allowed_acs_users {
        changed.hide_banner_for_allowed_acs_users = is_hidden;
    }
    *config = changed;
    Ok(())
}

/// Converts a directory user.
pub fn directory_user(user: &DirectoryUser) -> wire::DirectoryUser {
    let licenses = user.licenses.iter().map(|license| match license {
        License::AudioConferencing => wire::License::AudioConferencing,
        License::EnterpriseVoice => wire::License::EnterpriseVoice,
        License::Teams => wire::License::Teams,
        License::TeamsPhone => wire::License::TeamsPhone,
    });
    let mode = match user.mode {
        CoexistenceMode::Islands => wire::CoexistenceMode::Islands,
        CoexistenceMode::SfBOnly => wire::CoexistenceMode::SfbOnly,
        CoexistenceMode::SfBWithTeamsCollab => wire::CoexistenceMode::SfbWithTeamsCollab,
        CoexistenceMode::SfBWithTeamsCollabAndMeetings => {
            wire::CoexistenceMode::SfbWithTeamsCollabAndMeetings
        }
        CoexistenceMode::TeamsOnly => wire::CoexistenceMode::TeamsOnly,
    };
    wire::DirectoryUser {
        object_id: user.object_id.to_string(),
        alias: user.alias.to_string(),
        display_name: user.display_name.to_string(),
        groups: user.groups.iter().map(ToString::to_string).collect(),
        licenses: licenses.map(i32::from).collect(),
        mode: mode.into(),
        segment: user.segment.as_ref().map(ToString::to_string).unwrap_or_default(),
        identifier: Some(identifier(&user.identifier())),
    }
}

/// Reads a directory user.
///
/// # Errors
/// Names the first field that is malformed.
pub fn parse_directory_user(user: &wire::DirectoryUser) -> Result<DirectoryUser, MalformedSetting> {
    let license = |license: &i32| match wire::License::try_from(*license) {
        Ok(wire::License::AudioConferencing) => Ok(License::AudioConferencing),
        Ok(wire::License::EnterpriseVoice) => Ok(License::EnterpriseVoice),
        Ok(wire::License::Teams) => Ok(License::Teams),
        Ok(wire::License::TeamsPhone) => Ok(License::TeamsPhone),
        Ok(wire::License::Unspecified) | Err(_) => {
            Err(MalformedSetting::UnknownWord { field: "licenses" })
        }
    };
    let mode = match wire::CoexistenceMode::try_from(user.mode) {
        Ok(wire::CoexistenceMode::Islands) => CoexistenceMode::Islands,
        Ok(wire::CoexistenceMode::SfbOnly) => CoexistenceMode::SfBOnly,
        Ok(wire::CoexistenceMode::SfbWithTeamsCollab) => CoexistenceMode::SfBWithTeamsCollab,
        Ok(wire::CoexistenceMode::SfbWithTeamsCollabAndMeetings) => {
            CoexistenceMode::SfBWithTeamsCollabAndMeetings
        }
        Ok(wire::CoexistenceMode::TeamsOnly | wire::CoexistenceMode::Unspecified) => {
            CoexistenceMode::TeamsOnly
        }
        Err(_) => return Err(MalformedSetting::UnknownWord { field: "mode" }),
    };
    Ok(DirectoryUser {
        object_id: parse("object_id", &user.object_id)?,
        alias: parse("alias", &user.alias)?,
        display_name: parse("display_name", &user.display_name)?,
        groups: user.groups.iter().map(|id| parse("groups", id)).collect::<Result<_, _>>()?,
        licenses: user.licenses.iter().map(license).collect::<Result<_, _>>()?,
        mode,
        segment: match user.segment.as_str() {
            "" => None,
            segment => Some(parse("segment", segment)?),
        },
    })
}

/// Converts an external access policy.
pub fn external_access_policy(policy: &ExternalAccessPolicy) -> wire::ExternalAccessPolicy {
    wire::ExternalAccessPolicy {
        identity: policy.identity.to_string(),
        enable_acs_federation_access: policy.enable_acs_federation_access,
        enable_federation_access: policy.enable_federation_access,
    }
}

/// Reads an external access policy.
///
/// # Errors
/// When its name is malformed.
pub fn parse_external_access_policy(
    policy: &wire::ExternalAccessPolicy,
) -> Result<ExternalAccessPolicy, MalformedSetting> {
    Ok(ExternalAccessPolicy {
        identity: parse("identity", &policy.identity)?,
        enable_acs_federation_access: policy.enable_acs_federation_access,
        enable_federation_access: policy.enable_federation_access,
    })
}

/// Converts a grant.
pub fn grant(grant: &Grant) -> wire::ExternalAccessGrant {
    wire::ExternalAccessGrant {
        assignee: Some(match &grant.assignee {
            Assignee::Group(group) => {
                wire::Assignee { user: String::new(), group: group.to_string() }
            }
            Assignee::User(user) => wire::Assignee { user: user.to_string(), group: String::new() },
        }),
        policy: grant.policy.to_string(),
        rank: grant.rank,
    }
}

/// Reads to whom a policy is granted; `find` knows users by alias.
///
/// # Errors
/// When none or both of user and group are given, or what is given is malformed.
pub fn parse_assignee(
    assignee: Option<&wire::Assignee>,
    find: impl FnOnce(&str) -> Option<ObjectId>,
) -> Result<Assignee, MalformedSetting> {
    let missing = MalformedSetting::Missing { field: "one of user and group" };
    let assignee = assignee.ok_or(missing.clone())?;
    match (assignee.user.as_str(), assignee.group.as_str()) {
        (user, "") if !user.is_empty() => parse_user(user, find).map(Assignee::User),
        ("", group) if !group.is_empty() => parse("group", group).map(Assignee::Group),
        _ => Err(missing),
    }
}

/// Reads which directory user is meant: an alias that `find` knows, a raw id or an object id.
///
/// # Errors
/// When it is none of these.
pub fn parse_user(
    text: &str,
    find: impl FnOnce(&str) -> Option<ObjectId>,
) -> Result<ObjectId, MalformedSetting> {
    if let Some(found) = find(text) {
        return Ok(found);
    }
    match text.parse() {
        Ok(CommunicationIdentifier::MicrosoftTeamsUser(user)) => parse("user", user.user_id()),
        Ok(_) | Err(_) => parse("user", text),
    }
}

/// Converts a segment.
pub fn segment(segment: &Segment) -> wire::Segment {
    let (rule, listed) = match &segment.rule {
        BarrierRule::Allow(listed) => (wire::BarrierRule::Allow, listed),
        BarrierRule::Block(listed) => (wire::BarrierRule::Block, listed),
    };
    wire::Segment {
        segment_id: segment.id.to_string(),
        rule: rule.into(),
        segments: listed.iter().map(ToString::to_string).collect(),
    }
}

/// Reads a segment.
///
/// # Errors
/// Names the first field that is malformed.
pub fn parse_segment(segment: &wire::Segment) -> Result<Segment, MalformedSetting> {
    let listed =
        segment.segments.iter().map(|id| parse("segments", id)).collect::<Result<_, _>>()?;
    let rule = match wire::BarrierRule::try_from(segment.rule) {
        Ok(wire::BarrierRule::Allow) => BarrierRule::Allow(listed),
        Ok(wire::BarrierRule::Block | wire::BarrierRule::Unspecified) => BarrierRule::Block(listed),
        Err(_) => return Err(MalformedSetting::UnknownWord { field: "rule" }),
    };
    Ok(Segment { id: parse("segment_id", &segment.segment_id)?, rule })
}

/// Converts a decision.
pub fn decision(decision: &Decision) -> wire::Decision {
    wire::Decision {
        is_allowed: decision.is_allowed(),
        rule: decision.rule().to_owned(),
        fix: decision.fix().unwrap_or_default().to_owned(),
        reason: decision.reason().map(end_reason),
        trace: decision
            .trace()
            .iter()
            .map(|step| wire::Step { question: step.question.to_string(), answer: step.answer })
            .collect(),
    }
}
