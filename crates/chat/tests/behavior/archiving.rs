//! A thread comes back from its archive as it was, and from nothing else.

use std::collections::BTreeMap;

use trunkline_chat::{
    ArchiveRecord, Change, ChatError, Command, Import, ImportError, Limits, Member, Message,
    MessageContent, MessageId, ThreadHeader, ThreadRecord,
};

use crate::scene::{Scene, user};

/// A thread in which everything has happened that leaves a trace.
fn lived_in() -> Scene {
    let mut scene = Scene::with(&["bob", "carol"]);
    let first = scene.send("alice", "<not markup> \u{1f6a2}\r\n");
    let second = scene.send_html("bob", "<b>bold</b><script>alert(1)</script>");
    let third = scene.send("bob", "gone soon");
    scene.edit("alice", first, "edited").unwrap();
    scene.delete("bob", third).unwrap();
    scene.remove("alice", "carol");
    scene.act("bob", Command::SendReadReceipt { message_id: second }).unwrap();
    scene
}

fn archive(scene: &Scene) -> Vec<ArchiveRecord> {
    let record = scene.thread.record();
    let mut records = vec![ArchiveRecord::Thread(record.header())];
    records.extend(record.members.values().cloned().map(ArchiveRecord::Member));
    records.extend(record.receipts.values().cloned().map(ArchiveRecord::Receipt));
    records.extend(scene.messages.values().cloned().map(ArchiveRecord::Message));
    records
}

/// What a store has once every change is applied.
fn restore(
    records: Vec<ArchiveRecord>,
) -> Result<(ThreadRecord, BTreeMap<MessageId, Message>), ImportError> {
    let mut records = records.into_iter();
    let Some(ArchiveRecord::Thread(header)) = records.next() else { panic!("no thread first") };
    let mut import = Import::begin(header, Limits::default())?;
    let mut changes = Vec::new();
    for record in records {
        changes.extend(import.take(record)?);
    }
    assert!(changes.iter().all(|change| matches!(change, Change::PutMessage(_))));
    changes.extend(import.finish()?);
    let (mut header, mut members, mut receipts) = (None, Vec::new(), Vec::new());
    let mut messages = BTreeMap::new();
    for change in changes {
        match change {
            Change::PutMember(member) => members.push(member),
            Change::PutMessage(message) => drop(messages.insert(message.id, message)),
            Change::PutReceipt(receipt) => receipts.push(receipt),
            Change::PutThread(thread) => header = Some(thread),
            Change::AdvanceThread(_) | Change::DeleteThread(_) | Change::RemoveMember(_) => {
                panic!("an import only puts: {change:?}")
            }
        }
    }
    Ok((header.expect("a thread").into_record(members, receipts), messages))
}

#[test]
fn a_thread_comes_back_as_it_was() {
    let scene = lived_in();
    let (record, messages) = restore(archive(&scene)).unwrap();
    assert_eq!(record, *scene.thread.record());
    assert_eq!(messages, scene.messages);
}

#[test]
fn records_come_back_from_their_lines_byte_for_byte() {
    for record in archive(&lived_in()) {
        let line = serde_json::to_string(&record).unwrap();
        let read: ArchiveRecord = serde_json::from_str(&line).unwrap();
        assert_eq!(read, record);
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }
}

#[test]
fn an_archive_that_is_cut_or_shuffled_restores_nothing() {
    let scene = lived_in();
    let mut cut = archive(&scene);
    cut.pop();
    let expected = scene.messages.len() as u64;
    let incomplete = ImportError::Incomplete { expected, found: expected - 1 };
    assert_eq!(restore(cut), Err(incomplete));

    let mut shuffled = archive(&scene);
    let last = shuffled.len() - 1;
    shuffled.swap(last, last - 1);
    assert!(matches!(restore(shuffled), Err(ImportError::OutOfOrder { .. })));

    let mut endless = archive(&scene);
    let Some(ArchiveRecord::Message(message)) = endless.last_mut() else { panic!("a message") };
    message.id = MessageId::from_millis(u64::MAX);
    message.version = message.id;
    assert_eq!(
        restore(endless),
        Err(ImportError::NoTime { message_id: MessageId::from_millis(u64::MAX) })
    );

    let mut twice = archive(&scene);
    twice.push(twice[0].clone());
    assert_eq!(restore(twice), Err(ImportError::SecondThread));
}

#[test]
fn markup_of_an_archive_is_cleaned() {
    let scene = lived_in();
    let mut records = archive(&scene);
    for record in &mut records {
        if let ArchiveRecord::Message(Message { content: MessageContent::Html(html), .. }) = record
        {
            html.push_str("<img src=x onerror=alert(1)>");
        }
    }
    let (_, messages) = restore(records).unwrap();
    assert_eq!(messages, scene.messages);
}

#[test]
fn counters_and_members_that_cannot_be_are_refused() {
    let scene = lived_in();
    let header = |change: fn(&mut ThreadHeader)| {
        let mut records = archive(&scene);
        if let ArchiveRecord::Thread(header) = &mut records[0] {
            change(header);
        }
        restore(records)
    };
    let (record, messages) =
        header(|header| header.last_version = MessageId::from_millis(1)).unwrap();
    let newest = messages.values().map(|message| message.version).max();
    assert_eq!(Some(record.last_version), newest, "the next version must be newer than any");
    let deleted = header(|header| header.deleted_on = Some(header.created_on));
    assert_eq!(deleted, Err(ImportError::Refused(ChatError::ThreadDeleted)));

    let mut phone = archive(&scene);
    if let ArchiveRecord::Member(Member { identifier, .. }) = &mut phone[1] {
        *identifier = "4:+14255550100".parse().unwrap();
    }
    assert!(matches!(restore(phone), Err(ImportError::NotMember { .. })));
}

#[test]
fn an_import_continues_its_own_part_only() {
    let scene = lived_in();
    let header = scene.thread.record().header();
    let import = Import::begin(header.clone(), Limits::default()).unwrap();
    assert!(import.continues(&header.clone().into_record([], [])));
    assert!(!import.continues(scene.thread.record()), "it has members");
    let other = ThreadHeader { next_sequence: header.next_sequence + 1, ..header };
    assert!(!import.continues(&other.into_record([], [])), "it goes further");
}

#[test]
fn debug_shows_nobody_and_nothing_said() {
    let scene = lived_in();
    let shown = format!("{:?}", archive(&scene));
    assert!(!shown.contains("edited\"") && !shown.contains("bold"), "{shown}");
    assert!(!shown.contains(&user("alice").to_string()), "{shown}");
}
