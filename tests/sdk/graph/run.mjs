// Drives the Microsoft Graph client, unmodified, against an exchange; see ../README.md.
//
// It asks for the calls of a meeting in lines of its own and waits for the answer on its input.

import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

import {
  AzureCommunicationTokenCredential, ChatClient, CommunicationIdentityClient, connectionString, endpoint, noRetries,
  Report, signIn, within,
} from "../js/checks.mjs";

const require = createRequire(path.join(process.env.TRUNKLINE_SDK_JS, "package.json"));
const { Client, PageIterator } = require("@microsoft/microsoft-graph-client");

const APP = "1fec8e78-bce4-4aaf-ab1b-5451cc387264";
const PERMISSIONS = ["Teams.ManageCalls", "Teams.ManageChats"];
const LIMIT_SECONDS = 120;

const report = new Report("js/graph");
const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the test do something, and waits until it is done. */
async function ask(what) {
  console.log(JSON.stringify({ ask: what }));
  const { value } = await answers.next();
  return value;
}

/** Signs a directory user in and returns the id, the token and a client. */
async function user(name) {
  const { token: teamsUserAadToken, userId: userObjectId } = await signIn(name, APP, PERMISSIONS);
  const identity = new CommunicationIdentityClient(connectionString, noRetries);
  const { token } = await identity.getTokenForTeamsUser({ teamsUserAadToken, clientId: APP, userObjectId });
  return { id: userObjectId, token, graph: graph(token) };
}

/** The client as its documentation has it for other hosts than Microsoft's. */
function graph(token) {
  return Client.initWithMiddleware({
    authProvider: { getAccessToken: async () => token },
    baseUrl: `${endpoint}/graph`,
    customHosts: new Set([new URL(endpoint).hostname]),
  });
}

function member(id) {
  return {
    "@odata.type": "#microsoft.graph.aadUserConversationMember",
    roles: ["owner"],
    "user@odata.bind": `https://graph.microsoft.com/v1.0/users('${id}')`,
  };
}

/** Returns the items of a list, page by page, as the client's own iterator walks it. */
async function all(client, page) {
  const found = [];
  await new PageIterator(client, page, (item) => found.push(item) > 0).iterate();
  return found;
}

/** Notes whether a request fails as Graph says it does. */
async function refused(name, request, status, code) {
  try {
    report.check(name, false, await request());
  } catch (error) {
    const { statusCode, code: given, requestId, message } = error;
    const isOk = statusCode === status && given === code && requestId && message;
    report.check(name, isOk, { statusCode, code: given, requestId, message });
  }
}

async function chats(alice, bob, charlie) {
  const body = { chatType: "group", topic: "Plans", members: [member(alice.id), member(bob.id)] };
  const chat = await alice.graph.api("/chats").post(body);
  report.equal("a chat is made", [chat.chatType, chat.topic], ["group", "Plans"]);
  report.check("its id is a thread's", /^19:[^@]+@thread\.v2$/.test(chat.id), chat.id);
  const members = `/chats/${chat.id}/members`;
  const added = await alice.graph.api(members).post(member(charlie.id));
  report.equal("a member is added", [added.userId, added.displayName], [charlie.id, "Charlie Cole"]);
  const ids = async () => (await alice.graph.api(members).get()).value.map(({ userId }) => userId).sort();
  report.equal("it is listed", await ids(), [alice.id, bob.id, charlie.id].sort());
  const own = await charlie.graph.api("/me/chats").expand("members").get();
  report.equal("it has the chat", own.value.map(({ id, members: { length } }) => [id, length]), [[chat.id, 3]]);
  await alice.graph.api(`${members}/${added.id}`).delete();
  report.equal("a member is removed", await ids(), [alice.id, bob.id].sort());
  await refused("it has the chat no longer", () => charlie.graph.api(`/chats/${chat.id}`).get(), 404, "NotFound");

  const messages = `/chats/${chat.id}/messages`;
  const texts = Array.from({ length: 7 }, (_, number) => `message ${number}`);
  for (const [number, content] of texts.entries()) {
    const sender = number % 2 ? bob : alice;
    const sent = await sender.graph.api(messages).post({ body: { content } });
    report.equal(`${content} is sent`, [sent.from.user.id, sent.body.content], [sender.id, content]);
  }
  const found = await all(bob.graph, await bob.graph.api(messages).top(2).get());
  const said = found.filter(({ messageType }) => messageType === "message");
  report.equal("messages are listed, newest first", said.map(({ body }) => body.content).reverse(), texts);
  report.check("with what the chat itself says", found.length > said.length, found.length);
  const chatClient = new ChatClient(endpoint, new AzureCommunicationTokenCredential(alice.token), noRetries);
  const { topic } = await chatClient.getChatThreadClient(chat.id).getProperties();
  report.equal("the chat SDK has the same thread", topic, "Plans");
}

async function meeting(alice) {
  const body = {
    subject: "Review",
    startDateTime: "2027-01-01T10:00:00Z",
    endDateTime: "2027-01-01T11:00:00Z",
    lobbyBypassSettings: { scope: "organization" },
    joinMeetingIdSettings: { isPasscodeRequired: true },
  };
  const made = await alice.graph.api("/me/onlineMeetings").post(body);
  report.equal("a meeting is made", [made.subject, made.lobbyBypassSettings.scope], ["Review", "organization"]);
  const read = await alice.graph.api(`/me/onlineMeetings/${made.id}`).select("id,joinMeetingIdSettings,chatInfo").get();
  report.equal("its id and passcode are read", read.joinMeetingIdSettings, made.joinMeetingIdSettings);
  const { joinMeetingId, passcode } = read.joinMeetingIdSettings;
  report.check("as documented", /^\d{12}$/.test(joinMeetingId.replaceAll(" ", "")) && passcode.length === 6);
  const filter = `joinMeetingIdSettings/joinMeetingId eq '${joinMeetingId}'`;
  const found = await alice.graph.api("/me/onlineMeetings").filter(filter).get();
  report.equal("it is found by its id", found.value.map(({ id }) => id), [made.id]);
  const byLink = await alice.graph.api("/me/onlineMeetings").filter(`JoinWebUrl eq '${made.joinWebUrl}'`).get();
  report.equal("and by its link", byLink.value.map(({ id }) => id), [made.id]);
  return `${joinMeetingId.replaceAll(" ", "")} ${passcode}`;
}

async function presence(alice, bob, code) {
  const seen = async () => {
    const ids = [alice.id, bob.id];
    const { value } = await bob.graph.api("/communications/getPresencesByUserId").post({ ids });
    return value.map(({ availability, activity }) => `${availability}/${activity}`).join(" ");
  };
  // A client hears of its own call a moment before others are shown it.
  const becomes = async (name, expected) => {
    const until = Date.now() + 5_000;
    while ((await seen()) !== expected && Date.now() < until) await new Promise((done) => setTimeout(done, 20));
    report.equal(name, await seen(), expected);
  };
  await becomes("nobody is there", "Offline/Offline Offline/Offline");
  report.equal("a wrong passcode opens nothing", await ask(`guess ${code}`), "refused");
  report.equal("a call joins by id and passcode", await ask(`join ${code}`), "Connected Connected");
  await becomes("both are in a call", "Busy/InAConferenceCall Busy/InAConferenceCall");
  const wanted = { availability: "DoNotDisturb", activity: "DoNotDisturb", expirationDuration: "PT8H" };
  await alice.graph.api("/me/presence/setUserPreferredPresence").post(wanted);
  const { availability } = await bob.graph.api(`/users/${alice.id}/presence`).get();
  report.equal("what is preferred is shown", availability, "DoNotDisturb");
  await alice.graph.api("/me/presence/clearUserPreferredPresence").post({});
  await becomes("until it is cleared", "Busy/InAConferenceCall Busy/InAConferenceCall");
  report.equal("they hang up", await ask("leave"), "done");
  await becomes("and are available again", "Available/Available Available/Available");
  report.equal("they sign out", await ask("dispose"), "done");
  await becomes("and are offline", "Offline/Offline Offline/Offline");
}

async function errors(alice, bob) {
  const unknown = "19:00000000000000000000000000000000@thread.v2";
  await refused("a chat of nobody", () => alice.graph.api(`/chats/${unknown}`).get(), 404, "NotFound");
  const request = () => graph("token").api("/me").get();
  await refused("a token of nobody", request, 401, "InvalidAuthenticationToken");
  const make = () => alice.graph.api("/chats").post({ chatType: "crowd", members: [] });
  await refused("a chat of no kind", make, 400, "BadRequest");
  const other = () => alice.graph.api(`/users/${bob.id}/onlineMeetings`).post({});
  await refused("a meeting of somebody else", other, 403, "Forbidden");
}

async function run() {
  const [alice, bob, charlie] = [await user("alice"), await user("bob"), await user("charlie")];
  const me = await alice.graph.api("/me").get();
  report.equal("the client knows who asks", [me.id, me.displayName], [alice.id, "Alice Archer"]);
  const users = await all(alice.graph, await alice.graph.api("/users").top(2).get());
  report.check("and lists the directory", users.some(({ id }) => id === bob.id), users.length);
  await chats(alice, bob, charlie);
  await presence(alice, bob, await meeting(alice));
  await errors(alice, bob);
}

const begun = Date.now();
try {
  await within(LIMIT_SECONDS, run());
} catch (error) {
  report.check("the suite runs to its end", false, error);
}
const seconds = (Date.now() - begun) / 1000;
console.log(JSON.stringify({ done: true, checks: report.made, failed: report.failed, seconds }));
process.exit(report.failed || !report.made ? 1 : 0);
