//! Tests of the call model.

use trunkline_proto::common::v1 as common;

use super::*;

const OWN: &str = "00000000-0000-0000-0000-000000000001";
const BOB: &str = "00000000-0000-0000-0000-000000000002";
const CALL: &str = "00000000-0000-0000-0000-0000000000ca";

fn participant(
    id: &str,
    raw_id: &str,
    state: wire_types::ParticipantState,
) -> wire_types::Participant {
    wire_types::Participant {
        participant_id: id.to_owned(),
        identifier: Some(common::CommunicationIdentifier { raw_id: raw_id.to_owned(), kind: 0 }),
        state: state.into(),
        call_state: wire_types::CallState::Connecting.into(),
        ..wire_types::Participant::default()
    }
}

fn event(seq: u64, kind: Kind) -> wire_types::CallEvent {
    wire_types::CallEvent { call_id: CALL.to_owned(), seq, time: None, kind: Some(kind) }
}

fn snapshot(seq: u64, participants: Vec<wire_types::Participant>) -> wire_types::CallEvent {
    let kind = wire_types::CallKind::OneToOne.into();
    let call = wire_types::Call { kind, participants, ..wire_types::Call::default() };
    event(seq, Kind::Snapshot(call))
}

fn moved(seq: u64, id: &str, state: wire_types::CallState) -> wire_types::CallEvent {
    let reason = (state == wire_types::CallState::Disconnected)
        .then(|| common::EndReason { code: 603, ..common::EndReason::default() });
    let change = wire_types::CallStateChanged {
        participant_id: id.to_owned(),
        state: state.into(),
        participant_state: wire_types::ParticipantState::Connected.into(),
        reason,
        ..wire_types::CallStateChanged::default()
    };
    event(seq, Kind::CallStateChanged(change))
}

fn model() -> CallModel {
    let mut model = CallModel::new(Direction::Outgoing, CallKind::OneToOne);
    model.identify(CALL.parse().unwrap(), Some(OWN.parse().unwrap()), None);
    model
}

fn states(changes: &[Change]) -> Vec<CallState> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::State(change) => Some(change.state),
            _ => None,
        })
        .collect()
}

#[test]
fn a_call_runs_from_snapshot_to_end_with_every_state_once() {
    let mut model = model();
    let mut changes = Vec::new();
    let own = participant(OWN, "8:acs:r_a", wire_types::ParticipantState::Connecting);
    assert_eq!(model.apply(&snapshot(2, vec![own]), &mut changes), Applied::Taken);
    for (seq, state) in [
        (3, wire_types::CallState::Ringing),
        (4, wire_types::CallState::Connected),
        (5, wire_types::CallState::Disconnecting),
        (6, wire_types::CallState::Disconnected),
    ] {
        assert_eq!(model.apply(&moved(seq, OWN, state), &mut changes), Applied::Taken);
    }
    assert_eq!(
        states(&changes),
        [
            CallState::Connecting,
            CallState::Ringing,
            CallState::Connected,
            CallState::Disconnecting,
            CallState::Disconnected,
        ]
    );
    assert!(model.is_over());
    assert_eq!(model.call_end_reason.as_ref().unwrap().code, 603);
    assert_eq!(model.history.len(), 5);
    let mut late = Vec::new();
    model.apply(&moved(7, OWN, wire_types::CallState::Connected), &mut late);
    assert!(late.is_empty());
}

#[test]
fn duplicates_are_ignored_and_a_gap_asks_for_a_snapshot() {
    let mut model = model();
    let mut changes = Vec::new();
    let early = moved(1, OWN, wire_types::CallState::Ringing);
    assert_eq!(model.apply(&early, &mut changes), Applied::Gap);
    let own = participant(OWN, "8:acs:r_a", wire_types::ParticipantState::Connecting);
    model.apply(&snapshot(5, vec![own]), &mut changes);
    let old = moved(5, OWN, wire_types::CallState::Connected);
    assert_eq!(model.apply(&old, &mut changes), Applied::Old);
    let far = moved(7, OWN, wire_types::CallState::Connected);
    assert_eq!(model.apply(&far, &mut changes), Applied::Gap);
    assert_eq!(model.state, CallState::Connecting);
    let next = moved(6, OWN, wire_types::CallState::Connected);
    assert_eq!(model.apply(&next, &mut changes), Applied::Taken);
}

#[test]
fn an_added_participant_is_one_entry_whichever_message_names_it_first() {
    for result_first in [true, false] {
        for target in [Some("8:orgid:bob"), None] {
            let mut model = model();
            let mut changes = Vec::new();
            let own = participant(OWN, "8:acs:r_a", wire_types::ParticipantState::Connected);
            model.apply(&snapshot(1, vec![own]), &mut changes);
            let key = model.add_pending(target.map(|raw_id| raw_id.parse().unwrap()));
            assert_eq!(model.remote_participants().count(), 0);
            let added = participant(BOB, "8:orgid:bob", wire_types::ParticipantState::Connecting);
            let added = wire_types::ParticipantAdded { participant: Some(added) };
            let added = event(2, Kind::ParticipantAdded(added));
            if result_first {
                model.name_pending(key, BOB.parse().unwrap(), &mut changes);
                model.apply(&added, &mut changes);
            } else {
                model.apply(&added, &mut changes);
                model.name_pending(key, BOB.parse().unwrap(), &mut changes);
            }
            assert_eq!(model.remote_participants().count(), 1);
            let record = model.participant(key).unwrap();
            assert_eq!(record.state, ParticipantState::Connecting);
            assert_eq!(record.participant_id, Some(BOB.parse().unwrap()));
            let rosters =
                changes.iter().filter(|change| matches!(change, Change::Roster { .. })).count();
            assert_eq!(rosters, 1);
        }
    }
}

#[test]
fn somebody_who_left_keeps_the_reason_and_is_no_longer_in_the_roster() {
    let mut model = model();
    let mut changes = Vec::new();
    let own = participant(OWN, "8:acs:r_a", wire_types::ParticipantState::Connected);
    let bob = participant(BOB, "8:orgid:bob", wire_types::ParticipantState::Connected);
    model.apply(&snapshot(1, vec![own, bob]), &mut changes);
    let key = model.remote_participants().next().unwrap();
    let reason = Some(common::EndReason { code: 487, sub_code: 0, ..Default::default() });
    let removed = wire_types::ParticipantRemoved { participant_id: BOB.to_owned(), reason };
    changes.clear();
    model.apply(&event(2, Kind::ParticipantRemoved(removed)), &mut changes);
    assert_eq!(
        changes,
        [
            Change::ParticipantState(key, ParticipantState::Disconnected),
            Change::Roster { added: vec![], removed: vec![key] },
        ]
    );
    assert_eq!(model.remote_participants().count(), 0);
    assert_eq!(model.participant(key).unwrap().call_end_reason.as_ref().unwrap().code, 487);
}

#[test]
fn a_later_snapshot_converges_the_roster() {
    let mut model = model();
    let mut changes = Vec::new();
    let own = || participant(OWN, "8:acs:r_a", wire_types::ParticipantState::Connected);
    let bob = participant(BOB, "8:orgid:bob", wire_types::ParticipantState::Connected);
    model.apply(&snapshot(1, vec![own(), bob]), &mut changes);
    model.apply(&snapshot(9, vec![own()]), &mut changes);
    assert_eq!(model.remote_participants().count(), 0);
    assert_eq!(model.seq, 9);
}
