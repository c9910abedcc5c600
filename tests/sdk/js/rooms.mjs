// Every operation of the rooms client, with good and bad input.

import {
  CommunicationIdentityClient, RoomsClient, connectionString, items, noRetries,
  wrongConnectionString,
} from "./checks.mjs";

const DAY = 86_400_000;

export async function run(report) {
  const identity = new CommunicationIdentityClient(connectionString, noRetries);
  const users = [];
  for (let index = 0; index < 3; index += 1) users.push(await identity.createUser());
  const [john, fred, chris] = users;
  const client = new RoomsClient(connectionString, noRetries);
  const soon = (days) => new Date(Date.now() + days * DAY);
  const roles = async (id) => Object.fromEntries(
    (await items(client.listParticipants(id))).map((one) => [one.id.communicationUserId, one.role]),
  );

  const plain = await client.createRoom();
  report.check("a room has digits for an id", /^[0-9]+$/.test(plain.id), plain.id);
  report.check("it has dates", plain.createdOn instanceof Date && plain.validFrom instanceof Date);
  report.equal("it is valid for 180 days", plain.validUntil - plain.validFrom, 180 * DAY);
  const [validFrom, validUntil] = [soon(3), soon(31)];
  const room = await client.createRoom({
    validFrom,
    validUntil,
    pstnDialOutEnabled: true,
    participants: [{ id: john, role: "Presenter" }, { id: fred }],
  });
  report.equal("it has what was asked", [room.validFrom, room.validUntil, room.pstnDialOutEnabled],
    [validFrom, validUntil, true]);
  const found = await client.getRoom(room.id);
  report.equal("it is found again", [found.id, found.validUntil], [room.id, validUntil]);
  report.equal("its roster", await roles(room.id),
    { [john.communicationUserId]: "Presenter", [fred.communicationUserId]: "Attendee" });

  const updated = await client.updateRoom(room.id, { validFrom, validUntil: soon(20) });
  report.equal("what is left out stays", [updated.validFrom, updated.pstnDialOutEnabled],
    [validFrom, true]);
  await report.refused("one time without the other",
    () => client.updateRoom(room.id, { validUntil: soon(21) }), 400);
  await client.addOrUpdateParticipants(room.id, [
    { id: john, role: "Consumer" }, { id: chris, role: "Collaborator" },
  ]);
  await client.removeParticipants(room.id, [fred]);
  await client.removeParticipants(room.id, [fred]);
  report.equal("roles are changed, added and removed", await roles(room.id),
    { [john.communicationUserId]: "Consumer", [chris.communicationUserId]: "Collaborator" });

  const listed = (await items(client.listRooms())).map((one) => one.id);
  report.check("rooms are listed", listed.includes(room.id) && listed.includes(plain.id), listed);
  await report.refused("a room in the past",
    () => client.createRoom({ validFrom: soon(-9), validUntil: soon(-1) }), 400);
  await report.refused("a room for too long",
    () => client.createRoom({ validFrom: soon(1), validUntil: soon(200) }), 400);
  const wrong = { communicationUserId: "wrong_mri" };
  await report.refused("a malformed id", () => client.createRoom({ participants: [{ id: wrong }] }), 400);
  await report.raises("an unknown role",
    () => client.addOrUpdateParticipants(room.id, [{ id: fred, role: "Kafka" }]));
  await report.refused("removing a malformed id",
    () => client.removeParticipants(room.id, [wrong]), 400);
  await report.refused("getting a malformed room", () => client.getRoom("invalid_id"), 400);
  await report.refused("getting an unknown room", () => client.getRoom("99999999999999999"), 404);
  await client.deleteRoom(room.id);
  await client.deleteRoom(plain.id);
  await report.refused("a deleted room is gone", () => client.getRoom(room.id), 404);
  await report.refused("a deleted room is not changed",
    () => client.updateRoom(room.id, { validFrom: soon(1), validUntil: soon(9) }), 404);
  const stranger = new RoomsClient(wrongConnectionString, noRetries);
  await report.refused("a wrong key", () => stranger.createRoom(), 401, "Denied");
}
