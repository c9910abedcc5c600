//! Threads begin.

use trunkline_chat::{
    ChatError, ChatEventKind, CreateThread, CreateThreadError, Limits, MessageContent, MessageType,
    Metadata, NewMember, RetentionPolicy, Thread,
};
use trunkline_clock::{Timestamp, VirtualClock};

use crate::scene::{
    Scene, denial, denied, display, id, member, names_of, request, sharing_since, user,
};

#[test]
fn a_new_thread_says_who_is_in_it_and_then_what_it_is_about() {
    let scene = Scene::with(&["bob"]);
    let added = scene.by_sequence(1);
    let MessageContent::ParticipantAdded { participants, initiator } = &added.content else {
        panic!("{added:?}");
    };
    let who: Vec<_> = participants.iter().map(|member| member.identifier.clone()).collect();
    assert_eq!(names_of(&who), ["alice", "bob"]);
    assert_eq!(*initiator, user("alice"));
    assert_eq!(added.sender, None);
    let topic = scene.by_sequence(2);
    let expected =
        MessageContent::TopicUpdated { topic: "harbor".into(), initiator: user("alice") };
    assert_eq!(topic.content, expected);
    assert_eq!(scene.messages.len(), 2);
    assert_eq!(scene.thread.record().next_sequence, 3);
    assert!(added.id < topic.id);
}

#[test]
fn ids_of_messages_are_the_milliseconds_of_their_time() {
    let mut scene = Scene::with(&[]);
    scene.clock.set_wall(Timestamp::from_unix_micros(1_800_000_000_123_456));
    let sent = scene.send("alice", "ahoy");
    assert_eq!(sent.to_string(), "1800000000123");
    assert_eq!(scene.message(sent).created_on.as_unix_micros(), 1_800_000_000_123_456);
    assert_eq!(scene.message(sent).version, sent);
}

#[test]
fn everybody_is_told_of_the_thread_once_and_of_no_system_message() {
    let scene = Scene::with(&["bob", "carol"]);
    let [event] = &scene.events[..] else { panic!("{:?}", scene.events) };
    assert_eq!(names_of(&event.recipients), ["alice", "bob", "carol"]);
    assert_eq!(event.version, scene.thread.record().last_version);
    let ChatEventKind::ThreadCreated { thread, members } = &event.kind else {
        panic!("{event:?}");
    };
    assert_eq!(*thread, scene.thread.record().header());
    assert!(members.iter().eq(scene.thread.record().members.values()));
}

#[test]
fn the_creator_sees_everything_and_gets_its_name_from_the_list() {
    let named = NewMember { display_name: display("Alice"), ..member("alice") };
    let late = Timestamp::from_unix_seconds(4_000_000_000);
    let members = vec![NewMember { share_history_time: Some(late), ..named }];
    let (scene, invalid) =
        Scene::create(CreateThread { members, ..request("harbor") }, Limits::default()).unwrap();
    let alice = &scene.thread.record().members[&user("alice")];
    assert_eq!(alice.share_history_time, Timestamp::UNIX_EPOCH);
    assert_eq!(alice.display_name, display("Alice"));
    assert_eq!(invalid, []);
    assert_eq!(scene.roster(), ["alice"]);
}

#[test]
fn first_members_see_the_thread_from_its_first_message_on() {
    let scene = Scene::with(&["bob"]);
    let bob = &scene.thread.record().members[&user("bob")];
    assert_eq!(bob.share_history_time, scene.thread.record().created_on);
    assert_eq!(bob.joined_on, scene.thread.record().created_on);
    assert!(scene.by_sequence(1).is_visible_to(bob));
}

#[test]
fn a_thread_without_a_topic_begins_all_the_same() {
    let (scene, _) = Scene::create(request(""), Limits::default()).unwrap();
    assert_eq!(scene.by_sequence(2).content.message_type(), MessageType::TopicUpdated);
}

#[test]
fn phones_and_unknown_kinds_are_left_out_and_the_zero_directory_user_is_not() {
    let zero = "8:orgid:00000000-0000-0000-0000-000000000000";
    let bare = "00000000-0000-0000-0000-000000000000";
    let raw = [
        "4:+14255550100",
        "8:orgid:6b1f3a2e-0d55-4f0b-9a7e-3b6a3a8a1c11",
        "28:orgid:6b1f3a2e-0d55-4f0b-9a7e-3b6a3a8a1c12",
        "8:acs:contoso_tenant_extension",
        "8:teamsvisitor:0123456789abcdef",
        "something:else",
        zero,
        bare,
    ];
    let members = raw.map(|raw| NewMember::new(id(raw))).to_vec();
    let (scene, invalid) =
        Scene::create(CreateThread { members, ..request("harbor") }, Limits::default()).unwrap();
    let refused: Vec<_> =
        invalid.iter().map(|one| (one.identifier.to_string(), one.code.as_str())).collect();
    assert_eq!(
        refused,
        [("4:+14255550100".to_owned(), "400"), ("something:else".to_owned(), "400")]
    );
    assert!(invalid[0].message.contains("phoneNumber"));
    let record = scene.thread.record();
    assert_eq!(record.members.len(), 7);
    assert!(record.members.contains_key(&id(zero)));
    assert!(record.members.contains_key(&id(bare)));
}

#[test]
fn denied_members_are_left_out_while_others_remain() {
    let members = vec![denied("dana"), member("bob")];
    let (scene, invalid) =
        Scene::create(CreateThread { members, ..request("harbor") }, Limits::default()).unwrap();
    assert_eq!(scene.roster(), ["alice", "bob"]);
    let [dana] = &invalid[..] else { panic!("{invalid:?}") };
    assert_eq!(dana.identifier, user("dana"));
    assert_eq!((&dana.code, &dana.message), (&denial().code, &denial().message));
}

#[test]
fn a_thread_whose_every_other_member_is_denied_is_not_created() {
    let phone = NewMember::new(id("4:+14255550100"));
    for members in [
        vec![denied("dana")],
        vec![denied("dana"), denied("dave")],
        vec![member("alice"), denied("dana")],
        vec![phone, denied("dana")],
    ] {
        let refused =
            Scene::create(CreateThread { members, ..request("harbor") }, Limits::default());
        let error = refused.err().unwrap();
        let expected = CreateThreadError::Refused(ChatError::EveryMemberDenied(denial()));
        assert_eq!(error, expected);
        assert_eq!((error.status(), error.code()), (403, "403"));
        assert_eq!(error.to_string(), denial().message);
    }
}

#[test]
fn a_phone_cannot_create_a_thread() {
    let now = VirtualClock::default().now();
    let thread_id = "19:harbor@thread.v2".parse().unwrap();
    let phone = id("4:+14255550100");
    let error = Thread::create(now, thread_id, &phone, request("harbor"), Limits::default());
    let error = error.err().unwrap();
    assert_eq!((error.status(), error.code()), (403, "Forbidden"));
}

#[test]
fn metadata_and_retention_are_kept() {
    let asked = CreateThread {
        metadata: Metadata::from([("ship".to_owned(), "Anna".to_owned())]),
        retention: RetentionPolicy::ThreadCreationDate { delete_thread_after_days: 60 },
        ..request("harbor")
    };
    let (scene, _) = Scene::create(asked.clone(), Limits::default()).unwrap();
    let record = scene.thread.record();
    assert_eq!((&record.metadata, record.retention), (&asked.metadata, asked.retention));
}

#[test]
fn a_first_member_may_be_shown_less_than_everything() {
    let clock = VirtualClock::default();
    let later = clock.now().wall + std::time::Duration::from_secs(3_600);
    let members = vec![sharing_since("bob", later), sharing_since("carol", Timestamp::UNIX_EPOCH)];
    let (scene, _) =
        Scene::create(CreateThread { members, ..request("harbor") }, Limits::default()).unwrap();
    let record = scene.thread.record();
    let bob = &record.members[&user("bob")];
    assert_eq!(bob.share_history_time, bob.joined_on, "nobody is shown the future later");
    let carol = &record.members[&user("carol")];
    assert_eq!(carol.share_history_time, Timestamp::UNIX_EPOCH);
}
