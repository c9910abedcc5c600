//! Laws that hold for every sequence of inputs under every clock, checked on random ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use trunkline_chat::{
    Change, ChatEvent, ChatEventKind, Command, Limits, Member, MessageId, MetadataPatch,
    NewContent, NewMember, RetentionPolicy, Thread, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;

use crate::scene::{Scene, denied, display, id, say, user};

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// One step of a random life.
#[derive(Clone, Debug)]
enum Step {
    /// Who does what to whom.
    Act(usize, usize, u8),
    /// The wall clock is set, to anything between the years 68 and 9892.
    Jump(i64),
    /// Time passes, in milliseconds.
    Pass(u64),
    /// The process dies and comes back.
    Restore,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..5_usize, 0..5_usize, 0..24_u8).prop_map(|(who, whom, what)| Step::Act(who, whom, what)),
        2 => prop_oneof![-60_000_000_000_000_000..250_000_000_000_000_000_i64, 1_767_000_000_000_000..1_768_000_000_000_000_i64]
            .prop_map(Step::Jump),
        3 => (0..40_000_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Restore),
    ];
    proptest::collection::vec(step, 0..80)
}

fn command(scene: &Scene, whom: usize, what: u8) -> Command {
    let name = NAMES[whom];
    let new = NewMember::new(user(name));
    let nth = scene.messages.values().nth(whom * 7 % scene.messages.len()).unwrap().clone();
    let phone = NewMember::new(id("4:+14255550100"));
    match what {
        0 | 1 => Command::AddMembers { members: vec![new] },
        2 => Command::AddMembers { members: vec![phone, denied("frank"), new] },
        3 => Command::AddMembers {
            members: vec![NewMember {
                display_name: display(name),
                share_history_time: Some(Timestamp::UNIX_EPOCH),
                ..new
            }],
        },
        4 => Command::AddMembers { members: NAMES.map(|name| NewMember::new(user(name))).to_vec() },
        5 | 6 => Command::RemoveMember { identifier: user(name) },
        7 | 8 => Command::DeleteMessage { message: nth },
        9 | 10 => Command::EditMessage {
            message: nth,
            content: Some("edited".to_owned()),
            metadata: MetadataPatch::Keep,
        },
        11 => Command::SendReadReceipt { message_id: nth.id },
        12 => Command::SendReadReceipt { message_id: MessageId::from_millis(u64::from(what)) },
        13 => Command::SendTyping { sender_display_name: None },
        14 => Command::UpdateThread {
            topic: Some(name.to_owned()),
            metadata: MetadataPatch::Keep,
            retention: Some(RetentionPolicy::ThreadCreationDate { delete_thread_after_days: 30 }),
        },
        15 => Command::UpdateThread {
            topic: None,
            metadata: MetadataPatch::Merge([(name.to_owned(), Some(String::new()))].into()),
            retention: Some(RetentionPolicy::None),
        },
        16 => Command::AddMembers { members: vec![denied("frank")] },
        17 if whom == 0 => Command::DeleteThread,
        18 => say(NewContent::Html("<b onclick=x>hi</b>".to_owned())),
        _ => say(NewContent::Text(name.to_owned())),
    }
}

/// Lives a life; the scene itself checks that changes give the record and that refusals do nothing.
fn live(steps: Vec<Step>) -> Scene {
    let mut scene = Scene::with(&["bob"]);
    for step in steps {
        match step {
            Step::Act(who, whom, what) => {
                let before = scene.thread.record().members.keys().cloned().collect();
                let events = scene.events.len();
                let command = command(&scene, whom, what);
                let _ = scene.act(NAMES[who], command);
                check_recipients(&scene, &before, events);
            }
            Step::Jump(micros) => scene.clock.set_wall(Timestamp::from_unix_micros(micros)),
            Step::Pass(millis) => scene.pass(Duration::from_millis(millis)),
            Step::Restore => {
                scene.thread = Thread::restore(through_json(&scene.stored), Limits::default());
            }
        }
    }
    scene
}

/// Nobody is told but those who are members, or were until this.
fn check_recipients(scene: &Scene, before: &BTreeSet<CommunicationIdentifier>, from: usize) {
    let members = &scene.thread.record().members;
    for event in &scene.events[from..] {
        let told: BTreeSet<_> = event.recipients.iter().collect();
        assert_eq!(told.len(), event.recipients.len(), "nobody is told twice");
        assert!(told.contains(&event.actor), "the actor is told");
        let is_removal = matches!(event.kind, ChatEventKind::ParticipantsRemoved { .. });
        for one in told {
            assert!(members.contains_key(one) || is_removal && before.contains(one));
        }
        if let ChatEventKind::MessageDeleted(message)
        | ChatEventKind::MessageEdited(message)
        | ChatEventKind::MessageReceived(message) = &event.kind
        {
            for one in &event.recipients {
                assert!(message.is_visible_to(&members[one]), "told what it must not see");
            }
        }
    }
}

/// The roster and the properties of a thread, as somebody knows them who was told every event.
fn fold(events: &[ChatEvent]) -> (ThreadHeader, BTreeMap<CommunicationIdentifier, Member>) {
    let (mut header, mut roster) = (None, BTreeMap::new());
    for event in events {
        match &event.kind {
            ChatEventKind::ThreadCreated { thread, members } => {
                header = Some(thread.clone());
                roster.extend(members.iter().map(|one| (one.identifier.clone(), one.clone())));
            }
            ChatEventKind::ThreadPropertiesUpdated { thread } => header = Some(thread.clone()),
            ChatEventKind::ParticipantsAdded { added } => {
                roster.extend(added.iter().map(|one| (one.identifier.clone(), one.clone())));
            }
            ChatEventKind::ParticipantsRemoved { removed } => {
                for one in removed {
                    assert_eq!(roster.remove(&one.identifier).as_ref(), Some(one));
                }
            }
            ChatEventKind::ThreadDeleted { .. } => {
                header.as_mut().unwrap().deleted_on = Some(event.time);
            }
            ChatEventKind::MessageDeleted(_)
            | ChatEventKind::MessageEdited(_)
            | ChatEventKind::MessageReceived(_)
            | ChatEventKind::ReadReceiptSent { .. }
            | ChatEventKind::TypingStarted { .. } => {}
        }
    }
    (header.unwrap(), roster)
}

fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sequence_numbers_have_no_gap_and_order_ids_and_times(steps in steps()) {
        let scene = live(steps);
        let mut by_sequence: Vec<_> = scene.messages.values().collect();
        by_sequence.sort_by_key(|message| message.sequence);
        for (message, expected) in by_sequence.iter().zip(1_u64..) {
            prop_assert_eq!(message.sequence, expected);
            prop_assert!(message.version >= message.id);
            prop_assert!(message.version <= scene.stored.last_version);
        }
        for pair in by_sequence.windows(2) {
            prop_assert!(pair[0].id < pair[1].id);
            prop_assert!(pair[0].created_on < pair[1].created_on);
        }
        prop_assert_eq!(scene.stored.next_sequence, by_sequence.len() as u64 + 1);
    }

    #[test]
    fn versions_of_durable_events_rise_under_any_clock(steps in steps()) {
        let scene = live(steps);
        let durable: Vec<_> = scene.events.iter().filter(|event| event.kind.is_durable()).collect();
        for pair in durable.windows(2) {
            prop_assert!(pair[0].version < pair[1].version);
            prop_assert!(pair[0].time <= pair[1].time);
        }
        let created = matches!(durable[0].kind, ChatEventKind::ThreadCreated { .. });
        prop_assert!(created, "a thread begins with its creation");
        let ended = durable.iter().position(|event| {
            matches!(event.kind, ChatEventKind::ThreadDeleted { .. })
        });
        prop_assert!(ended.is_none_or(|at| at == durable.len() - 1), "nothing follows the deletion");
    }

    #[test]
    fn the_roster_is_what_the_events_say(steps in steps()) {
        let scene = live(steps);
        let (header, roster) = fold(&scene.events);
        let record = scene.thread.record();
        prop_assert_eq!(&roster, &record.members);
        prop_assert_eq!(header.topic, record.topic.clone());
        prop_assert_eq!(header.metadata, record.metadata.clone());
        prop_assert_eq!(header.retention, record.retention);
        prop_assert_eq!(header.deleted_on, record.deleted_on);
    }

    #[test]
    fn a_member_has_one_receipt_at_most_and_it_never_goes_back(steps in steps()) {
        let scene = live(steps);
        let mut last = BTreeMap::new();
        for event in &scene.events {
            if let ChatEventKind::ParticipantsRemoved { removed } = &event.kind {
                for one in removed {
                    last.remove(&one.identifier);
                }
            }
            if let ChatEventKind::ReadReceiptSent { receipt } = &event.kind {
                let before = last.insert(receipt.reader.clone(), receipt.clone());
                prop_assert!(before.is_none_or(|before| before.message_id < receipt.message_id));
            }
        }
        prop_assert_eq!(&last, &scene.thread.record().receipts);
    }

    #[test]
    fn what_is_stored_and_told_survives_json(steps in steps()) {
        let scene = live(steps);
        for event in &scene.events {
            prop_assert_eq!(&through_json(event), event);
        }
        for change in &scene.changes {
            prop_assert_eq!(&through_json::<Change>(change), change);
        }
        let record = scene.thread.record();
        prop_assert_eq!(&through_json(record), record);
        let (members, receipts) = (record.members.clone(), record.receipts.clone());
        let again = record.header().into_record(members.into_values(), receipts.into_values());
        prop_assert_eq!(&again, record);
    }

    #[test]
    fn message_ids_round_trip(millis: u64) {
        let message_id = MessageId::from_millis(millis);
        prop_assert_eq!(message_id.to_string().parse::<MessageId>(), Ok(message_id));
        prop_assert_eq!(serde_json::to_string(&message_id).unwrap(), format!("\"{millis}\""));
        prop_assert_eq!(through_json(&message_id), message_id);
    }

    #[test]
    fn any_text_is_a_message_id_or_is_refused(text in "[+-]?[0-9a ]{0,22}") {
        if let Ok(message_id) = text.parse::<MessageId>() {
            prop_assert_eq!(message_id.to_string(), text);
        }
    }
}
