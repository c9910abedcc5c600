//! `CommunicationIdentifier`: who someone is, and the raw id that spells it on the wire.

use std::{fmt, str::FromStr};

use crate::{
    error::{ParseIdError, check_characters, check_length, serde_through_text},
    phone::PhoneNumber,
    text::{ResourceId, TenantId},
};

/// Names a person, a phone, a bot or something this version does not know.
///
/// `FromStr` reads a raw id and `Display` prints it; every raw id that parses prints back byte for
/// byte. `Debug` shows the kind only.
///
/// ```
/// use trunkline_ids::{CommunicationIdentifier, IdentifierKind};
///
/// let alice: CommunicationIdentifier = "8:acs:contoso_alice".parse()?;
/// assert_eq!(alice.kind(), IdentifierKind::CommunicationUser);
/// assert_eq!(alice.to_string(), "8:acs:contoso_alice");
/// # Ok::<(), trunkline_ids::ParseIdError>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CommunicationIdentifier {
    /// A user that an app brings: `8:acs:<resource>_<user>`.
    CommunicationUser(CommunicationUser),
    /// An application of a directory: `28:orgid:<id>`.
    MicrosoftTeamsApp(MicrosoftTeamsApp),
    /// A user of a directory: `8:orgid:<oid>`, or a visitor: `8:teamsvisitor:<id>`.
    MicrosoftTeamsUser(MicrosoftTeamsUser),
    /// A phone: `4:+14255550100`.
    PhoneNumber(PhoneNumber),
    /// A directory user within an app's resource: `8:acs:<resource>_<tenant>_<user>`.
    TeamsExtensionUser(TeamsExtensionUser),
    /// Any other raw id, kept as it came.
    Unknown(RawId),
}

/// The kinds of identifier, with the names of the wire.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum IdentifierKind {
    /// A user that an app brings.
    CommunicationUser,
    /// An application of a directory.
    MicrosoftTeamsApp,
    /// A user of a directory.
    MicrosoftTeamsUser,
    /// A phone.
    PhoneNumber,
    /// A directory user within an app's resource.
    TeamsExtensionUser,
    /// Something else.
    Unknown,
}

impl IdentifierKind {
    /// Returns the wire's member name for the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommunicationUser => "communicationUser",
            Self::MicrosoftTeamsApp => "microsoftTeamsApp",
            Self::MicrosoftTeamsUser => "microsoftTeamsUser",
            Self::PhoneNumber => "phoneNumber",
            Self::TeamsExtensionUser => "teamsExtensionUser",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for IdentifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The cloud a directory lives in.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Cloud {
    /// The United States Department of Defense cloud.
    Dod,
    /// The United States government cloud.
    Gcch,
    /// The public cloud.
    Public,
}

impl Cloud {
    /// Returns the wire's name for the cloud.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dod => "dod",
            Self::Gcch => "gcch",
            Self::Public => "public",
        }
    }

    fn directory_prefix(self) -> &'static str {
        match self {
            Self::Dod => "dod",
            Self::Gcch => "gcch",
            Self::Public => "orgid",
        }
    }

    fn resource_prefix(self) -> &'static str {
        match self {
            Self::Dod => "dod-acs",
            Self::Gcch => "gcch-acs",
            Self::Public => "acs",
        }
    }

    fn of_directory_prefix(prefix: &str) -> Option<Self> {
        [Self::Dod, Self::Gcch, Self::Public].into_iter().find(|c| c.directory_prefix() == prefix)
    }

    fn of_resource_prefix(prefix: &str) -> Option<Self> {
        [Self::Dod, Self::Gcch, Self::Public].into_iter().find(|c| c.resource_prefix() == prefix)
    }
}

impl CommunicationIdentifier {
    /// Returns the kind of the identifier.
    pub fn kind(&self) -> IdentifierKind {
        match self {
            Self::CommunicationUser(_) => IdentifierKind::CommunicationUser,
            Self::MicrosoftTeamsApp(_) => IdentifierKind::MicrosoftTeamsApp,
            Self::MicrosoftTeamsUser(_) => IdentifierKind::MicrosoftTeamsUser,
            Self::PhoneNumber(_) => IdentifierKind::PhoneNumber,
            Self::TeamsExtensionUser(_) => IdentifierKind::TeamsExtensionUser,
            Self::Unknown(_) => IdentifierKind::Unknown,
        }
    }

    /// Returns the raw id.
    pub fn raw_id(&self) -> RawId {
        RawId(self.to_string().into())
    }

    /// Returns whether this is a phone.
    pub fn is_phone(&self) -> bool {
        self.kind() == IdentifierKind::PhoneNumber
    }
}

impl From<RawId> for CommunicationIdentifier {
    fn from(raw: RawId) -> Self {
        known(raw.as_str()).unwrap_or(Self::Unknown(raw))
    }
}

impl FromStr for CommunicationIdentifier {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(RawId::into)
    }
}

impl fmt::Display for CommunicationIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommunicationUser(user) => f.write_str(&user.0),
            Self::MicrosoftTeamsApp(app) => {
                write!(f, "28:{}:{}", app.cloud.directory_prefix(), app.app_id)
            }
            Self::MicrosoftTeamsUser(user) if user.is_anonymous => {
                write!(f, "8:teamsvisitor:{}", user.user_id)
            }
            Self::MicrosoftTeamsUser(user) => {
                write!(f, "8:{}:{}", user.cloud.directory_prefix(), user.user_id)
            }
            Self::PhoneNumber(phone) => write!(f, "4:{phone}"),
            Self::TeamsExtensionUser(user) => write!(
                f,
                "8:{}:{}_{}_{}",
                user.cloud.resource_prefix(),
                user.resource_id,
                user.tenant_id,
                user.user_id
            ),
            Self::Unknown(raw) => f.write_str(&raw.0),
        }
    }
}

impl fmt::Debug for CommunicationIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommunicationIdentifier({}, <redacted>)", self.kind())
    }
}

serde_through_text!(CommunicationIdentifier);

/// Any raw id: bounded, without control characters, otherwise kept byte for byte.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RawId(Box<str>);

impl RawId {
    /// The longest raw id accepted, in bytes.
    pub const LIMIT_BYTES: usize = 512;

    /// Returns the raw id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RawId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHAT: &str = "raw id";
        check_length(WHAT, text, Self::LIMIT_BYTES)?;
        check_characters(WHAT, text, |character| !character.is_control())?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawId(<redacted>)")
    }
}

serde_through_text!(RawId);

/// A user that an app brings; holds the whole raw id.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CommunicationUser(Box<str>);

impl CommunicationUser {
    /// Makes the user `8:acs:<resource>_<user>` of an app's resource.
    ///
    /// # Errors
    ///
    /// Refuses a user part that is empty, too long, or has characters other than ASCII letters,
    /// digits, `-` and `.`.
    pub fn new(resource: &ResourceId, user: &str) -> Result<Self, ParseIdError> {
        let user = part("user id", user)?;
        Ok(Self(format!("8:acs:{resource}_{user}").into()))
    }

    /// Makes the guest `8:acs:<resource>_guest-<user>`: somebody for whom no program of the app
    /// vouches.
    ///
    /// # Errors
    ///
    /// As [`CommunicationUser::new`].
    pub fn guest(resource: &ResourceId, user: &str) -> Result<Self, ParseIdError> {
        Self::new(resource, &format!("{GUEST_PREFIX}{user}"))
    }

    /// Returns the id, which is the whole raw id.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// Returns whether this is a guest.
    pub fn is_guest(&self) -> bool {
        self.parts().is_some_and(|(_, user)| user.starts_with(GUEST_PREFIX))
    }

    /// Returns the resource part, where the raw id has one.
    pub fn resource_id(&self) -> Option<ResourceId> {
        self.parts()?.0.parse().ok()
    }

    fn parts(&self) -> Option<(&str, &str)> {
        self.0.rsplit(':').next()?.split_once('_')
    }
}

/// How the user part of a guest begins. Exchanges make the user parts of all others from UUIDs.
const GUEST_PREFIX: &str = "guest-";

impl fmt::Debug for CommunicationUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommunicationUser(<redacted>)")
    }
}

/// A user of a directory, or an anonymous visitor of one of its meetings.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MicrosoftTeamsUser {
    user_id: Box<str>,
    is_anonymous: bool,
    cloud: Cloud,
}

impl MicrosoftTeamsUser {
    /// Makes a directory user from its object id.
    ///
    /// # Errors
    ///
    /// Refuses an id that is empty, too long, or has characters other than ASCII letters, digits,
    /// `-`, `.` and `_`.
    pub fn new(user_id: &str, cloud: Cloud) -> Result<Self, ParseIdError> {
        check_last_segment("user id", user_id)?;
        Ok(Self { user_id: user_id.into(), is_anonymous: false, cloud })
    }

    /// Makes an anonymous visitor.
    ///
    /// # Errors
    ///
    /// As [`MicrosoftTeamsUser::new`].
    pub fn anonymous(user_id: &str) -> Result<Self, ParseIdError> {
        check_last_segment("user id", user_id)?;
        Ok(Self { user_id: user_id.into(), is_anonymous: true, cloud: Cloud::Public })
    }

    /// Returns the directory's object id of the user, or the visitor's id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Returns whether this is a visitor without an account.
    pub fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// Returns the cloud of the directory.
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }
}

impl fmt::Debug for MicrosoftTeamsUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MicrosoftTeamsUser(<redacted>)")
    }
}

/// An application of a directory: a bot, a queue, an attendant.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MicrosoftTeamsApp {
    app_id: Box<str>,
    cloud: Cloud,
}

impl MicrosoftTeamsApp {
    /// Makes the identifier from the application's id.
    ///
    /// # Errors
    ///
    /// Refuses an id that is empty, too long, or has characters other than ASCII letters, digits,
    /// `-`, `.` and `_`.
    pub fn new(app_id: &str, cloud: Cloud) -> Result<Self, ParseIdError> {
        check_last_segment("app id", app_id)?;
        Ok(Self { app_id: app_id.into(), cloud })
    }

    /// Returns the application's id.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Returns the cloud of the directory.
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }
}

/// A directory user who works within an app's resource.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TeamsExtensionUser {
    resource_id: ResourceId,
    tenant_id: TenantId,
    user_id: Box<str>,
    cloud: Cloud,
}

impl TeamsExtensionUser {
    /// Makes the identifier from its three parts.
    ///
    /// # Errors
    ///
    /// Refuses a user id that is empty, too long, or has characters other than ASCII letters,
    /// digits, `-` and `.`.
    pub fn new(
        resource_id: ResourceId,
        tenant_id: TenantId,
        user_id: &str,
        cloud: Cloud,
    ) -> Result<Self, ParseIdError> {
        let user_id = part("user id", user_id)?.into();
        Ok(Self { resource_id, tenant_id, user_id, cloud })
    }

    /// Returns the app's resource.
    pub fn resource_id(&self) -> &ResourceId {
        &self.resource_id
    }

    /// Returns the tenant of the directory.
    pub fn tenant_id(&self) -> &TenantId {
        &self.tenant_id
    }

    /// Returns the directory's object id of the user.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Returns the cloud of the directory.
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }
}

impl fmt::Debug for TeamsExtensionUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TeamsExtensionUser(<redacted>)")
    }
}

/// Reads the raw ids whose kind is known; each arm prints back exactly what it read.
fn known(raw: &str) -> Option<CommunicationIdentifier> {
    if let Some(suffix) = raw.strip_prefix("4:") {
        return PhoneNumber::from_raw_suffix(suffix).map(CommunicationIdentifier::PhoneNumber);
    }
    let mut segments = raw.split(':');
    let (scope, prefix, suffix) = (segments.next()?, segments.next()?, segments.next()?);
    if segments.next().is_some() || check_last_segment("id", suffix).is_err() {
        return None;
    }
    if scope == "28" {
        let cloud = Cloud::of_directory_prefix(prefix)?;
        return Some(CommunicationIdentifier::MicrosoftTeamsApp(MicrosoftTeamsApp {
            app_id: suffix.into(),
            cloud,
        }));
    }
    if scope != "8" {
        return None;
    }
    if let Some(cloud) = Cloud::of_directory_prefix(prefix) {
        return Some(CommunicationIdentifier::MicrosoftTeamsUser(MicrosoftTeamsUser {
            user_id: suffix.into(),
            is_anonymous: false,
            cloud,
        }));
    }
    if prefix == "teamsvisitor" {
        return Some(CommunicationIdentifier::MicrosoftTeamsUser(MicrosoftTeamsUser {
            user_id: suffix.into(),
            is_anonymous: true,
            cloud: Cloud::Public,
        }));
    }
    let user = CommunicationIdentifier::CommunicationUser(CommunicationUser(raw.into()));
    if prefix == "spool" {
        return Some(user);
    }
    let cloud = Cloud::of_resource_prefix(prefix)?;
    Some(extension_user(suffix, cloud).unwrap_or(user))
}

fn extension_user(suffix: &str, cloud: Cloud) -> Option<CommunicationIdentifier> {
    let mut parts = suffix.split('_');
    let (resource, tenant, user) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let user =
        TeamsExtensionUser::new(resource.parse().ok()?, tenant.parse().ok()?, user, cloud).ok()?;
    Some(CommunicationIdentifier::TeamsExtensionUser(user))
}

/// Longest last segment: leaves room for the longest prefix within [`RawId::LIMIT_BYTES`].
const SEGMENT_LIMIT_BYTES: usize = 256;

fn check_last_segment(what: &'static str, text: &str) -> Result<(), ParseIdError> {
    check_length(what, text, SEGMENT_LIMIT_BYTES)?;
    check_characters(what, text, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

fn part<'a>(what: &'static str, text: &'a str) -> Result<&'a str, ParseIdError> {
    check_length(what, text, 128)?;
    check_characters(what, text, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(raw: &str) -> CommunicationIdentifier {
        raw.parse().unwrap()
    }

    #[test]
    fn every_raw_form_has_its_kind_and_prints_back() {
        use IdentifierKind::*;
        let cases = [
            ("8:acs:res-1_user-1", CommunicationUser),
            ("8:acs:justone", CommunicationUser),
            ("8:acs:a_b_c_d", CommunicationUser),
            ("8:acs:a__b", CommunicationUser),
            ("8:gcch-acs:res_user", CommunicationUser),
            ("8:dod-acs:res_user", CommunicationUser),
            ("8:spool:res_user", CommunicationUser),
            ("8:spool:res_tenant_user", CommunicationUser),
            ("8:acs:res_tenant_user", TeamsExtensionUser),
            ("8:gcch-acs:res_tenant_user", TeamsExtensionUser),
            ("8:dod-acs:res_tenant_user", TeamsExtensionUser),
            ("4:+14255550100", PhoneNumber),
            ("4:anonymous", PhoneNumber),
            ("4:+14255550100_b1d3", PhoneNumber),
            ("8:orgid:29228d3e-040e-4656-a70e-890ab4e173e5", MicrosoftTeamsUser),
            ("8:gcch:29228d3e", MicrosoftTeamsUser),
            ("8:dod:29228d3e", MicrosoftTeamsUser),
            ("8:teamsvisitor:29228d3e", MicrosoftTeamsUser),
            ("28:orgid:01234567", MicrosoftTeamsApp),
            ("28:gcch:01234567", MicrosoftTeamsApp),
            ("28:dod:01234567", MicrosoftTeamsApp),
            ("28:ag08-global-01234567", Unknown),
            ("28:01234567", Unknown),
            ("28:teamsvisitor:1", Unknown),
            ("8:acs:", Unknown),
            ("8:acs:a:b", Unknown),
            ("8:orgid:", Unknown),
            ("8:ORGID:1", Unknown),
            ("8:live:someone", Unknown),
            ("4:911", Unknown),
            ("4:", Unknown),
            ("4:+14255550100_", Unknown),
            ("4:anonymous_1", Unknown),
            ("48:calllogs", Unknown),
            ("  odd 🐙 ", Unknown),
        ];
        for (raw, kind) in cases {
            let identifier = parse(raw);
            assert_eq!(identifier.kind(), kind, "{raw:?}");
            assert_eq!(identifier.to_string(), raw);
            assert_eq!(identifier.raw_id().as_str(), raw);
        }
    }

    #[test]
    fn a_guest_is_known_by_its_raw_id() {
        let resource = "res".parse().unwrap();
        let guest = CommunicationUser::guest(&resource, "1").unwrap();
        assert_eq!((guest.id(), guest.is_guest()), ("8:acs:res_guest-1", true));
        assert_eq!(guest.resource_id(), Some(resource));
        for raw in ["8:acs:res_1", "8:acs:guest-1", "8:acs:guest-res_1", "8:acs:res_a-guest-1"] {
            let CommunicationIdentifier::CommunicationUser(user) = parse(raw) else {
                panic!("{raw} is an app user");
            };
            assert!(!user.is_guest(), "{raw}");
        }
    }

    #[test]
    fn typed_parts_are_read_from_the_raw_id() {
        let CommunicationIdentifier::TeamsExtensionUser(user) = parse("8:dod-acs:r_t_u") else {
            panic!("three segments are an extension user");
        };
        assert_eq!(
            (user.resource_id().as_str(), user.tenant_id().as_str(), user.user_id(), user.cloud()),
            ("r", "t", "u", Cloud::Dod)
        );
        let CommunicationIdentifier::MicrosoftTeamsUser(user) = parse("8:teamsvisitor:v") else {
            panic!("a visitor is a directory user");
        };
        assert!(user.is_anonymous());
        let CommunicationIdentifier::PhoneNumber(phone) = parse("4:+14255550100_b1d3") else {
            panic!("a phone");
        };
        assert_eq!(phone.number().unwrap().as_str(), "+14255550100");
        assert_eq!(phone.asserted_id(), Some("b1d3"));
        let CommunicationIdentifier::CommunicationUser(user) = parse("8:acs:contoso_alice") else {
            panic!("an app user");
        };
        assert_eq!(user.resource_id().unwrap().as_str(), "contoso");
    }

    #[test]
    fn typed_constructors_print_the_raw_id_that_parses_to_them() {
        let resource: ResourceId = "contoso".parse().unwrap();
        let tenant: TenantId = "tenant".parse().unwrap();
        let all = [
            CommunicationIdentifier::CommunicationUser(
                CommunicationUser::new(&resource, "alice").unwrap(),
            ),
            CommunicationIdentifier::MicrosoftTeamsUser(
                MicrosoftTeamsUser::new("bob", Cloud::Gcch).unwrap(),
            ),
            CommunicationIdentifier::MicrosoftTeamsUser(
                MicrosoftTeamsUser::anonymous("eve").unwrap(),
            ),
            CommunicationIdentifier::MicrosoftTeamsApp(
                MicrosoftTeamsApp::new("app", Cloud::Public).unwrap(),
            ),
            CommunicationIdentifier::TeamsExtensionUser(
                TeamsExtensionUser::new(resource, tenant, "dan", Cloud::Public).unwrap(),
            ),
            CommunicationIdentifier::PhoneNumber(PhoneNumber::Anonymous),
        ];
        for identifier in all {
            assert_eq!(parse(&identifier.to_string()), identifier);
        }
    }

    #[test]
    fn control_characters_and_endless_raw_ids_are_refused() {
        for raw in ["", "8:acs:a\nb", "\0", "4:+1\u{85}"] {
            assert!(raw.parse::<CommunicationIdentifier>().is_err(), "{raw:?}");
        }
        assert!("x".repeat(513).parse::<CommunicationIdentifier>().is_err());
        assert!("x".repeat(512).parse::<CommunicationIdentifier>().is_ok());
    }

    #[test]
    fn debug_shows_the_kind_and_nothing_else() {
        for raw in ["8:acs:contoso_alice", "8:orgid:alice", "4:+14255550100", "x:alice"] {
            let debug = format!("{:?} {:?}", parse(raw), parse(raw).raw_id());
            assert!(!debug.contains("alice") && !debug.contains("4255550100"), "{debug}");
        }
    }

    proptest! {
        #[test]
        fn known_prefixes_round_trip(
            prefix in "(8:(acs|gcch-acs|dod-acs|spool|orgid|gcch|dod|teamsvisitor)|28:(orgid|gcch|dod)):",
            suffix in "[A-Za-z0-9._-]{1,80}",
        ) {
            let raw = format!("{prefix}{suffix}");
            let identifier = parse(&raw);
            prop_assert_ne!(identifier.kind(), IdentifierKind::Unknown);
            prop_assert_eq!(identifier.to_string(), raw);
        }

        #[test]
        fn phones_round_trip(raw in "4:\\+[1-9][0-9]{1,14}(_[a-z0-9-]{1,20})?") {
            let identifier = parse(&raw);
            prop_assert_eq!(identifier.kind(), IdentifierKind::PhoneNumber);
            prop_assert_eq!(identifier.to_string(), raw);
        }

        #[test]
        fn whatever_parses_prints_back_byte_for_byte(raw in "(4:|8:|28:)?\\PC{0,100}") {
            if let Ok(identifier) = raw.parse::<CommunicationIdentifier>() {
                prop_assert_eq!(identifier.to_string(), raw);
                let json = serde_json::to_string(&identifier).unwrap();
                prop_assert_eq!(
                    serde_json::from_str::<CommunicationIdentifier>(&json).unwrap(),
                    identifier
                );
            }
        }
    }
}
