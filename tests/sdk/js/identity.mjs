// Every operation of the identity client, with good and bad input.

import {
  AzureCommunicationTokenCredential, ChatClient, CommunicationIdentityClient, accessKey, admit,
  connectionString, endpoint, httpEndpoint, items, noRetries, signIn, wrongConnectionString,
} from "./checks.mjs";

const APP = "5f0c3a52-7b1e-4d66-9c43-2a8d7e90b1f4";

const SCOPES = ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"];

export async function run(report) {
  const client = new CommunicationIdentityClient(connectionString, noRetries);
  const user = await client.createUser();
  const rawId = user.communicationUserId;
  report.check("a user is created", /^8:acs:[0-9a-f-]{36}_[0-9a-f-]{36}$/.test(rawId), rawId);
  for (const scopes of [...SCOPES.map((scope) => [scope]), SCOPES]) {
    const made = await client.createUserAndToken(scopes);
    report.check(`a user with a token for ${scopes}`, made.token.split(".").length === 3, made);
    const { token, expiresOn } = await client.getToken(user, scopes);
    const isDate = expiresOn instanceof Date && lives(expiresOn, 1440);
    report.check(`another token for ${scopes}`, token.split(".").length === 3 && isDate, expiresOn);
  }
  for (const tokenExpiresInMinutes of [60, 720, 1440]) {
    const { expiresOn } = await client.getToken(user, ["chat"], { tokenExpiresInMinutes });
    report.check(`a life of ${tokenExpiresInMinutes}`, lives(expiresOn, tokenExpiresInMinutes));
  }
  for (const tokenExpiresInMinutes of [59, 1441, 60.5]) {
    const options = { tokenExpiresInMinutes };
    const name = `no life of ${tokenExpiresInMinutes}`;
    await report.refused(name, () => client.getToken(user, ["chat"], options), 400);
    await report.refused(`${name} in one`, () => client.createUserAndToken(["chat"], options), 400);
  }
  await report.refused("a token for no scope", () => client.getToken(user, []), 400);
  await report.refused("an unknown scope", () => client.getToken(user, ["all"]), 400);
  const nobody = { communicationUserId: `${rawId.slice(0, -12)}000000000000` };
  await report.refused("a token for nobody", () => client.getToken(nobody, ["chat"]), 404);
  const elsewhere = "00000000-0000-4000-8000-00000000000f";
  const foreign = { communicationUserId: `8:acs:${elsewhere}_${elsewhere}` };
  for (const [name, call] of [
    ["a token for", () => client.getToken(foreign, ["chat"])],
    ["revoking the tokens of", () => client.revokeTokens(foreign)],
    ["deleting", () => client.deleteUser(foreign)],
  ]) {
    await report.refused(`${name} a user of another resource`, call, 401, "IdentityNotOwned");
  }
  const malformed = { communicationUserId: "8:acs:x" };
  await report.refused("a malformed id", () => client.getToken(malformed, ["chat"]), 400);
  await client.revokeTokens(user);
  await client.deleteUser(user);
  await report.refused("a deleted user is gone", () => client.deleteUser(user), 404);
  await report.refused("its tokens, too", () => client.revokeTokens(user), 404);
  await exchange(report, client);
  const stranger = new CommunicationIdentityClient(wrongConnectionString, noRetries);
  await report.refused("a wrong key", () => stranger.createUser(), 401, "Denied");
  if (httpEndpoint) {
    const text = `endpoint=${httpEndpoint};accesskey=${accessKey}`;
    const options = { ...noRetries, allowInsecureConnection: true };
    const made = await new CommunicationIdentityClient(text, options).createUser();
    report.check("a user is created over http", made.communicationUserId.startsWith("8:acs:"));
  }
}

async function exchange(report, client) {
  const { token: teamsUserAadToken, userId: userObjectId } = await signIn("alice", APP);
  const good = { teamsUserAadToken, clientId: APP, userObjectId };
  const { token } = await client.getTokenForTeamsUser(good);
  const chat = new ChatClient(endpoint, new AzureCommunicationTokenCredential(token), noRetries);
  report.check("a directory user gets a token", await items(chat.listChatThreads()));
  for (const changed of [{ clientId: "app" }, { clientId: userObjectId }, { userObjectId: "user" }, { userObjectId: APP }]) {
    const name = `no exchange for ${JSON.stringify(changed)}`;
    await report.refused(name, () => client.getTokenForTeamsUser({ ...good, ...changed }), 400);
  }
  for (const bad of ["", "bad", "a.b.c"]) {
    const options = { teamsUserAadToken: bad, clientId: "app", userObjectId: "user" };
    const name = `no exchange of ${JSON.stringify(bad)}`;
    await report.refused(name, () => client.getTokenForTeamsUser(options), 401);
  }
  const held = { token: await admit(APP), expiresOnTimestamp: Date.now() + 3_600_000 };
  const program = new CommunicationIdentityClient(endpoint, { getToken: async () => held }, noRetries);
  const { communicationUserId } = await program.createUser();
  report.check("a program that signed in creates a user", communicationUserId.startsWith("8:acs:"));
  const itself = { teamsUserAadToken: held.token, clientId: APP, userObjectId: APP };
  await report.refused("a program is no directory user", () => client.getTokenForTeamsUser(itself), 401);
}

function lives(expiresOn, minutes) {
  return Math.abs(expiresOn - Date.now() - minutes * 60_000) < 120_000;
}
