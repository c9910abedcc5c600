//! Actions from the wire in the words of the core.

use trunkline_api::convert::meeting as convert;
use trunkline_ids::{CommunicationIdentifier, EndpointId};
use trunkline_interop::Action;
use trunkline_proto::meetings::v1 as wire;

use crate::meetings::{MeetingFailure, draw_code};

/// Finds people by what a request calls them.
pub(super) trait Names {
    /// Returns where somebody is in the meeting or its lobby.
    fn endpoint(&self, person: &str) -> Result<EndpointId, MeetingFailure>;
    /// Returns who is meant, there or not.
    fn identifier(&self, person: &str) -> Result<CommunicationIdentifier, MeetingFailure>;
}

/// Reads an action.
pub(super) fn parse(
    action: wire::MeetingAction,
    names: &impl Names,
) -> Result<Action, MeetingFailure> {
    use wire::meeting_action::Kind;

    Ok(match action.kind.ok_or(MeetingFailure::Malformed("action"))? {
        Kind::Admit(person) => Action::Admit(names.endpoint(&person.participant)?),
        Kind::AdmitAll(_) => Action::AdmitAll,
        Kind::Reject(person) => Action::Reject(names.endpoint(&person.participant)?),
        Kind::Remove(person) => Action::Remove(names.endpoint(&person.participant)?),
        Kind::Lock(_) => Action::Lock,
        Kind::Unlock(_) => Action::Unlock,
        Kind::End(_) => Action::End,
        Kind::ChangeSettings(settings) => {
            Action::ChangeSettings(Box::new(convert::parse_settings(&settings)?))
        }
        Kind::ChangeRole(change) => {
            let who = names.identifier(&change.user)?;
            Action::ChangeRole(who, convert::parse_role(change.role)?)
        }
        Kind::Invite(person) => Action::Invite(names.identifier(&person.participant)?),
        Kind::Forgive(person) => Action::Forgive(names.identifier(&person.participant)?),
        Kind::RotateCode(_) => Action::RotateCode(draw_code()),
        Kind::RaiseHand(_) => Action::RaiseHand,
        Kind::LowerHand(person) => Action::LowerHand(names.endpoint(&person.participant)?),
        Kind::LowerAllHands(_) => Action::LowerAllHands,
        Kind::React(reaction) => Action::React(convert::parse_reaction(reaction)?),
        Kind::Spotlight(person) => Action::Spotlight(names.endpoint(&person.participant)?),
        Kind::StopSpotlight(person) => Action::StopSpotlight(names.endpoint(&person.participant)?),
    })
}
