//! Identifiers: parse, print, redact.
//!
//! Every identifier has one constructor that checks it (`FromStr`), one canonical text (`Display`,
//! `as_str`, serde), an order and a hash. Nothing here draws randomness: fresh identifiers are made
//! from bytes that a shell hands in. `Debug` of whatever names a person or a phone is redacted.

mod display_name;
mod error;
mod identifier;
mod meeting;
mod phone;
mod text;
mod uuid;

pub use crate::{
    display_name::DisplayName,
    error::ParseIdError,
    identifier::{
        Cloud, CommunicationIdentifier, CommunicationUser, IdentifierKind, MicrosoftTeamsApp,
        MicrosoftTeamsUser, RawId, TeamsExtensionUser,
    },
    meeting::{
        JoinCode, JoinLink, JoinMeetingId, MeetingCoordinates, MeetingLocator, ParseJoinLinkError,
        Passcode,
    },
    phone::{AssertedId, E164, PhoneNumber},
    text::{
        EndpointId, MeetingMessageId, OperationId, OrganizerId, ResourceId, TenantId, ThreadId,
    },
    uuid::{CallConnectionId, CallId, GroupId, MeetingId, ParticipantId, SessionId},
};
