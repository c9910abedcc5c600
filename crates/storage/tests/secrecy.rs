//! What the files of a store give away without its key: no code of a meeting.

#[allow(dead_code, reason = "the contract uses all of it")]
#[path = "contract/scene.rs"]
mod scene;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::Path,
};

use scene::{thread_id, user};
use trunkline_clock::VirtualClock;
use trunkline_ids::{
    JoinCode, JoinMeetingId, MeetingCoordinates, MeetingId, OrganizerId, Passcode,
};
use trunkline_interop::{
    Meeting, MeetingConfig, MeetingRecord, MeetingSettings, NewMeeting, Schedule,
};
use trunkline_storage::{MeetingStore, SealingKey, SqliteOptions, SqliteStore, StoredMeeting};

#[tokio::test]
async fn no_file_holds_the_code_of_a_meeting() {
    let directory = tempfile::tempdir().unwrap();
    let key = SealingKey::from_bytes([7; SealingKey::BYTES]);
    let options = SqliteOptions::new(directory.path(), key);
    let store = SqliteStore::open(&options).unwrap();
    let mut codes = Vec::new();
    for number in 1..=50_u8 {
        for turn in [0, 1] {
            let code = JoinCode {
                id: JoinMeetingId::from_bytes([number, turn, 3, 4, 5, 6, 7, 8]),
                passcode: Passcode::from_bytes([number, turn, 30, 40, 50, 60, 70, 80]),
            };
            let record = record(number);
            store.put_meeting(StoredMeeting { record, code }).await.unwrap();
            codes.push(code);
        }
    }
    // While the log still has every version, and when it was copied into the database.
    let log = files(directory.path());
    assert!(log.iter().any(|(name, bytes)| name.ends_with("-wal") && bytes.len() > 10_000));
    drop(store);
    let closed = files(directory.path());
    assert!(closed.iter().any(|(name, bytes)| name == "store.db" && bytes.len() > 10_000));
    let found = |texts: &[&str]| -> usize {
        let files = log.iter().chain(&closed);
        files.map(|(_, bytes)| count(bytes, texts)).sum()
    };
    // What is not secret is there: the search does find.
    assert!(found(&["Harbor"]) >= 100 && found(&["8:acs:contoso_alice"]) >= 100);
    let grouped: Vec<_> = codes.iter().map(|code| code.id.reveal_grouped()).collect();
    let ids: Vec<_> = codes.iter().map(|code| code.id.reveal()).collect();
    let passcodes: Vec<_> = codes.iter().map(|code| code.passcode.reveal()).collect();
    assert_eq!(found(&ids), 0, "ids");
    assert_eq!(found(&grouped.iter().map(String::as_str).collect::<Vec<_>>()), 0, "grouped ids");
    assert_eq!(found(&passcodes), 0, "passcodes");
    // They are there all the same, for who has the key.
    let store = SqliteStore::open(&options).unwrap();
    assert_eq!(store.join_codes(None, 99).await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_code_that_was_moved_to_another_meeting_does_not_open() {
    let directory = tempfile::tempdir().unwrap();
    let key = SealingKey::from_bytes([7; SealingKey::BYTES]);
    let options = SqliteOptions::new(directory.path(), key);
    let store = SqliteStore::open(&options).unwrap();
    for number in [1, 2] {
        let code = JoinCode {
            id: JoinMeetingId::from_bytes([number; 8]),
            passcode: Passcode::from_bytes([number; 8]),
        };
        store.put_meeting(StoredMeeting { record: record(number), code }).await.unwrap();
    }
    let path = store.path().to_owned();
    drop(store);
    let [own, other] = [1, 2].map(|number| record(number).id);
    let db = rusqlite::Connection::open(path).unwrap();
    let sql = "UPDATE meetings SET code = (SELECT code FROM meetings WHERE id = ?2) WHERE id = ?1";
    assert_eq!(db.execute(sql, [own.as_str(), other.as_str()]).unwrap(), 1);
    drop(db);
    let store = SqliteStore::open(&options).unwrap();
    let refused = store.meeting(&own).await.unwrap_err();
    assert_eq!(refused.to_string(), "cannot read a stored join code");
    assert!(store.meeting(&other).await.unwrap().is_some());
}

fn record(number: u8) -> MeetingRecord {
    let organizer = user("alice");
    let new = NewMeeting {
        id: MeetingId::from_uuid_bytes([number; 16]),
        coordinates: MeetingCoordinates {
            thread_id: thread_id("harbor"),
            organizer_id: OrganizerId::of(&organizer).unwrap(),
            tenant_id: "contoso".parse().unwrap(),
            message_id: number.to_string().parse().unwrap(),
        },
        subject: Some("Harbor".to_owned()),
        schedule: Schedule::MeetNow,
        is_channel: false,
        code: JoinCode {
            id: JoinMeetingId::from_bytes([0; 8]),
            passcode: Passcode::from_bytes([0; 8]),
        },
        settings: MeetingSettings::default(),
        roles: BTreeMap::new(),
        invited: BTreeSet::new(),
        thread_members: [organizer.clone()].into(),
        config: MeetingConfig::default(),
        organizer,
    };
    Meeting::create(VirtualClock::default().now(), new).unwrap().record()
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// Counts where any of some texts, all of one length, is in a file.
fn count(bytes: &[u8], texts: &[&str]) -> usize {
    let wanted: HashSet<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    bytes.windows(texts[0].len()).filter(|window| wanted.contains(window)).count()
}
