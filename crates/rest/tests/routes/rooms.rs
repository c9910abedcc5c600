//! What is wrong with a room is said in the words of the documented service, which programs compare.

use serde_json::{Value, json};
use trunkline_clock::Timestamp;

use super::scene::{RESOURCE, Scene};

const MALFORMED: &str =
    "The request could not be understood by the server due to malformed syntax.";

async fn refused(scene: &Scene, method: &str, path: &str, body: &Value) -> Value {
    let answer = scene.signed(method, path).json(body).send().await;
    assert_eq!((answer.status, answer.code()), (400, "BadRequest"), "{answer:?}");
    answer.body["error"].clone()
}

#[tokio::test]
async fn a_time_that_cannot_be_is_in_the_details() {
    let scene = Scene::start().await;
    let now = scene.node.clock().wall().as_unix_seconds();
    let day = |after: i64| Timestamp::from_unix_seconds(now + after * 86_400).to_string();
    let room = scene.signed("POST", "/rooms").json(&json!({})).send().await.ok(201);
    let path = format!("/rooms/{}", room["id"].as_str().unwrap());
    for (from, until, target, message) in [
        (-3, -1, "ValidUntil", "The time range end is in the past."),
        (1, 210, "ValidUntil", "The time range is incorrect, or larger than 180 days."),
        (9, 8, "ValidUntil", "The time range is incorrect, or larger than 180 days."),
        (190, 191, "ValidFrom", "Value is incorrect or more than 180 days in the future."),
    ] {
        let body = json!({"validFrom": day(from), "validUntil": day(until)});
        for (method, path) in [("POST", "/rooms"), ("PATCH", path.as_str())] {
            let expected = json!({
                "code": "BadRequest", "message": MALFORMED,
                "details": [{"code": "BadArgument", "message": message, "target": target}],
            });
            assert_eq!(refused(&scene, method, path, &body).await, expected, "{method} {body}");
        }
    }
}

#[tokio::test]
async fn a_participant_that_cannot_be_is_named_as_there() {
    let scene = Scene::start().await;
    let kim = format!("8:acs:{RESOURCE}_kim");
    let room = scene.signed("POST", "/rooms").json(&json!({})).send().await.ok(201);
    let roster = format!("/rooms/{}/participants", room["id"].as_str().unwrap());
    for raw_id in ["wrong_mri", "acs:8-invalidMRI", "8:acs:x", "4:+14255550100"] {
        for properties in [json!({"role": "Attendee"}), json!({}), json!(null)] {
            let body = json!({"participants": {raw_id: properties}});
            let error = refused(&scene, "POST", "/rooms", &body).await;
            let message = "Invalid format for communication identifier.";
            assert_eq!(error, json!({"code": "BadRequest", "message": message}), "{raw_id}");
            let error = refused(&scene, "PATCH", &roster, &body).await;
            let message = "Invalid value for the Participants.";
            assert_eq!(error, json!({"code": "BadRequest", "message": message}), "{raw_id}");
        }
    }
    let body = json!({"participants": {kim: {"role": "Kafka"}}});
    for (method, path) in [("POST", "/rooms"), ("PATCH", roster.as_str())] {
        let error = refused(&scene, method, path, &body).await;
        assert_eq!(error["message"], "Invalid value for the Participants.");
        // What the service leaves out, which roles there are, is in the details.
        assert!(error["details"][0]["message"].as_str().unwrap().contains("Presenter"), "{error}");
    }
}

#[tokio::test]
async fn a_roster_is_in_the_order_of_the_requests() {
    let scene = Scene::start().await;
    let user = |name: &str| format!("8:acs:{RESOURCE}_{name}");
    let participants = |names: &[&str]| {
        let members: Vec<_> =
            names.iter().map(|name| format!("{}: {{}}", json!(user(name)))).collect();
        format!("{{\"participants\": {{{}}}}}", members.join(", "))
    };
    // As text: a value of JSON sorts its members.
    let send = async |method: &str, path: &str, names: &[&str]| {
        let call = scene.signed(method, path).bytes(participants(names));
        call.header("content-type", "application/json").send().await
    };
    let answer = send("POST", "/rooms", &["zoe", "kim", "max"]).await;
    let location = answer.header("location").map(str::to_owned);
    let room = answer.ok(201);
    assert_eq!(location.as_deref(), room["id"].as_str(), "the id alone");
    let roster = format!("/rooms/{}/participants", room["id"].as_str().unwrap());
    send("PATCH", &roster, &["lee", "kim", "ann"]).await.ok(200);
    let listed = scene.signed("GET", &roster).send().await.ok(200);
    let listed: Vec<_> =
        listed["value"].as_array().unwrap().iter().map(|one| one["rawId"].clone()).collect();
    let expected: Vec<_> =
        ["zoe", "kim", "max", "lee", "ann"].iter().map(|n| json!(user(n))).collect();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn times_of_a_room_change_together_and_keep_their_seventh_digit() {
    let scene = Scene::start().await;
    let room = scene.signed("POST", "/rooms").json(&json!({})).send().await.ok(201);
    let path = format!("/rooms/{}", room["id"].as_str().unwrap());
    let today = scene.node.clock().wall().as_unix_seconds() / 86_400;
    let day = |after: i64| {
        let day = Timestamp::from_unix_seconds((today + after) * 86_400).to_string();
        day.replace("00Z", "00.1485453+00:00")
    };
    for body in [json!({"validFrom": day(1)}), json!({"validUntil": day(2)})] {
        let error = refused(&scene, "PATCH", &path, &body).await;
        let apart = "validFrom and validUntil should be set together.";
        let detail = json!({"code": "BadArgument", "message": apart, "target": ""});
        assert_eq!((&error["message"], &error["details"]), (&json!(MALFORMED), &json!([detail])));
    }
    let body = json!({"validFrom": day(1), "validUntil": day(2)});
    let changed = scene.signed("PATCH", &path).json(&body).send().await.ok(200);
    assert_eq!((&changed["validFrom"], &changed["validUntil"]), (&json!(day(1)), &json!(day(2))));
    let read = scene.signed("GET", &path).send().await.ok(200);
    assert_eq!(read, changed);
}

#[tokio::test]
async fn a_room_that_is_not_there_is_told_from_an_id_that_cannot_be() {
    let scene = Scene::start().await;
    for (id, message) in
        [("123-invalidId", "Invalid room ID length."), ("non-existingroomId", "Invalid room ID.")]
    {
        let error = refused(&scene, "GET", &format!("/rooms/{id}"), &json!({})).await;
        assert_eq!(error["message"], message, "{id}");
    }
    let unknown = scene.signed("GET", "/rooms/99494844430000000").send().await;
    let message = unknown.body["error"]["message"].clone();
    unknown.refused(404, "NotFound");
    assert_eq!(message, "The server cannot find the requested resource.");
}
