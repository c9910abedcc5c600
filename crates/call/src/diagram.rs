//! Prints the state tables as Mermaid diagrams, so that drawings never differ from code.

use std::fmt::Write;

use crate::{
    state::{CallKind, CallState, ParticipantState},
    transfer::{TRANSFER_EDGES, TransferState},
    transition::{CALL_EDGES, PARTICIPANT_EDGES, Profile, Source},
};

/// Returns the Mermaid text of the call states of a kind of call under a profile.
pub fn mermaid(profile: Profile, kind: CallKind) -> String {
    let mut text = String::from("stateDiagram-v2\n");
    push_line(&mut text, &format!("    [*] --> {}", CallState::None));
    for edge in CALL_EDGES.iter().filter(|edge| edge.is_allowed(profile, kind)) {
        push_line(&mut text, &format!("    {} --> {}: {}", edge.from, edge.to, edge.on));
    }
    push_line(&mut text, &format!("    {} --> [*]", CallState::Disconnected));
    text
}

/// Returns the Mermaid text of the participant states of a kind of call under a profile.
pub fn participant_mermaid(profile: Profile, kind: CallKind) -> String {
    let mut text = String::from("stateDiagram-v2\n");
    push_line(&mut text, &format!("    [*] --> {}", ParticipantState::Idle));
    for edge in PARTICIPANT_EDGES.iter().filter(|edge| edge.is_allowed(profile, kind)) {
        push_line(&mut text, &format!("    {} --> {}", edge.from, edge.to));
    }
    push_line(&mut text, &format!("    {} --> [*]", ParticipantState::Disconnected));
    text
}

/// Returns the Mermaid text of the states of a transfer.
pub fn transfer_mermaid() -> String {
    let mut text = String::from("stateDiagram-v2\n");
    push_line(&mut text, &format!("    [*] --> {}", TransferState::None));
    for edge in TRANSFER_EDGES {
        push_line(&mut text, &format!("    {} --> {}: {}", edge.from, edge.to, edge.on));
    }
    for state in TransferState::ALL.into_iter().filter(|state| state.is_final()) {
        push_line(&mut text, &format!("    {state} --> [*]"));
    }
    text
}

/// Returns the generated documents as (path from the root of the repository, content).
pub fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (kind, name) in KINDS {
        for profile in Profile::ALL {
            let path = format!("docs/generated/call-states-{name}-{profile}.md");
            files.push((path, call_document(profile, *kind, name)));
            let path = format!("docs/generated/participant-states-{name}-{profile}.md");
            files.push((path, participant_document(profile, *kind, name)));
        }
    }
    files.push(("docs/generated/transfer-states.md".to_owned(), transfer_document()));
    files
}

/// One-to-one and group calls have the same edges, so they share a drawing.
const KINDS: &[(CallKind, &str)] = &[(CallKind::Group, "call"), (CallKind::Meeting, "meeting")];

const NOTICE: &str = "<!-- Printed from the table in crates/call/src/transition.rs. \
    Do not edit: run `cargo xtask codegen`. -->";

const TRANSFER_NOTICE: &str = "<!-- Printed from the table in crates/call/src/transfer.rs. \
    Do not edit: run `cargo xtask codegen`. -->";

fn call_document(profile: Profile, kind: CallKind, name: &str) -> String {
    let mut text = String::new();
    push_line(&mut text, &format!("{NOTICE}\n\n# Call states: {name}, profile {profile}\n"));
    push_line(&mut text, &format!("```mermaid\n{}```\n", mermaid(profile, kind)));
    push_line(&mut text, "| from | on | to | sources |\n|---|---|---|---|");
    for edge in CALL_EDGES.iter().filter(|edge| edge.is_allowed(profile, kind)) {
        let sources = listed(edge.sources);
        push_line(&mut text, &format!("| {} | {} | {} | {sources} |", edge.from, edge.on, edge.to));
    }
    text
}

fn participant_document(profile: Profile, kind: CallKind, name: &str) -> String {
    let mut text = String::new();
    push_line(&mut text, &format!("{NOTICE}\n\n# Participant states: {name}, profile {profile}\n"));
    push_line(&mut text, &format!("```mermaid\n{}```\n", participant_mermaid(profile, kind)));
    push_line(&mut text, "| from | to | sources |\n|---|---|---|");
    for edge in PARTICIPANT_EDGES.iter().filter(|edge| edge.is_allowed(profile, kind)) {
        push_line(
            &mut text,
            &format!("| {} | {} | {} |", edge.from, edge.to, listed(edge.sources)),
        );
    }
    text
}

fn transfer_document() -> String {
    let mut text = String::new();
    push_line(&mut text, &format!("{TRANSFER_NOTICE}\n\n# Transfer states\n"));
    push_line(&mut text, &format!("```mermaid\n{}```\n", transfer_mermaid()));
    push_line(&mut text, "| from | on | to | because |\n|---|---|---|---|");
    for edge in TRANSFER_EDGES {
        let row = format!("| {} | {} | {} | {} |", edge.from, edge.on, edge.to, edge.because);
        push_line(&mut text, &row);
    }
    text
}

fn listed(sources: &[Source]) -> String {
    sources.iter().map(|source| source.as_str()).collect::<Vec<_>>().join(", ")
}

fn push_line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_diagram_of_calls_has_no_lobby_and_that_of_meetings_has() {
        assert!(!mermaid(Profile::Union, CallKind::OneToOne).contains("InLobby"));
        assert!(mermaid(Profile::Union, CallKind::Meeting).contains("Connecting --> InLobby"));
    }

    #[test]
    fn one_to_one_and_group_calls_share_a_drawing() {
        for profile in Profile::ALL {
            assert_eq!(mermaid(profile, CallKind::OneToOne), mermaid(profile, CallKind::Group));
        }
    }

    #[test]
    fn the_committed_documents_are_those_that_the_table_prints() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for (path, content) in files() {
            let committed = fs::read_to_string(root.join(&path)).unwrap_or_default();
            assert_eq!(committed, content, "{path} is stale: run `cargo xtask codegen`");
        }
    }
}
