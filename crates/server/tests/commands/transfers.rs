//! Transfers of a call: the command waits for the outcome, and its exit code tells it.

use crate::person::{LIMIT, Person, connected, until};
use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mid7_a_transfer_waits_for_its_outcome_and_the_exit_code_tells_it() {
    let scene = Scene::start();
    let mut alice = Person::new(&scene, "alice").await;
    let bob = Person::new(&scene, "bob").await.awaits(true).await;
    let call = alice.places("bob").await;
    tokio::time::timeout(LIMIT, bob).await.unwrap().unwrap();
    let connected = |who: &str| connected(&scene, &call, who);
    until(|| connected("bob").len() == 2);

    let charlie = Person::new(&scene, "charlie").await.awaits(true).await;
    let text = scene.text(&["call", "transfer", &call, "charlie"]);
    assert_eq!(text, "charlie has taken over the call");
    tokio::time::timeout(LIMIT, charlie).await.unwrap().unwrap();
    until(|| connected("bob") == ["Bob Baker", "Charlie Cole"]);
    assert!(scene.json(&["call", "list", "--as", "alice"]).is_empty());

    let dan = Person::new(&scene, "dan").await.awaits(false).await;
    let declined = scene.run(&["call", "transfer", &call, "dan", "--as", "bob"]);
    tokio::time::timeout(LIMIT, dan).await.unwrap().unwrap();
    assert_eq!((declined.code, declined.stdout.as_str()), (4, ""));
    assert!(declined.stderr.contains("603/0"), "{declined:?}");
    assert_eq!(connected("bob"), ["Bob Baker", "Charlie Cole"]);

    // Whoever is in no call hands none over, and nobody hands over to somebody who is there.
    let foreign = scene.run(&["call", "transfer", &call, "bob", "--as", "dan"]);
    assert_eq!(foreign.code, 5, "{foreign:?}");
    let present = scene.run(&["call", "transfer", &call, "charlie", "--as", "bob"]);
    assert_eq!(present.code, 4, "{present:?}");

    // Named by whom it is handed over, and told to a program.
    let dan = Person::new(&scene, "dan").await.awaits(true).await;
    let named = ["call", "transfer", &call, "dan", "--transferee", "charlie", "--as", "bob"];
    let told = scene.json(&named);
    assert_eq!(told[0]["state"], "TRANSFER_STATE_ACCEPTED", "{told:?}");
    tokio::time::timeout(LIMIT, dan).await.unwrap().unwrap();
    until(|| connected("charlie") == ["Charlie Cole", "Dan Drake"]);
}
