//! Rooms: defaults, validation, rosters and who may join, in virtual time.

use std::time::Duration;

use proptest::prelude::*;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_interop::{
    CreateRoom, ParticipantPatch, Room, RoomError, RoomId, RoomRight, RoomRole, UnknownRole,
    UpdateRoom,
};
use trunkline_reasons::EndReason;

const ALICE: &str = "8:acs:11111111-1111-4111-8111-111111111111_a";
const BOB: &str = "8:acs:11111111-1111-4111-8111-111111111111_b";
const LIMIT: Duration = Room::VALIDITY_LIMIT;
const DAY_SECONDS: i64 = 86_400;

/// A time that many days after the room is made.
fn day(days: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + days * DAY_SECONDS)
}

fn create(request: CreateRoom) -> Result<Room, RoomError> {
    Room::create(day(0), RoomId::from_bytes([7; 8]), "contoso".parse().unwrap(), request)
}

fn with(participants: &[(&str, Option<&str>)]) -> Room {
    let participants =
        participants.iter().map(|(id, role)| ParticipantPatch::upsert(id, *role).unwrap());
    create(CreateRoom { participants: participants.collect(), ..CreateRoom::default() }).unwrap()
}

fn roster(room: &Room) -> Vec<(String, RoomRole)> {
    room.participants().map(|(id, role)| (id.to_string(), role)).collect()
}

fn id(text: &str) -> CommunicationIdentifier {
    text.parse().unwrap()
}

#[test]
fn a_room_made_from_nothing_has_the_documented_defaults() {
    let room = create(CreateRoom::default()).unwrap();
    assert_eq!(room.created_at(), day(0));
    assert_eq!(room.valid_from(), day(0));
    assert_eq!(room.valid_until(), day(180));
    assert!(!room.is_pstn_dial_out_enabled());
    assert_eq!(room.participants().len(), 0);
    assert_eq!(room.resource().as_str(), "contoso");
}

#[test]
fn times_of_a_new_room_are_checked() {
    let past = |days| RoomError::UntilPast { valid_until: day(days) };
    let order = |from, until| RoomError::UntilNotAfterFrom {
        valid_from: day(from),
        valid_until: day(until),
    };
    let long = RoomError::ValidTooLong { limit: LIMIT };
    let far = RoomError::FromTooFar { limit: LIMIT };
    for (from, until, expected) in [
        (None, None, Ok((0, 180))),
        (Some(3), Some(31), Ok((3, 31))),
        (Some(3), None, Ok((3, 180))),
        (Some(-1), None, Err(long)),
        (Some(-3), Some(1), Ok((-3, 1))),
        (None, Some(180), Ok((0, 180))),
        (None, Some(181), Err(long)),
        (Some(3), Some(3 + 29 * 7), Err(long)),
        (Some(3), Some(3 + 180), Ok((3, 183))),
        (Some(29 * 7), None, Err(far)),
        (Some(180), Some(181), Ok((180, 181))),
        (Some(180), None, Err(order(180, 180))),
        (None, Some(-7), Err(past(-7))),
        (None, Some(0), Err(past(0))),
        (Some(5), Some(4), Err(order(5, 4))),
        (Some(5), Some(5), Err(order(5, 5))),
        (Some(-3), Some(-7), Err(past(-7))),
    ] {
        let request = CreateRoom {
            valid_from: from.map(day),
            valid_until: until.map(day),
            ..CreateRoom::default()
        };
        let times = create(request).map(|room| (room.valid_from(), room.valid_until()));
        assert_eq!(times, expected.map(|(f, u)| (day(f), day(u))), "{from:?} – {until:?}");
    }
}

#[test]
fn an_update_changes_what_it_names_and_nothing_on_an_error() {
    let mut room =
        create(CreateRoom { pstn_dial_out_enabled: Some(true), ..CreateRoom::default() }).unwrap();
    let long = RoomError::ValidTooLong { limit: LIMIT };
    for (from, until, phones, expected) in [
        (None, None, None, Ok((0, 180, true))),
        (Some(3), Some(28), None, Ok((3, 28, true))),
        (None, Some(27), None, Ok((3, 27, true))),
        (Some(4), None, Some(false), Ok((4, 27, false))),
        (None, None, Some(true), Ok((4, 27, true))),
        (None, Some(4 + 181), Some(false), Err(long)),
        (Some(3), Some(29 * 7), None, Err(long)),
        (Some(200), Some(201), None, Err(RoomError::FromTooFar { limit: LIMIT })),
        (Some(-3), Some(-7), None, Err(RoomError::UntilPast { valid_until: day(-7) })),
        (
            Some(28),
            None,
            None,
            Err(RoomError::UntilNotAfterFrom { valid_from: day(28), valid_until: day(27) }),
        ),
    ] {
        let before = room.clone();
        let request = UpdateRoom {
            valid_from: from.map(day),
            valid_until: until.map(day),
            pstn_dial_out_enabled: phones,
        };
        let result = room.update(day(1), request);
        assert_eq!(result, expected.map(|_| ()), "{request:?}");
        match expected {
            Ok((from, until, phones)) => {
                let times = (room.valid_from(), room.valid_until());
                assert_eq!(times, (day(from), day(until)), "{request:?}");
                assert_eq!(room.is_pstn_dial_out_enabled(), phones, "{request:?}");
            }
            Err(_) => assert_eq!(room, before, "{request:?}"),
        }
    }
}

#[test]
fn a_room_that_is_over_can_be_changed_in_other_ways_and_be_made_valid_again() {
    let mut room = create(CreateRoom::default()).unwrap();
    let phones = UpdateRoom { pstn_dial_out_enabled: Some(true), ..UpdateRoom::default() };
    room.update(day(200), phones).unwrap();
    assert!(room.is_pstn_dial_out_enabled());
    let until = |days| UpdateRoom { valid_until: Some(day(days)), ..UpdateRoom::default() };
    let too_long = RoomError::ValidTooLong { limit: LIMIT };
    assert_eq!(room.update(day(200), until(201)), Err(too_long));
    room.update(day(200), UpdateRoom { valid_from: Some(day(200)), ..until(201) }).unwrap();
    assert_eq!(room.valid_until(), day(201));
}

#[test]
fn participants_are_app_users_with_a_well_formed_id_and_a_known_role() {
    let malformed = Some(RoomError::MalformedParticipant);
    let other = Some(RoomError::NotAppUser);
    for (raw_id, expected) in [
        (ALICE, None),
        ("8:acs:contoso_alice", None),
        ("8:gcch-acs:contoso_alice", None),
        ("wrong_mri", malformed),
        ("", malformed),
        ("8:acs:alice", malformed),
        ("8:acs:_alice", malformed),
        ("8:acs:contoso_", malformed),
        ("8:acs:a_b_c_d", malformed),
        ("8:acs:contoso_alice:x", malformed),
        ("8:spool:alice", malformed),
        ("8:acs:contoso_al\nice", malformed),
        ("8:orgid:bob", other),
        ("8:teamsvisitor:bob", other),
        ("28:orgid:bot", other),
        ("8:acs:contoso_tenant_bob", other),
        ("4:+14255550100", other),
    ] {
        assert_eq!(ParticipantPatch::upsert(raw_id, None).err(), expected, "{raw_id:?}");
        assert_eq!(ParticipantPatch::remove(raw_id).err(), expected, "{raw_id:?}");
    }
    for (role, expected) in [
        (None, Ok(RoomRole::Attendee)),
        (Some("Presenter"), Ok(RoomRole::Presenter)),
        (Some("attendee"), Ok(RoomRole::Attendee)),
        (Some("CONSUMER"), Ok(RoomRole::Consumer)),
        (Some("Collaborator"), Ok(RoomRole::Collaborator)),
        (Some("Kafka"), Err(RoomError::UnknownRole(UnknownRole))),
        (Some(""), Err(RoomError::UnknownRole(UnknownRole))),
    ] {
        let patch = ParticipantPatch::upsert(ALICE, role);
        let expected = expected.map(|role| ParticipantPatch::Upsert(id(ALICE), role));
        assert_eq!(patch, expected, "{role:?}");
    }
}

#[test]
fn identifiers_that_never_were_read_from_a_patch_are_checked_all_the_same() {
    let mut room = with(&[(ALICE, None)]);
    let before = room.clone();
    for patch in [
        ParticipantPatch::Upsert(id("8:orgid:bob"), RoomRole::Presenter),
        ParticipantPatch::Remove(id("8:orgid:bob")),
    ] {
        let patches = [ParticipantPatch::remove(ALICE).unwrap(), patch];
        assert_eq!(room.patch_participants(patches), Err(RoomError::NotAppUser));
        assert_eq!(room, before);
    }
}

#[test]
fn a_patch_adds_changes_and_removes() {
    let mut room = with(&[(ALICE, Some("Presenter")), (BOB, None)]);
    let upsert = |id, role| ParticipantPatch::upsert(id, role).unwrap();
    let remove = |id| ParticipantPatch::remove(id).unwrap();
    let attendee = RoomRole::Attendee;
    for (patches, expected) in [
        (vec![], vec![(ALICE, RoomRole::Presenter), (BOB, attendee)]),
        (vec![upsert(ALICE, None)], vec![(ALICE, attendee), (BOB, attendee)]),
        (vec![remove(BOB), remove(BOB)], vec![(ALICE, attendee)]),
        (vec![upsert(BOB, Some("Consumer")), remove(ALICE)], vec![(BOB, RoomRole::Consumer)]),
        (vec![upsert(BOB, None), upsert(BOB, Some("Presenter"))], vec![(BOB, RoomRole::Presenter)]),
    ] {
        room.patch_participants(patches).unwrap();
        let expected: Vec<_> = expected.into_iter().map(|(id, r)| (id.to_owned(), r)).collect();
        assert_eq!(roster(&room), expected);
    }
}

#[test]
fn the_roster_keeps_the_order_in_which_people_were_put_on_it() {
    let mut room = with(&[(BOB, None), (ALICE, None)]);
    let order = |room: &Room| roster(room).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(order(&room), [BOB, ALICE]);
    let upsert = |id, role| ParticipantPatch::upsert(id, role).unwrap();
    room.patch_participants([upsert("8:acs:contoso_0", None), upsert(BOB, Some("Presenter"))])
        .unwrap();
    assert_eq!(order(&room), [BOB, ALICE, "8:acs:contoso_0"]);
    room.patch_participants([ParticipantPatch::remove(BOB).unwrap(), upsert(BOB, None)]).unwrap();
    assert_eq!(order(&room), [ALICE, "8:acs:contoso_0", BOB]);
}

#[test]
fn the_roster_stops_at_its_limit_and_patches_count_as_a_whole() {
    let user = |n: usize| ParticipantPatch::upsert(&format!("8:acs:contoso_{n}"), None).unwrap();
    let mut room = with(&[]);
    room.patch_participants((0..Room::PARTICIPANT_LIMIT).map(user)).unwrap();
    room.patch_participants((0..Room::PARTICIPANT_LIMIT).map(user)).unwrap();
    let before = room.clone();
    assert_eq!(
        room.patch_participants([user(400), user(401)]),
        Err(RoomError::TooManyParticipants { limit: 350, requested: 352 })
    );
    assert_eq!(room, before);
    let remove = ParticipantPatch::remove("8:acs:contoso_0").unwrap();
    room.patch_participants([user(400), remove]).unwrap();
    assert_eq!(room.participants().len(), Room::PARTICIPANT_LIMIT);
}

#[test]
fn joining_asks_what_they_are_then_for_the_roster_then_for_the_time() {
    let mut room = with(&[(ALICE, Some("Collaborator"))]);
    let times =
        UpdateRoom { valid_from: Some(day(2)), valid_until: Some(day(4)), ..UpdateRoom::default() };
    room.update(day(0), times).unwrap();
    let micro = Duration::from_micros(1);
    let before = |time: Timestamp| Timestamp::from_unix_micros(time.as_unix_micros() - 1);
    for (who, now, expected) in [
        (ALICE, day(2), Ok(RoomRole::Collaborator)),
        (ALICE, before(day(4)), Ok(RoomRole::Collaborator)),
        (ALICE, before(day(2)), Err((403, 5829))),
        (ALICE, day(4), Err((403, 5829))),
        (ALICE, day(4) + micro, Err((403, 5829))),
        (BOB, day(3), Err((403, 5828))),
        (BOB, day(9), Err((403, 5828))),
        ("8:orgid:bob", day(3), Err((403, 5830))),
        ("8:acs:contoso_tenant_bob", day(9), Err((403, 5830))),
        ("4:+14255550100", day(3), Err((403, 5830))),
        ("nonsense", day(3), Err((403, 5830))),
    ] {
        let codes = |reason: EndReason| (reason.code(), reason.sub_code());
        assert_eq!(room.may_join(now, &id(who)).map_err(codes), expected, "{who} at {now}");
    }
}

#[test]
fn each_role_gives_what_the_documented_table_says() {
    // Receive, audio, video, screen, mute, remove, phones.
    let table = [
        (RoomRole::Presenter, [true, true, true, true, true, true, true]),
        (RoomRole::Collaborator, [true, true, true, true, false, false, false]),
        (RoomRole::Attendee, [true, true, true, false, false, false, false]),
        (RoomRole::Consumer, [true, false, false, false, false, false, false]),
    ];
    let rights = [
        RoomRight::ReceiveMedia,
        RoomRight::SendAudio,
        RoomRight::SendVideo,
        RoomRight::ShareScreen,
        RoomRight::MuteOthers,
        RoomRight::RemoveOthers,
        RoomRight::AddPhones,
    ];
    let phones =
        create(CreateRoom { pstn_dial_out_enabled: Some(true), ..CreateRoom::default() }).unwrap();
    let no_phones = with(&[]);
    for (role, row) in table {
        for (right, expected) in rights.into_iter().zip(row) {
            assert_eq!(phones.gives(role, right), expected, "{role}: {right:?}");
            let expected = expected && right != RoomRight::AddPhones;
            assert_eq!(no_phones.gives(role, right), expected, "{role}: {right:?}");
        }
    }
}

#[test]
fn ids_have_seventeen_digits_and_texts_of_other_forms_are_refused() {
    assert_eq!(RoomId::from_bytes([0; 8]).as_str(), "99000000000000000");
    for text in ["99199690362660524", "9949007082272782"] {
        assert_eq!(text.parse::<RoomId>().unwrap().as_str(), text);
    }
    for text in ["99199690362660524x", "-9199690362660524", "non-existingroomId", "٩٩١٩٩٦٩٠"]
    {
        assert_eq!(text.parse::<RoomId>(), Err(RoomError::MalformedRoomId), "{text:?}");
    }
    for text in ["", "123", "invalid_id", "999999999999999999999"] {
        assert_eq!(text.parse::<RoomId>(), Err(RoomError::RoomIdLength), "{text:?}");
    }
}

#[test]
fn every_error_is_a_bad_request_that_names_no_person() {
    let errors = [
        RoomError::FromTooFar { limit: LIMIT },
        RoomError::MalformedParticipant,
        RoomError::MalformedRoomId,
        RoomError::NotAppUser,
        RoomError::RoomIdLength,
        RoomError::TooManyParticipants { limit: 350, requested: 351 },
        RoomError::UnknownRole(UnknownRole),
        RoomError::UntilNotAfterFrom { valid_from: day(2), valid_until: day(1) },
        RoomError::UntilPast { valid_until: day(-1) },
        RoomError::ValidTooLong { limit: LIMIT },
    ];
    for error in errors {
        assert_eq!(error.code(), "BadRequest");
        let is_of_id = matches!(error, RoomError::MalformedRoomId | RoomError::RoomIdLength);
        assert_eq!(error.target().is_none(), is_of_id, "{error}");
    }
    assert_eq!(errors[9].to_string(), "a room is valid for at most 180 days");
    assert_eq!(
        errors[6].to_string(),
        "not a role: expected Presenter, Attendee, Consumer or Collaborator"
    );
}

#[test]
fn debug_shows_no_participant() {
    let shown = format!("{:?}", with(&[("8:acs:contoso_alice", None)]));
    assert!(!shown.contains("alice"), "{shown}");
}

proptest! {
    #[test]
    fn made_ids_read_back(bytes: [u8; 8]) {
        let id = RoomId::from_bytes(bytes);
        prop_assert_eq!(id.as_str().len(), 17);
        prop_assert!(id.as_str().starts_with("99"));
        prop_assert_eq!(id.to_string().parse::<RoomId>(), Ok(id));
    }

    #[test]
    fn rooms_round_trip(
        from in 0_i64..180, days in 1_i64..180, phones: bool,
        roles in prop::collection::vec(prop::sample::select(&RoomRole::ALL[..]), 0..20),
    ) {
        let participants = roles.iter().enumerate().map(|(n, role)| {
            ParticipantPatch::upsert(&format!("8:acs:contoso_{n}"), Some(role.as_str())).unwrap()
        });
        let room = create(CreateRoom {
            valid_from: Some(day(from)),
            valid_until: Some(day(from + days)),
            pstn_dial_out_enabled: Some(phones),
            participants: participants.collect(),
        })
        .unwrap();
        let json = serde_json::to_string(&room).unwrap();
        prop_assert_eq!(serde_json::from_str::<Room>(&json).unwrap(), room);
    }

    #[test]
    fn no_room_is_valid_past_its_limit(
        from in prop::option::of(-400_i64..400), until in prop::option::of(-400_i64..400),
        new_from in prop::option::of(-400_i64..400), new_until in prop::option::of(-400_i64..400),
    ) {
        let request = CreateRoom {
            valid_from: from.map(day), valid_until: until.map(day), ..CreateRoom::default()
        };
        let Ok(mut room) = create(request) else { return Ok(()); };
        let request = UpdateRoom {
            valid_from: new_from.map(day), valid_until: new_until.map(day), ..UpdateRoom::default()
        };
        let _ = room.update(day(1), request);
        prop_assert!(room.valid_from() < room.valid_until());
        prop_assert!(room.valid_until() > day(0));
        let valid = room.valid_until().saturating_duration_since(room.valid_from());
        prop_assert!(valid <= LIMIT);
    }

    #[test]
    fn any_text_is_a_participant_or_refused(text in "\\PC{0,60}") {
        if let Ok(ParticipantPatch::Upsert(identifier, _)) = ParticipantPatch::upsert(&text, None) {
            prop_assert_eq!(identifier.to_string(), text);
        }
    }
}
