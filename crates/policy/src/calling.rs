//! Who may call whom.

use trunkline_ids::CommunicationIdentifier;
use trunkline_reasons::EndReason;

use crate::{
    decision::Decision,
    directory::License,
    questions::{Denial, Questions, Verdict},
    reach::{Medium, Side, reach, stranger},
    snapshot::Policy,
};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The user that the token names.
    pub identifier: CommunicationIdentifier,
}

/// Decides whether `caller` may call `target`.
///
/// Whoever is added to a call that has others in it needs [`decide_joining`], too.
///
/// [`decide_joining`]: crate::decide_joining
pub fn decide_call(
    caller: &Principal,
    target: &CommunicationIdentifier,
    policy: &Policy,
) -> Decision {
    let mut questions = Questions::default();
    let verdict = match questions.ask("is the target a phone?", target.is_phone()) {
        true => phone(&mut questions, &caller.identifier, policy),
        false => reach(&mut questions, Medium::Call, &caller.identifier, target, policy),
    };
    questions.decide(verdict)
}

/// A phone is reached through a trunk; a directory user needs a license for it on top.
fn phone(questions: &mut Questions, caller: &CommunicationIdentifier, policy: &Policy) -> Verdict {
    if !questions.ask("does a trunk lead to the phone network?", policy.has_trunk) {
        let fix = "configure a trunk to the phone network".to_owned();
        return Err(Denial { rule: "no-trunk", fix, reason: EndReason::NO_TRUNK });
    }
    let standing = match Side::of(questions, caller, policy)? {
        Side::App(_) => return Ok("phone-by-trunk"),
        Side::Directory(standing) => standing,
        Side::Stranger => {
            questions.ask("does a directory have the caller?", false);
            return Err(stranger(EndReason::NOT_PERMITTED));
        }
    };
    for (license, question) in [
        (License::TeamsPhone, "is the caller licensed for Teams Phone?"),
        (License::EnterpriseVoice, "is the caller enabled for Enterprise Voice?"),
    ] {
        if !questions.ask(question, standing.user.licenses.contains(&license)) {
            let fix = format!("give the caller the license {license}");
            return Err(Denial { rule: "not-licensed", fix, reason: EndReason::NOT_PERMITTED });
        }
    }
    Ok("phone-by-license")
}
