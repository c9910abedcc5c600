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
    for (raw_id, role, message) in [
        ("wrong_mri", "Attendee", "Invalid format for communication identifier."),
        ("acs:8-invalidMRI", "Attendee", "Invalid format for communication identifier."),
        ("8:acs:x", "Attendee", "Invalid format for communication identifier."),
        ("4:+14255550100", "Attendee", "Invalid format for communication identifier."),
        (kim.as_str(), "Kafka", "Invalid value for the Participants."),
    ] {
        let body = json!({"participants": {raw_id: {"role": role}}});
        let error = refused(&scene, "POST", "/rooms", &body).await;
        assert_eq!(error["message"], message, "{raw_id} {role}");
        // What the service leaves out, which roles there are among it, is in the details.
        let detail = &error["details"][0];
        assert_eq!(
            (&detail["code"], &detail["target"]),
            (&json!("BadArgument"), &json!("Participants"))
        );
        assert!(detail["message"].as_str().unwrap().len() > 20, "{detail}");
    }
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
