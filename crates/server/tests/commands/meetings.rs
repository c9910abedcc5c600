//! Meetings as commands: made, shown, run and ended, in text and in JSON.

use serde_json::Value;

use crate::person::Person;
use crate::scene::Scene;

/// Makes a meeting of Alice and returns what the command says of it.
fn create(scene: &Scene) -> Value {
    let made = scene.json(&["meeting", "create", "--organizer", "alice", "Plans"]);
    assert_eq!(made.len(), 1, "{made:?}");
    made[0].clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[test]
fn a_meeting_is_made_shown_locked_and_ended() {
    let scene = Scene::start();
    let made = create(&scene);
    let (id, link) = (text(&made, "meetingId"), text(&made, "joinLink"));
    assert!(link.contains("/l/meetup-join/"), "{link}");
    let digits = text(&made["code"], "meetingId");
    for name in [id, link, digits] {
        let shown = scene.json(&["meeting", "show", name]);
        assert_eq!((text(&shown[0], "meetingId"), text(&shown[0], "subject")), (id, "Plans"));
    }
    let shown = scene.text(&["meeting", "show", id]);
    assert!(shown.starts_with("Plans ("), "{shown}");
    for line in [format!("link      {link}"), format!("id        {digits}")] {
        assert!(shown.contains(&line), "{line}: {shown}");
    }
    let listed = scene.text(&["meeting", "list", "--organizer", "alice"]);
    assert!(listed.contains("0 there, 0 waiting"), "{listed}");

    assert!(scene.text(&["meeting", "lock", id]).contains("\n  locked"));
    let explained = scene.text(&["meeting", "explain", id, "bob"]);
    assert!(explained.contains("by locked"), "{explained}");
    assert_eq!(scene.json(&["meeting", "unlock", id])[0]["isLocked"], false);
    let ended = scene.json(&["meeting", "end", id]);
    assert!(ended[0].get("endReason").is_some(), "{ended:?}");
    let again = scene.run(&["meeting", "end", id]);
    assert_eq!((again.code, again.stdout.as_str()), (4, ""), "{again:?}");
    assert!(scene.text(&["meeting", "show", id]).contains("\n  ended     "));

    let drawn = scene.text(&["meeting", "create", "--organizer", "alice"]);
    assert!(drawn.contains('█') || drawn.contains('▀'), "a QR code: {drawn}");
    let plain = scene.text(&["meeting", "create", "--organizer", "alice", "--no-qr"]);
    assert_eq!(plain.lines().count(), 4, "{plain}");
    let absent = "00000000-0000-4000-8000-000000000000";
    let failed = scene.run(&["meeting", "show", absent, "--json"]);
    assert_eq!(failed.code, 5, "{failed:?}");
    let nobody = scene.run(&["meeting", "create", "--organizer", "not a user"]);
    assert_ne!(nobody.code, 0, "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_admitted_or_rejected() {
    let scene = Scene::start();
    let made = scene.json(&["meeting", "create", "--organizer", "alice", "--lobby", "organizer"]);
    let (id, link) = (text(&made[0], "meetingId"), text(&made[0], "joinLink"));
    Person::new(&scene, "alice").await.joins(link).await;
    for alias in ["bob", "charlie", "dan"] {
        Person::new(&scene, alias).await.joins(link).await;
    }
    let seen = scene.text(&["meeting", "show", id]);
    assert_eq!(seen.matches("\n  waiting   ").count(), 3, "{seen}");
    let after = scene.text(&["meeting", "admit", id, "bob"]);
    assert!(after.contains("there     Bob Baker"), "{after}");
    let after = scene.json(&["meeting", "reject", id, "charlie"]);
    let attendees = after[0]["attendees"].as_array().unwrap();
    let mut names: Vec<_> = attendees.iter().map(|one| text(one, "displayName")).collect();
    names.sort_unstable();
    assert_eq!(names, ["Alice Archer", "Bob Baker", "Dan Drake"]);
    let waiting = attendees.iter().filter(|one| one["isWaiting"] == true).count();
    assert_eq!(waiting, 1, "{after:?}");
    // Whoever is not there can be neither.
    let absent = scene.run(&["meeting", "reject", id, "charlie"]);
    assert_ne!(absent.code, 0, "{absent:?}");
    assert_eq!(absent.stdout, "");
    // Without a name, everybody who waits.
    assert!(!scene.text(&["meeting", "admit", id]).contains("waiting"));
}

#[test]
fn settings_change_one_by_one() {
    let scene = Scene::start();
    let made = create(&scene);
    let id = text(&made, "meetingId");
    let at_first = scene.text(&["meeting", "settings", id]);
    let lines: Vec<Vec<&str>> =
        at_first.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        vec!["lobby", "organization"],
        vec!["present", "everyone"],
        vec!["unmute", "everyone"],
        vec!["video", "everyone"],
        vec!["share", "presenters"],
        vec!["react", "everyone"],
        vec!["phones-bypass", "false"],
        vec!["outsiders-may-start", "false"],
    ];
    assert_eq!(lines, expected);

    let changed = ["--lobby", "everyone", "--unmute", "hosts", "--present", "organizer"];
    let changed = scene.json(&[&["meeting", "settings", id], changed.as_slice()].concat());
    assert_eq!(changed[0]["lobbyBypass"], "LOBBY_BYPASS_EVERYONE");
    assert_eq!(changed[0]["unmuting"], "MEETING_PERMISSION_HOSTS");
    assert_eq!(changed[0]["allowedPresenters"], "ALLOWED_PRESENTERS_ORGANIZER");
    // What is not named stays, also what was changed before.
    let shared = scene.text(&["meeting", "settings", id, "--share", "everyone"]);
    let after = scene.text(&["meeting", "settings", id]);
    assert_eq!(shared, after);
    let outside = ["meeting", "settings", id, "--outsiders-may-start", "true"];
    let after = scene.text(&outside);
    for line in ["lobby                everyone", "unmute               hosts"] {
        assert!(after.contains(line), "{after}");
    }
    assert!(after.contains("share                everyone"), "{after}");
    assert!(after.ends_with("outsiders-may-start  true"), "{after}");
    let explained = scene.text(&["meeting", "explain", id, "8:teamsvisitor:somebody"]);
    assert!(explained.contains("enter"), "the lobby is open: {explained}");
    let wrong = scene.run(&["meeting", "settings", id, "--lobby", "nobody"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}
