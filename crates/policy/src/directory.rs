//! A tenant's directory: its users, and what they are entitled to.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_ids::{CommunicationIdentifier, DisplayName, TenantId};

use crate::names::{Alias, DirectoryGroupId, ObjectId, SegmentId, TenantName};

/// A tenant: a directory of users with their policies.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Never changes.
    pub id: TenantId,
    /// The name, for people.
    pub name: TenantName,
}

/// A directory ("Teams") user of a tenant.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryUser {
    /// The directory's own id of the user.
    pub object_id: ObjectId,
    /// The short sign-in name, unique within the tenant.
    pub alias: Alias,
    /// The name shown to others.
    pub display_name: DisplayName,
    /// The groups to which the user belongs.
    #[serde(default)]
    pub groups: BTreeSet<DirectoryGroupId>,
    /// What the user is licensed for.
    #[serde(default)]
    pub licenses: BTreeSet<License>,
    /// Which client the user's calls and chats go to.
    #[serde(default)]
    pub mode: CoexistenceMode,
    /// The segment of the user, where barriers are used.
    #[serde(default)]
    pub segment: Option<SegmentId>,
}

impl DirectoryUser {
    /// Returns the identifier of the user: `8:orgid:<object id>`.
    pub fn identifier(&self) -> CommunicationIdentifier {
        self.object_id.identifier()
    }
}

/// What a directory user may be licensed or enabled for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum License {
    /// Meetings of the user can be joined by phone.
    AudioConferencing,
    /// The user is enabled for Enterprise Voice.
    EnterpriseVoice,
    /// Chat, calls and meetings.
    Teams,
    /// Calls with phones.
    TeamsPhone,
}

impl License {
    /// All licenses.
    pub const ALL: [Self; 4] =
        [Self::AudioConferencing, Self::EnterpriseVoice, Self::Teams, Self::TeamsPhone];

    /// Returns the license as configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AudioConferencing => "AudioConferencing",
            Self::EnterpriseVoice => "EnterpriseVoice",
            Self::Teams => "Teams",
            Self::TeamsPhone => "TeamsPhone",
        }
    }
}

/// Which client the calls and chats of a directory user go to: the modes of
/// `Grant-CsTeamsUpgradePolicy`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CoexistenceMode {
    /// Either client, each on its own.
    Islands,
    /// Skype for Business.
    SfBOnly,
    /// Skype for Business; channels in Teams.
    SfBWithTeamsCollab,
    /// Skype for Business; channels and meetings in Teams.
    SfBWithTeamsCollabAndMeetings,
    /// Teams: the only mode in which app users reach the user.
    #[default]
    TeamsOnly,
}

impl CoexistenceMode {
    /// All modes.
    pub const ALL: [Self; 5] = [
        Self::Islands,
        Self::SfBOnly,
        Self::SfBWithTeamsCollab,
        Self::SfBWithTeamsCollabAndMeetings,
        Self::TeamsOnly,
    ];

    /// Returns the mode as the original spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Islands => "Islands",
            Self::SfBOnly => "SfBOnly",
            Self::SfBWithTeamsCollab => "SfBWithTeamsCollab",
            Self::SfBWithTeamsCollabAndMeetings => "SfBWithTeamsCollabAndMeetings",
            Self::TeamsOnly => "TeamsOnly",
        }
    }
}

/// Says that a text names no license or no mode.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a {what}: expected one of {expected}")]
pub struct UnknownWord {
    /// What was being parsed.
    pub what: &'static str,
    /// The words that are.
    pub expected: &'static str,
}

macro_rules! word {
    ($name:ident, $what:literal, $expected:literal) => {
        impl FromStr for $name {
            type Err = UnknownWord;

            /// Reads the word in any case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .into_iter()
                    .find(|word| word.as_str().eq_ignore_ascii_case(text))
                    .ok_or(UnknownWord { what: $what, expected: $expected })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

word!(License, "license", "AudioConferencing, EnterpriseVoice, Teams, TeamsPhone");
word!(
    CoexistenceMode,
    "mode",
    "Islands, SfBOnly, SfBWithTeamsCollab, SfBWithTeamsCollabAndMeetings, TeamsOnly"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_print_back() {
        for license in License::ALL {
            let text = license.to_string();
            assert_eq!(text.parse(), Ok(license));
            assert_eq!(text.to_lowercase().parse(), Ok(license));
            let json = serde_json::to_string(&license).unwrap();
            assert_eq!(serde_json::from_str::<License>(&json).unwrap(), license);
        }
        for mode in CoexistenceMode::ALL {
            assert_eq!(mode.to_string().to_uppercase().parse(), Ok(mode));
            let json = serde_json::to_string(&mode).unwrap();
            assert_eq!(serde_json::from_str::<CoexistenceMode>(&json).unwrap(), mode);
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_those_that_are_known() {
        let error = "Phone".parse::<License>().unwrap_err().to_string();
        assert!(License::ALL.iter().all(|license| error.contains(license.as_str())), "{error}");
        let error = "TeamOnly".parse::<CoexistenceMode>().unwrap_err().to_string();
        assert!(CoexistenceMode::ALL.iter().all(|mode| error.contains(mode.as_str())), "{error}");
    }

    #[test]
    fn a_user_is_read_with_defaults_and_prints_no_name_in_debug() {
        let json = r#"{"objectId":"00000000-0000-4000-8000-00000000000b","alias":"bob",
            "displayName":"Bob Baker","licenses":["TeamsPhone"]}"#;
        let user: DirectoryUser = serde_json::from_str(json).unwrap();
        assert_eq!(user.mode, CoexistenceMode::TeamsOnly);
        assert!(user.groups.is_empty() && user.segment.is_none());
        assert_eq!(user.licenses, BTreeSet::from([License::TeamsPhone]));
        let shown = format!("{user:?}").to_lowercase();
        assert!(!shown.contains("bob") && !shown.contains("00000000b"), "{shown}");
        let json = serde_json::to_string(&user).unwrap();
        assert_eq!(serde_json::from_str::<DirectoryUser>(&json).unwrap(), user);
    }
}
