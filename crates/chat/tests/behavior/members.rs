//! Members come and go.

use std::time::Duration;

use trunkline_chat::{
    ChatError, ChatEventKind, Command, DefaultHistory, Limits, MessageContent, MessageType,
    NewMember, Reply,
};
use trunkline_clock::Timestamp;

use crate::scene::{
    Scene, denial, denied, display, id, member, names_of, sharing_since, text, topic, user,
};

#[test]
fn whoever_comes_is_in_a_message_and_an_event_that_it_gets_too() {
    let mut scene = Scene::with(&["bob"]);
    assert_eq!(scene.add("bob", vec![member("carol")]), []);
    assert_eq!(scene.roster(), ["alice", "bob", "carol"]);
    let message = scene.by_sequence(3);
    let MessageContent::ParticipantAdded { participants, initiator } = &message.content else {
        panic!("{message:?}");
    };
    assert_eq!(participants.len(), 1);
    assert_eq!(*initiator, user("bob"));
    let event = scene.last_event();
    assert_eq!(names_of(&event.recipients), ["alice", "bob", "carol"]);
    assert_eq!(event.version, message.id);
    assert_eq!(event.kind, ChatEventKind::ParticipantsAdded { added: participants.clone() });
}

#[test]
fn whoever_comes_sees_nothing_from_before_unless_it_is_shared() {
    let mut scene = Scene::with(&[]);
    let before = scene.send("alice", "before");
    scene.pass(Duration::from_secs(1));
    let shared_from = scene.clock.now().wall;
    let shared = scene.send("alice", "shared");
    scene.add("alice", vec![member("bob"), sharing_since("carol", shared_from)]);
    scene.add("alice", vec![sharing_since("dave", Timestamp::UNIX_EPOCH)]);
    let sees = |name: &str| {
        let reader = scene.thread.reader(&user(name)).unwrap();
        [before, shared].map(|id| scene.message(id).is_visible_to(reader))
    };
    assert_eq!(sees("bob"), [false, false]);
    assert_eq!(sees("carol"), [false, true]);
    assert_eq!(sees("dave"), [true, true]);
}

#[test]
fn what_is_shown_by_default_is_for_those_who_join() {
    let whole =
        |name: &str| NewMember { default_history: DefaultHistory::FromBeginning, ..member(name) };
    let mut scene = Scene::with(&["bob"]);
    let before = scene.send("alice", "before");
    scene.pass(Duration::from_secs(1));
    let now = scene.clock.now().wall;
    let told = NewMember { share_history_time: Some(now), ..whole("dave") };
    scene.add("alice", vec![whole("carol"), told]);
    let shared =
        |scene: &Scene, name: &str| scene.thread.record().members[&user(name)].share_history_time;
    assert_eq!(shared(&scene, "carol"), Timestamp::UNIX_EPOCH);
    assert_eq!(shared(&scene, "dave"), now, "a time that is given counts");
    assert!(scene.message(before).is_visible_to(&scene.thread.record().members[&user("carol")]));

    let events = scene.events.len();
    let bobs = shared(&scene, "bob");
    scene.add("alice", vec![whole("bob"), whole("dave")]);
    assert_eq!((shared(&scene, "bob"), shared(&scene, "dave")), (bobs, now), "members keep theirs");
    assert_eq!(scene.events.len(), events);
    scene.remove("alice", "dave");
    scene.add("alice", vec![whole("dave")]);
    assert_eq!(shared(&scene, "dave"), Timestamp::UNIX_EPOCH, "who comes back joins");
}

#[test]
fn nobody_sees_the_past_because_the_clock_went_back() {
    let mut scene = Scene::with(&[]);
    scene.pass(Duration::from_secs(3_600));
    let before = scene.send("alice", "before");
    scene.clock.set_wall(Timestamp::from_unix_seconds(1_000_000_000));
    scene.add("alice", vec![member("bob")]);
    let after = scene.send("alice", "after");
    let bob = scene.thread.reader(&user("bob")).unwrap();
    assert!(!scene.message(before).is_visible_to(bob));
    assert!(scene.message(after).is_visible_to(bob));
}

#[test]
fn adding_a_member_again_changes_what_is_known_of_it_without_a_message() {
    let mut scene = Scene::with(&["bob"]);
    scene.pass(Duration::from_secs(1));
    let again = NewMember {
        display_name: display("Bob"),
        share_history_time: Some(Timestamp::UNIX_EPOCH),
        metadata: [("team".to_owned(), "blue".to_owned())].into(),
        ..member("bob")
    };
    assert_eq!(scene.add("alice", vec![again.clone()]), []);
    let bob = scene.thread.record().members[&user("bob")].clone();
    assert_eq!(bob.display_name, again.display_name);
    assert_eq!(bob.share_history_time, Timestamp::UNIX_EPOCH);
    assert_eq!(bob.metadata, again.metadata);
    assert_eq!(bob.joined_on, scene.thread.record().created_on);
    assert_eq!(scene.messages.len(), 2);
    assert_eq!(*scene.last_kind(), ChatEventKind::ParticipantsAdded { added: vec![bob.clone()] });

    let events = scene.events.len();
    assert_eq!(scene.add("alice", vec![again, member("bob")]), []);
    assert_eq!(scene.events.len(), events, "nothing changed, so nobody is told");
    assert_eq!(scene.thread.record().members[&user("bob")], bob);
}

#[test]
fn whoever_is_named_twice_comes_once_as_named_last() {
    let mut scene = Scene::with(&[]);
    let named = NewMember { display_name: display("Bob"), ..member("bob") };
    scene.add("alice", vec![member("bob"), named]);
    assert_eq!(scene.thread.record().members[&user("bob")].display_name, display("Bob"));
    let MessageContent::ParticipantAdded { participants, .. } = &scene.by_sequence(3).content
    else {
        panic!("no participantAdded");
    };
    assert_eq!(participants.len(), 1);
}

#[test]
fn those_who_cannot_come_are_reported_and_the_others_come() {
    let mut scene = Scene::with(&[]);
    let phone = NewMember::new(id("4:+14255550100"));
    let invalid = scene.add("alice", vec![phone, denied("dana"), member("bob")]);
    let codes: Vec<_> = invalid.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["400", "403"]);
    assert_eq!(scene.roster(), ["alice", "bob"]);
}

#[test]
fn adding_only_a_phone_adds_nobody_and_tells_nobody() {
    let mut scene = Scene::with(&[]);
    let events = scene.events.len();
    let invalid = scene.add("alice", vec![NewMember::new(id("4:+14255550100"))]);
    assert_eq!(invalid.len(), 1);
    assert_eq!((scene.events.len(), scene.messages.len()), (events, 2));
}

#[test]
fn adding_only_those_who_are_denied_is_refused() {
    let mut scene = Scene::with(&["bob"]);
    for members in [vec![denied("dana")], vec![denied("dana"), member("alice")]] {
        let refused = scene.act("alice", Command::AddMembers { members });
        assert_eq!(refused, Err(ChatError::EveryMemberDenied(denial())));
    }
    assert_eq!(scene.roster(), ["alice", "bob"]);
}

#[test]
fn adding_nobody_does_nothing() {
    let mut scene = Scene::with(&[]);
    assert_eq!(scene.add("alice", vec![]), []);
    assert_eq!(scene.events.len(), 1);
}

#[test]
fn whoever_is_removed_is_told_and_then_gone() {
    let mut scene = Scene::with(&["bob", "carol"]);
    let sent = scene.send("alice", "ahoy");
    let receipt = Command::SendReadReceipt { message_id: sent };
    assert_eq!(scene.act("carol", receipt.clone()), Ok(Reply::Done));
    let carol = scene.thread.record().members[&user("carol")].clone();
    scene.remove("bob", "carol");
    assert_eq!(scene.roster(), ["alice", "bob"]);
    let event = scene.last_event();
    assert_eq!(names_of(&event.recipients), ["alice", "bob", "carol"]);
    assert_eq!(event.actor, user("bob"));
    assert_eq!(event.kind, ChatEventKind::ParticipantsRemoved { removed: vec![carol] });
    assert_eq!(scene.by_sequence(4).content.message_type(), MessageType::ParticipantRemoved);
    assert!(scene.thread.record().receipts.is_empty());
    assert_eq!(scene.act("carol", receipt), Err(ChatError::NotMember));

    scene.send("alice", "after");
    assert_eq!(names_of(&scene.last_event().recipients), ["alice", "bob"]);
}

#[test]
fn members_may_leave_and_the_last_one_leaves_the_thread_empty() {
    let mut scene = Scene::with(&["bob"]);
    scene.remove("bob", "bob");
    scene.remove("alice", "alice");
    assert_eq!(scene.roster(), Vec::<String>::new());
    assert_eq!(scene.act("alice", text("anybody?")), Err(ChatError::NotMember));
}

#[test]
fn events_name_the_actor_as_the_thread_knows_it() {
    let mut scene = Scene::with(&[]);
    let named = |name: &str| NewMember { display_name: display(name), ..member(name) };
    scene.add("alice", vec![named("bob"), member("carol")]);
    assert_eq!(scene.last_event().actor_display_name, None, "alice has no name here");
    scene.send("bob", "ahoy");
    assert_eq!(scene.last_event().actor_display_name, display("bob"));
    scene.remove("bob", "carol");
    assert_eq!(scene.last_event().actor_display_name, display("bob"));
    scene.remove("bob", "bob");
    assert_eq!(scene.last_event().actor_display_name, display("bob"), "as it was known");
    scene.act("alice", topic("later")).unwrap();
    assert_eq!(scene.last_event().actor_display_name, None);
}

#[test]
fn removing_somebody_who_is_not_there_is_done_already() {
    let mut scene = Scene::with(&["bob"]);
    let events = scene.events.len();
    scene.remove("alice", "mallory");
    scene.remove("bob", "bob");
    scene.remove("alice", "bob");
    assert_eq!(scene.events.len(), events + 1);
}

#[test]
fn whoever_comes_back_sees_from_then_on() {
    let mut scene = Scene::with(&["bob"]);
    let own = scene.send("bob", "mine");
    scene.remove("alice", "bob");
    scene.pass(Duration::from_secs(1));
    scene.add("alice", vec![member("bob")]);
    let bob = scene.thread.reader(&user("bob")).unwrap();
    assert!(!scene.message(own).is_visible_to(bob));
    assert_eq!(scene.edit("bob", own, "?"), Err(ChatError::MessageNotFound { message_id: own }));
}

#[test]
fn two_hundred_and_fifty_members_fit_and_no_more() {
    let names: Vec<_> = (0..249).map(|n| format!("user{n}")).collect();
    let mut scene = Scene::with(&names[..199].iter().map(String::as_str).collect::<Vec<_>>());
    scene.add("alice", names[199..].iter().map(|name| member(name)).collect());
    assert_eq!(scene.thread.record().members.len(), 250);
    let one_more = Command::AddMembers { members: vec![member("late")] };
    let refused = scene.act("alice", one_more.clone());
    assert_eq!(refused, Err(ChatError::TooManyMembers { limit: 250, requested: 251 }));
    assert_eq!(scene.add("alice", vec![member("user0")]), [], "who is there takes no more room");
    scene.remove("alice", "user0");
    assert!(scene.act("alice", one_more).is_ok());
}

#[test]
fn limits_of_members_can_be_set() {
    let limits = Limits { members: 2, members_per_request: 3, ..Limits::default() };
    let mut scene = Scene::limited(&["bob"], limits);
    let named = |count: usize| (0..count).map(|n| member(&format!("user{n}"))).collect();
    let refused = scene.act("alice", Command::AddMembers { members: named(4) });
    assert_eq!(refused, Err(ChatError::TooManyMembersInRequest { limit: 3, requested: 4 }));
    let refused = scene.act("alice", Command::AddMembers { members: named(3) });
    assert_eq!(refused, Err(ChatError::TooManyMembers { limit: 2, requested: 5 }));
}
