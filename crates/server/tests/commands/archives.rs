//! Threads move between exchanges byte for byte.

use crate::scene::Scene;

const TEXT: &str = "caf\u{e9} \u{1f6a2} <b>not markup</b>\r\n\tand \"quotes\"";

/// Alice and Bob have talked.
fn talked(scene: &Scene) -> String {
    let thread = scene.text(&["chat", "new", "harbor", "--with", "bob", "--as", "alice"]);
    let said = scene.feed(&["chat", "send", &thread, "-", "--as", "alice"], TEXT.as_bytes());
    assert_eq!(said.code, 0, "{said:?}");
    let html = "<p>ja <script>alert(1)</script></p>";
    scene.text(&["chat", "send", &thread, html, "--html", "--as", "bob", "--name", "Bob"]);
    for number in 0..3 {
        scene.text(&["chat", "send", &thread, &format!("{number}"), "--as", "bob"]);
    }
    thread
}

#[test]
fn an_archive_comes_back_byte_for_byte_in_another_exchange() {
    let (here, there) = (Scene::start(), Scene::start());
    let thread = talked(&here);
    let archive = here.run(&["chat", "export", &thread]);
    assert_eq!(archive.code, 0, "{archive:?}");
    // The thread, two members, two system messages and five of theirs.
    assert_eq!(archive.stdout.lines().count(), 1 + 2 + 2 + 5, "{}", archive.stdout);
    assert!(!archive.stdout.contains("script"), "{}", archive.stdout);

    let file = here.file("thread.jsonl");
    let out = here.json(&["chat", "export", &thread, "--out", &file]);
    assert_eq!((&out[0]["threads"], &out[0]["messages"]), (&1.into(), &7.into()));
    let imported = there.json(&["chat", "import", &file]);
    assert_eq!(imported[0]["threadId"], thread.as_str());
    assert_eq!((&imported[0]["members"], &imported[0]["messages"]), (&2.into(), &7.into()));
    assert_eq!(there.run(&["chat", "export", &thread]).stdout, archive.stdout);

    // The thread goes on where it was.
    there.text(&["chat", "send", &thread, "still here", "--as", "bob"]);
    let longer = there.run(&["chat", "export", &thread]).stdout;
    assert_eq!(longer.lines().count(), archive.stdout.lines().count() + 1);
}

#[test]
fn a_thread_that_is_there_is_not_imported_over() {
    let scene = Scene::start();
    let thread = talked(&scene);
    let archive = scene.run(&["chat", "export", &thread]).stdout;
    let refused = scene.feed(&["chat", "import", "-"], archive.as_bytes());
    assert_eq!(refused.code, 4, "{refused:?}");
}

#[test]
fn an_import_that_broke_off_is_seen_by_nobody_and_completed_later() {
    let (here, there) = (Scene::start(), Scene::start());
    let thread = talked(&here);
    let archive = here.run(&["chat", "export", &thread]).stdout;
    let cut = archive.trim_end().rsplit_once('\n').unwrap().0;
    let refused = there.feed(&["chat", "import", "-"], format!("{cut}\n").as_bytes());
    assert_eq!(refused.code, 2, "{refused:?}");
    let unseen = there.run(&["chat", "send", &thread, "anybody?", "--as", "bob"]);
    assert_eq!(unseen.code, 5, "{unseen:?}");

    let completed = there.feed(&["chat", "import", "-"], archive.as_bytes());
    assert_eq!(completed.code, 0, "{completed:?}");
    assert_eq!(there.run(&["chat", "export", &thread]).stdout, archive);
    there.text(&["chat", "send", &thread, "somebody", "--as", "bob"]);
}

#[test]
fn all_threads_of_somebody_go_into_one_archive() {
    let (here, there) = (Scene::start(), Scene::start());
    let threads = [talked(&here), talked(&here)];
    let archive = here.run(&["chat", "export", "--as", "bob"]).stdout;
    let imported = there.feed(&["chat", "import", "-", "--json"], archive.as_bytes());
    assert_eq!(imported.code, 0, "{imported:?}");
    assert_eq!(imported.stdout.lines().count(), threads.len());
    assert_eq!(there.run(&["chat", "export", "--as", "bob"]).stdout, archive);
}

#[test]
fn what_is_no_archive_is_refused_with_its_line() {
    let scene = Scene::start();
    let refused = scene.feed(&["chat", "import", "-"], b"{\"what\":1}\n");
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("line 1 of the archive"), "{refused:?}");
}
