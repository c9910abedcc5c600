//! Who may chat with whom, and who may join those who are together already.

use trunkline_ids::CommunicationIdentifier;

use crate::{
    calling::{Principal, decide_call},
    decision::Decision,
    questions::Questions,
    reach::{Medium, reach},
    snapshot::Policy,
};

/// Decides whether `actor` may start a chat with `other`, or add `other` to one.
///
/// The original lets only the app user start a chat between an app user and a directory user. Here
/// the directory user may start it, too: the administrator who federates has agreed that the two
/// talk, and the same switches guard both directions. The trace says which of them starts it.
///
/// Whoever is added to a thread that has others in it needs [`decide_joining`].
pub fn decide_chat(
    actor: &Principal,
    other: &CommunicationIdentifier,
    policy: &Policy,
) -> Decision {
    let mut questions = Questions::default();
    let verdict = reach(&mut questions, Medium::Chat, &actor.identifier, other, policy);
    questions.decide(verdict)
}

/// Decides whether `actor` may bring `joiner` together with those `present` in a call or a thread:
/// the actor must be allowed to reach the joiner, and so must everybody who is there. Without this
/// an ally could carry somebody past a barrier.
pub fn decide_joining<'a>(
    medium: Medium,
    actor: &Principal,
    joiner: &CommunicationIdentifier,
    present: impl IntoIterator<Item = &'a CommunicationIdentifier>,
    policy: &Policy,
) -> Decision {
    let decision = match medium {
        Medium::Call => decide_call(actor, joiner, policy),
        Medium::Chat => decide_chat(actor, joiner, policy),
    };
    if !decision.is_allowed() || joiner.is_phone() {
        return decision;
    }
    for other in present {
        if other.is_phone() || *other == actor.identifier || other == joiner {
            continue;
        }
        let mut questions = Questions::default();
        questions.ask("is somebody there already?", true);
        let verdict = reach(&mut questions, medium, other, joiner, policy);
        if verdict.is_err() {
            return questions.decide(verdict);
        }
    }
    decision
}
