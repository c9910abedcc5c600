// Every operation of the identity client, with good and bad input.

import {
  CommunicationIdentityClient, accessKey, connectionString, httpEndpoint, noRetries,
  wrongConnectionString,
} from "./checks.mjs";

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
  const malformed = { communicationUserId: "8:acs:x" };
  await report.refused("a malformed id", () => client.getToken(malformed, ["chat"]), 400);
  await client.revokeTokens(user);
  await client.deleteUser(user);
  await report.refused("a deleted user is gone", () => client.deleteUser(user), 404);
  await report.refused("its tokens, too", () => client.revokeTokens(user), 404);
  for (const teamsUserAadToken of ["", "bad", "a.b.c"]) {
    const options = { teamsUserAadToken, clientId: "app", userObjectId: "user" };
    const name = `no exchange of ${JSON.stringify(teamsUserAadToken)}`;
    await report.refused(name, () => client.getTokenForTeamsUser(options), 401);
  }
  const stranger = new CommunicationIdentityClient(wrongConnectionString, noRetries);
  await report.refused("a wrong key", () => stranger.createUser(), 401, "Denied");
  if (httpEndpoint) {
    const text = `endpoint=${httpEndpoint};accesskey=${accessKey}`;
    const options = { ...noRetries, allowInsecureConnection: true };
    const made = await new CommunicationIdentityClient(text, options).createUser();
    report.check("a user is created over http", made.communicationUserId.startsWith("8:acs:"));
  }
}

function lives(expiresOn, minutes) {
  return Math.abs(expiresOn - Date.now() - minutes * 60_000) < 120_000;
}
