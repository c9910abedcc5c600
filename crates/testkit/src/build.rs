//! Short ways to the values that tests need.

use trunkline_ids::{
    CallId, Cloud, CommunicationIdentifier, CommunicationUser, DisplayName, EndpointId, GroupId,
    MicrosoftTeamsUser, OperationId, PhoneNumber,
};

/// Returns the app user of resource `contoso` with a name.
///
/// # Panics
///
/// Panics if the name does not fit an identifier.
pub fn app_user(name: &str) -> CommunicationIdentifier {
    let resource = "contoso".parse().expect("a short word is a resource id");
    let user = CommunicationUser::new(&resource, name).expect("the name fits an identifier");
    CommunicationIdentifier::CommunicationUser(user)
}

/// Returns the directory user with a name for an object id.
///
/// # Panics
///
/// Panics if the name does not fit an identifier.
pub fn directory_user(name: &str) -> CommunicationIdentifier {
    let user = MicrosoftTeamsUser::new(name, Cloud::Public).expect("the name fits an identifier");
    CommunicationIdentifier::MicrosoftTeamsUser(user)
}

/// Returns a phone.
///
/// # Panics
///
/// Panics if the text is not E.164.
pub fn phone(number: &str) -> CommunicationIdentifier {
    CommunicationIdentifier::PhoneNumber(PhoneNumber::new(
        number.parse().expect("the number is E.164"),
    ))
}

/// Returns the endpoint with a name.
///
/// # Panics
///
/// Panics if the name does not fit an identifier.
pub fn endpoint(name: &str) -> EndpointId {
    name.parse().expect("the name fits an identifier")
}

/// Returns the operation with a name.
///
/// # Panics
///
/// Panics if the name does not fit an identifier.
pub fn operation(name: &str) -> OperationId {
    name.parse().expect("the name fits an identifier")
}

/// Returns a display name.
///
/// # Panics
///
/// Panics if the text is no display name.
pub fn display_name(text: &str) -> DisplayName {
    text.parse().expect("the text is a display name")
}

/// Returns the call with a number.
pub fn call_id(number: u128) -> CallId {
    CallId::from_uuid_bytes(number.to_be_bytes())
}

/// Returns the group with a number.
pub fn group_id(number: u128) -> GroupId {
    GroupId::from_uuid_bytes(number.to_be_bytes())
}
