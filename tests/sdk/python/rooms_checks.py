"""Every operation of the rooms client, with good and bad input."""

from datetime import datetime, timedelta, timezone

from azure.communication.rooms import ParticipantRole, RoomParticipant
from azure.communication.rooms._shared.models import (
    CommunicationUserIdentifier,
    PhoneNumberIdentifier,
)

from checks import items, value
from identity_checks import WRONG_KEY


async def run(report, clients):
    identity = clients.identity()
    users = [(await value(identity.create_user())).raw_id for _ in range(5)]
    client = clients.rooms()
    await creation(report, client, users)
    await updates(report, client)
    await roster(report, client, users)
    await listing(report, client)
    await refusals(report, clients, client, users)


def participant(raw_id, role="Attendee"):
    identifier = CommunicationUserIdentifier(raw_id)
    return RoomParticipant(communication_identifier=identifier, role=role)


def moment(text):
    """Reads a time as Microsoft's own tests do: the fraction must be there."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def soon(**ahead):
    return datetime.now(timezone.utc) + timedelta(**ahead)


async def roles(client, room_id):
    found = await items(client.list_participants(room_id))
    return {one.communication_identifier.raw_id: str(one.role) for one in found}


async def creation(report, client, users):
    before = datetime.now(timezone.utc)
    room = await value(client.create_room())
    report.check("a room has digits for an id", room.id.isdigit(), room.id)
    report.check("it opens at once", abs(moment(room.valid_from) - before) < timedelta(minutes=1))
    life = moment(room.valid_until) - moment(room.valid_from)
    report.equal("it is valid for 180 days", life, timedelta(days=180))
    report.equal("it calls no phones", room.pstn_dial_out_enabled, False)
    await value(client.delete_room(room.id))

    valid_from, valid_until = soon(days=3), soon(days=31)
    room = await value(
        client.create_room(
            valid_from=valid_from,
            valid_until=valid_until,
            pstn_dial_out_enabled=True,
            participants=[participant(users[0], ParticipantRole.PRESENTER), participant(users[1])],
        )
    )
    report.equal("it opens when told", moment(room.valid_from), valid_from)
    report.equal("it closes when told", moment(room.valid_until), valid_until)
    report.equal("it calls phones", room.pstn_dial_out_enabled, True)
    again = await value(client.get_room(room.id))
    report.equal("it is found again", again.__dict__, room.__dict__)
    expected = {users[0]: "Presenter", users[1]: "Attendee"}
    report.equal("its roster is there", await roles(client, room.id), expected)
    await value(client.delete_room(room.id))
    await report.refused("a deleted room is gone", lambda: client.get_room(room.id), 404)


async def updates(report, client):
    room = await value(client.create_room(pstn_dial_out_enabled=True))
    valid_from, valid_until = soon(days=3), soon(days=28)
    updated = await value(
        client.update_room(room_id=room.id, valid_from=valid_from, valid_until=valid_until)
    )
    found = (moment(updated.valid_from), moment(updated.valid_until))
    report.equal("times are changed", found, (valid_from, valid_until))
    report.equal("what is left out stays", updated.pstn_dial_out_enabled, True)
    updated = await value(client.update_room(room_id=room.id, pstn_dial_out_enabled=False))
    report.equal("phones are turned off", updated.pstn_dial_out_enabled, False)
    report.equal("the times stay", moment(updated.valid_until), valid_until)
    updated = await value(client.update_room(room_id=room.id))
    report.equal("nothing is changed", moment(updated.valid_from), valid_from)
    for name, change in {
        "ends in the past": {"valid_from": soon(days=-3), "valid_until": soon(days=-1)},
        "lasts too long": {"valid_from": soon(days=1), "valid_until": soon(days=210)},
        "ends before it starts": {"valid_from": soon(days=9), "valid_until": soon(days=8)},
    }.items():
        await report.refused(
            f"a change that {name}", lambda: client.update_room(room_id=room.id, **change), 400
        )
        await report.refused(f"a room that {name}", lambda: client.create_room(**change), 400)
    await report.refused(
        "one time without the other",
        lambda: client.update_room(room_id=room.id, valid_until=soon(days=5)),
        400,
    )
    await value(client.delete_room(room.id))
    await report.refused(
        "a deleted room is not changed",
        lambda: client.update_room(
            room_id=room.id, valid_from=soon(days=1), valid_until=soon(days=5)
        ),
        404,
    )


async def roster(report, client, users):
    john, fred, chris, jordan, kim = users
    room = await value(
        client.create_room(
            participants=[
                participant(john, None),
                participant(chris),
                participant(jordan, ParticipantRole.COLLABORATOR),
            ]
        )
    )
    expected = {john: "Attendee", chris: "Attendee", jordan: "Collaborator"}
    report.equal("no role is attendee", await roles(client, room.id), expected)
    await value(
        client.add_or_update_participants(
            room_id=room.id,
            participants=[participant(john, "consumer"), participant(fred, "Presenter")],
        )
    )
    expected |= {john: "Consumer", fred: "Presenter"}
    report.equal("roles are changed and added", await roles(client, room.id), expected)
    await value(
        client.remove_participants(
            room_id=room.id,
            participants=[participant(john), CommunicationUserIdentifier(kim)],
        )
    )
    del expected[john]
    report.equal("one is removed, another never was", await roles(client, room.id), expected)
    for name, wrong in {
        "a malformed id": participant("wrong_mri"),
        "an incomplete id": participant("8:acs:x"),
        "an unknown role": participant(kim, "Kafka"),
    }.items():
        await report.refused(
            f"a roster with {name}",
            lambda: client.add_or_update_participants(
                room_id=room.id, participants=[participant(john), wrong]
            ),
            400,
        )
        await report.refused(
            f"a room with {name}", lambda: client.create_room(participants=[wrong]), 400
        )
    phone = RoomParticipant(
        communication_identifier=PhoneNumberIdentifier("+14255550100"), role="Attendee"
    )
    await report.refused(
        "a roster with a phone",
        lambda: client.add_or_update_participants(room_id=room.id, participants=[phone]),
        400,
    )
    await report.refused(
        "removing a malformed id",
        lambda: client.remove_participants(
            room_id=room.id, participants=[participant("wrong_mri")]
        ),
        400,
    )
    report.equal("refusals change nothing", await roles(client, room.id), expected)
    crowd = [participant(f"{john}-{number}") for number in range(230)]
    await value(client.add_or_update_participants(room_id=room.id, participants=crowd))
    found = await roles(client, room.id)
    report.equal("a long roster comes page by page", len(found), len(expected) + 230)
    await value(client.delete_room(room.id))


async def listing(report, client):
    made = [(await value(client.create_room())).id for _ in range(3)]
    found = [room.id for room in await items(client.list_rooms())]
    report.check("rooms are listed", set(made) <= set(found), found)
    report.equal("each of them once", len(found), len(set(found)))
    report.equal("the newest comes first", found[:3], made[::-1])
    for room_id in made:
        await value(client.delete_room(room_id))
    found = [room.id for room in await items(client.list_rooms())]
    report.check("deleted ones are not", not set(made) & set(found), found)


async def refusals(report, clients, client, users):
    await report.refused("getting a malformed id", lambda: client.get_room("invalid_id"), 400)
    await report.refused(
        "changing a malformed id",
        lambda: client.update_room(room_id="invalid_id", valid_until=soon(days=2)),
        400,
    )
    unknown = "99999999999999999"
    await report.refused("getting an unknown room", lambda: client.get_room(unknown), 404)
    await report.refused("deleting an unknown room", lambda: client.delete_room(unknown), 404)
    await report.refused(
        "the roster of an unknown room", lambda: items(client.list_participants(unknown)), 404
    )
    await report.refused(
        "adding to an unknown room",
        lambda: client.add_or_update_participants(
            room_id=unknown, participants=[participant(users[0])]
        ),
        404,
    )
    await report.refused("a wrong key", clients.rooms(WRONG_KEY).create_room, 401, "Denied")
    if clients.exchange.http_endpoint:
        over_http = clients.rooms_over_http()
        room = await value(over_http.create_room())
        report.check("a room is created over http", room.id.isdigit(), room.id)
        await value(over_http.delete_room(room.id))
