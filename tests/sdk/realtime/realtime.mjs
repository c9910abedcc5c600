// The unmodified browser build of the chat SDK listens to an exchange through a network that fails.
//
//   TRUNKLINE_ENDPOINT=https://localhost:8443 TRUNKLINE_ACCESS_KEY=… TRUNKLINE_SDK_JS=target/peers/sdk-js \
//   NODE_EXTRA_CA_CERTS=… node --experimental-websocket -C browser tests/sdk/realtime/realtime.mjs [suite]…
//
// Suites: kinds, copies, cut, tear, swallow, offline, stop, and, if somebody answers what they ask for,
// restart and expiry: a line {"ask":"restart"} wants the exchange stopped and started anew, and
// {"ask":"token <seconds> <user>"} a token, on the next line of the input. Without a name, those that
// ask for nothing run. Instead of a key, TRUNKLINE_USERS may give three users:
// [{"id":"8:acs:…","token":"…"},…].

import { load, requests } from "./browser.mjs";
import { Proxy } from "./proxy.mjs";
import { Report } from "./report.mjs";

const { ChatClient } = await load("@azure/communication-chat");
const { AzureCommunicationTokenCredential } = await load("@azure/communication-common");

const KINDS = [
  "chatMessageReceived", "chatMessageEdited", "chatMessageDeleted", "typingIndicatorReceived",
  "readReceiptReceived", "chatThreadCreated", "chatThreadPropertiesUpdated", "chatThreadDeleted",
  "participantsAdded", "participantsRemoved",
];
// With the slash at the end that endpoints of connection strings have.
const endpoint = `${process.env.TRUNKLINE_ENDPOINT.replace(/\/$/, "")}/`;
const report = new Report();
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const idOf = (identifier) => identifier.communicationUserId;

async function users(count) {
  if (process.env.TRUNKLINE_USERS) return JSON.parse(process.env.TRUNKLINE_USERS).slice(0, count);
  const { CommunicationIdentityClient } = await load("@azure/communication-identity");
  const key = process.env.TRUNKLINE_ACCESS_KEY;
  const identity = new CommunicationIdentityClient(`endpoint=${endpoint};accesskey=${key}`);
  return Promise.all(Array.from({ length: count }, async () => {
    const { user, token } = await identity.createUserAndToken(["chat"]);
    return { id: user.communicationUserId, token };
  }));
}

function client(user, url = endpoint) {
  const credential = user.credential ?? new AzureCommunicationTokenCredential(user.token);
  return new ChatClient(url, credential);
}

/**
 * A client that listens to all ten kinds and keeps what came, in order, as a page does: what it has
 * already it does not show again, and `repeated` counts it.
 */
class Listener {
  events = [];
  connections = 0;
  disconnections = 0;
  repeated = 0;
  #seen = new Set();
  #waiting = new Set();

  static async open(name, user, url) {
    const listener = new Listener();
    listener.name = name;
    listener.chat = client(user, url);
    const connected = new Promise((done) => {
      listener.chat.on("realTimeNotificationConnected", () => {
        listener.connections += 1;
        done();
        listener.#wake();
      });
    });
    listener.chat.on("realTimeNotificationDisconnected", () => {
      listener.disconnections += 1;
    });
    await listener.chat.startRealtimeNotifications();
    for (const kind of KINDS) {
      listener.chat.on(kind, (event) => {
        listener.#take(kind, event);
      });
    }
    await connected;
    return listener;
  }

  /** Waits until something holds of the listener; false if it never does. */
  async until(holds, milliseconds = 20_000) {
    const deadline = Date.now() + milliseconds;
    while (!holds(this)) {
      const left = deadline - Date.now();
      if (left <= 0) return false;
      await new Promise((done) => {
        const timer = setTimeout(done, left);
        this.#waiting.add(() => { clearTimeout(timer); done(); });
      });
    }
    return true;
  }

  /** Waits for an event of a kind that fits and returns it. */
  async one(kind, fits = () => true) {
    const find = () => this.events.find((entry) => entry.kind === kind && fits(entry.event));
    await this.until(find);
    return find()?.event;
  }

  texts(threadId) {
    return this.events
      .filter(({ kind, event }) => kind === "chatMessageReceived" && event.threadId === threadId)
      .map(({ event }) => event.message);
  }

  async close() {
    await this.chat.stopRealtimeNotifications();
  }

  #take(kind, event) {
    const key = keyOf(kind, event);
    if (this.#seen.has(key)) {
      report.event(this.name, `repeated ${kind}`, key);
      this.repeated += 1;
      return;
    }
    report.event(this.name, kind, key);
    this.#seen.add(key);
    this.events.push({ kind, event });
    this.#wake();
  }

  #wake() {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Tells an event from every other, but not from a repetition of itself. */
function keyOf(kind, event) {
  const own = event.id ?? event.chatMessageId ?? "";
  return [kind, event.threadId, own, event.version ?? event.readOn?.getTime()].join(" ");
}

async function thread(owner, topic, ...others) {
  const participants = others.map((other) => ({ id: { communicationUserId: other.id } }));
  const { chatThread } = await owner.chat.createChatThread({ topic }, { participants });
  return owner.chat.getChatThreadClient(chatThread.id);
}

/** All ten kinds reach another member, member by member. */
async function kinds() {
  const [alice, bob, carol] = await users(3);
  alice.chat = client(alice);
  const listener = await Listener.open("bob", bob);
  const began = Date.now() - 60_000;
  const isRecent = (date) => date instanceof Date && date.getTime() > began
    && date.getTime() < Date.now() + 60_000;

  const topic = "100% Grün %41 \u{1F600} \"x\" \\";
  const made = await alice.chat.createChatThread({ topic }, {
    participants: [
      { id: { communicationUserId: alice.id }, displayName: "Alice %20" },
      { id: { communicationUserId: bob.id }, displayName: "Bob", metadata: { role: "guest %" } },
    ],
    metadata: { color: "grün %41" },
    retentionPolicy: { kind: "threadCreationDate", deleteThreadAfterDays: 60 },
  });
  const threadId = made.chatThread.id;
  const ours = (event) => event.threadId === threadId;
  const chat = alice.chat.getChatThreadClient(threadId);

  const created = await listener.one("chatThreadCreated", ours);
  report.check("chatThreadCreated came", created);
  report.equal("its topic and metadata", created.properties, { topic, metadata: { color: "grün %41" } });
  report.equal("its retention", created.retentionPolicy,
    { kind: "threadCreationDate", deleteThreadAfterDays: 60 });
  report.equal("its creator", idOf(created.createdBy.id), alice.id);
  report.equal("the name of its creator", created.createdBy.displayName, "Alice %20");
  report.check("its time", isRecent(created.createdOn), created.createdOn);
  const member = created.participants.find((participant) => idOf(participant.id) === bob.id);
  report.equal("its participants", created.participants.map((one) => idOf(one.id)).sort(),
    [alice.id, bob.id].sort());
  report.equal("a participant", [member.displayName, member.metadata], ["Bob", { role: "guest %" }]);

  const content = "Grüße %41 \u{1F600} <b>\"x\"</b>\n\\";
  const sent = await chat.sendMessage({ content },
    { senderDisplayName: "Alice", type: "text", metadata: { tag: "a \"b\"" } });
  const received = await listener.one("chatMessageReceived", ours);
  report.equal("chatMessageReceived came", received?.id, sent.id);
  report.equal("its text", received.message, content);
  report.equal("its type", received.type, "Text");
  report.equal("its sender", [idOf(received.sender), received.senderDisplayName], [alice.id, "Alice"]);
  report.equal("its recipient", idOf(received.recipient), bob.id);
  report.equal("its metadata", received.metadata, { tag: "a \"b\"" });
  report.equal("its version", received.version, sent.id);
  report.check("its time", isRecent(received.createdOn), received.createdOn);

  await chat.updateMessage(sent.id, { content: "edited" });
  const edited = await listener.one("chatMessageEdited", ours);
  report.equal("chatMessageEdited came", [edited?.id, edited?.message], [sent.id, "edited"]);
  report.check("its time", isRecent(edited.editedOn), edited.editedOn);
  report.check("its version is later", BigInt(edited.version) > BigInt(received.version), edited.version);

  await chat.sendTypingNotification({ senderDisplayName: "Alice" });
  const typing = await listener.one("typingIndicatorReceived", ours);
  report.equal("typingIndicatorReceived came", [idOf(typing?.sender ?? {}), typing?.senderDisplayName],
    [alice.id, "Alice"]);
  report.check("its time", isRecent(typing.receivedOn), typing.receivedOn);

  await chat.sendReadReceipt({ chatMessageId: sent.id });
  const receipt = await listener.one("readReceiptReceived", ours);
  report.equal("readReceiptReceived came", [receipt?.chatMessageId, idOf(receipt?.sender ?? {})],
    [sent.id, alice.id]);
  report.check("its time", isRecent(receipt.readOn), receipt.readOn);

  await chat.deleteMessage(sent.id);
  const deleted = await listener.one("chatMessageDeleted", ours);
  report.equal("chatMessageDeleted came", deleted?.id, sent.id);
  report.check("its time", isRecent(deleted.deletedOn), deleted.deletedOn);

  const html = await chat.sendMessage({ content: "<b>bold</b>" }, { type: "html" });
  const bold = await listener.one("chatMessageReceived", (event) => event.id === html.id);
  report.equal("markup came", [bold?.type, bold?.message], ["RichText/Html", "<b>bold</b>"]);

  await chat.updateTopic("another %25");
  const updated = await listener.one("chatThreadPropertiesUpdated", ours);
  report.equal("chatThreadPropertiesUpdated came", updated?.properties,
    { topic: "another %25", metadata: { color: "grün %41" } });
  report.equal("who did it", [idOf(updated.updatedBy.id), updated.updatedBy.displayName], [alice.id, "Alice %20"]);
  report.check("its time", isRecent(updated.updatedOn), updated.updatedOn);

  const share = new Date(Date.now() - 3_600_000);
  share.setMilliseconds(0);
  await chat.addParticipants({ participants: [
    { id: { communicationUserId: carol.id }, displayName: "Carol", shareHistoryTime: share },
  ] });
  const added = await listener.one("participantsAdded", ours);
  report.equal("participantsAdded came", added?.participantsAdded.map((one) => idOf(one.id)), [carol.id]);
  report.equal("who came", [added.participantsAdded[0].displayName, added.participantsAdded[0].shareHistoryTime],
    ["Carol", share]);
  report.equal("who added them", [idOf(added.addedBy.id), added.addedBy.displayName], [alice.id, "Alice %20"]);
  report.check("its time", isRecent(added.addedOn), added.addedOn);

  await chat.removeParticipant({ communicationUserId: carol.id });
  const removed = await listener.one("participantsRemoved", ours);
  report.equal("participantsRemoved came", removed?.participantsRemoved.map((one) => idOf(one.id)),
    [carol.id]);
  report.equal("who removed them", [idOf(removed.removedBy.id), removed.removedBy.displayName], [alice.id, "Alice %20"]);
  report.check("its time", isRecent(removed.removedOn), removed.removedOn);

  await alice.chat.deleteChatThread(threadId);
  const gone = await listener.one("chatThreadDeleted", ours);
  report.equal("chatThreadDeleted came", [gone?.reason, idOf(gone?.deletedBy?.id ?? {}), gone?.deletedBy?.displayName],
    ["deletedByUser", alice.id, "Alice %20"]);
  report.check("its time", isRecent(gone.deletedOn), gone.deletedOn);

  await sleep(1_000);
  report.equal("nothing came twice", listener.repeated, 0);
  const came = new Set(listener.events.map(({ kind }) => kind));
  report.equal("all ten kinds came", [...came].sort(), [...KINDS].sort());
  await listener.close();
}

/** Every endpoint of a user has its own copy, those of the sender too. */
async function copies() {
  const [alice, bob] = await users(2);
  alice.chat = client(alice);
  const chat = await thread(alice, "copies", bob);
  const listeners = await Promise.all([
    Listener.open("bob 1", bob), Listener.open("bob 2", bob),
    Listener.open("alice 1", alice), Listener.open("alice 2", alice),
  ]);
  await send(chat, 0, 5);
  const expected = numbered(0, 5);
  for (const listener of listeners) {
    await listener.until(() => listener.texts(chat.threadId).length >= 5);
    report.equal(`${listener.name} has its copy`, listener.texts(chat.threadId), expected);
    report.equal(`${listener.name} has it once`, listener.repeated, 0);
    await listener.close();
  }
}

/** The connection breaks again and again in the middle of a stream; what was answered never comes again. */
async function cut() {
  const listener = await stream("cut", (proxy, listener) => breaks(listener, () => proxy.cut()));
  report.equal("nothing came twice", listener.repeated, 0);
}

/** The same, with answers lost on their way: what they were for comes again, to be shown once. */
async function tear() {
  const listener = await stream("tear", (proxy, listener) => breaks(listener, () => proxy.tear()));
  report.check("the client was told of each break",
    listener.disconnections >= listener.connections - 1, listener.disconnections);
}

/** The exchange is stopped and started anew in the middle of a stream, on what it has stored. */
async function restart() {
  const [alice, bob] = await users(2);
  alice.chat = client(alice);
  const chat = await thread(alice, "restart", bob);
  const listener = await Listener.open("bob", bob);
  const until = { isOver: false, sent: 0 };
  const sending = sendThrough(chat, until);
  for (let round = 0; round < 3; round += 1) {
    // In the middle of the stream, wherever that is.
    const enough = until.sent + 20 + Math.floor(Math.random() * 60);
    while (until.sent < enough) await sleep(5);
    const [before, asked] = [listener.connections, requests.length];
    report.equal(`restart ${round + 1} is done`, await report.ask("restart"), "done");
    report.check(`connection ${round + 2} stands`,
      await listener.until(() => listener.connections > before, 60_000), listener.connections);
    report.figures({ requests: requests.slice(asked), sent: until.sent });
  }
  const enough = until.sent + 20;
  while (until.sent < enough) await sleep(5);
  until.isOver = true;
  await sending;
  const stored = (await texts(chat)).reverse();
  report.equal("each message is stored once, in order", stored, numbered(0, until.sent));
  const isWhole = await listener.until(() => listener.texts(chat.threadId).length >= until.sent, 60_000);
  report.check("everything came", isWhole, listener.texts(chat.threadId).length);
  await sleep(2_000);
  report.equal("each message is there, in order", listener.texts(chat.threadId), stored);
  report.equal("nothing came twice", listener.repeated, 0);
  const { connections, disconnections, repeated } = listener;
  report.figures({ sent: until.sent, failed: until.failed, connections, disconnections, repeated });
  await listener.close();
}

/** Sends numbered messages to an exchange that comes and goes, each until it is known to be stored. */
async function sendThrough(chat, until) {
  until.failed = 0;
  while (!until.isOver) {
    const content = `message ${until.sent}`;
    let isStored = false;
    while (!isStored) {
      try {
        await chat.sendMessage({ content });
        isStored = true;
      } catch {
        // Whether it was taken, only the exchange knows.
        until.failed += 1;
        await sleep(100);
        isStored = await texts(chat, 1).then((last) => last[0] === content, () => false);
      }
    }
    until.sent += 1;
    await sleep(10);
  }
}

/** Returns the texts of a thread, or the last of them; the newest first. */
async function texts(chat, limit = Infinity) {
  const found = [];
  for await (const message of chat.listMessages({ maxPageSize: Math.min(limit, 200) })) {
    if (message.type === "text") found.push(message.content.message);
    if (found.length >= limit) break;
  }
  return found;
}

/** Tokens of the listener expire in the middle of a stream; it goes on with fresh ones. */
async function expiry() {
  const bob = {};
  let issued = 0;
  const tokenRefresher = async () => {
    issued += 1;
    return report.ask(`token 12 ${bob.id}`);
  };
  bob.credential = new AzureCommunicationTokenCredential({ tokenRefresher });
  const listener = await stream("expiry", async (proxy, listener) => {
    report.check("the socket stood up with a third token",
      await listener.until(() => listener.connections >= 3, 90_000), listener.connections);
  }, bob);
  report.check("tokens were fetched", issued >= 3, issued);
  report.check("the client was told of each end", listener.disconnections >= 2,
    listener.disconnections);
}

async function breaks(listener, happen) {
  const rounds = Number(process.env.TRUNKLINE_CUTS ?? 5);
  for (let round = 0; round < rounds; round += 1) {
    await sleep(300 + Math.random() * 1_500);
    const before = listener.connections;
    await happen();
    report.check(`connection ${round + 2} stands`,
      await listener.until(() => listener.connections > before, 60_000), listener.connections);
  }
}

/** The connection falls silent in the middle of a stream, and the client has to find out. */
async function swallow() {
  await stream("swallow", async (proxy, listener) => {
    await sleep(500);
    const before = listener.connections;
    proxy.swallow();
    report.check("the client noticed",
      await listener.until(() => listener.connections > before, 90_000), listener.connections);
  });
}

/** The client has no network for half a minute. */
async function offline() {
  const seconds = Number(process.env.TRUNKLINE_OFFLINE_SECONDS ?? 30);
  await stream("offline", async (proxy, listener) => {
    await sleep(500);
    const before = listener.connections;
    await proxy.offline(seconds * 1_000);
    report.check("the client came back",
      await listener.until(() => listener.connections > before, 120_000), listener.connections);
  });
}

/** A client that stops hears no more, and hears only what is new when it starts again. */
async function stop() {
  const [alice, bob] = await users(2);
  alice.chat = client(alice);
  const chat = await thread(alice, "stop", bob);
  const listener = await Listener.open("bob", bob);
  await send(chat, 0, 1);
  await listener.until(() => listener.texts(chat.threadId).length >= 1);
  await listener.close();
  await sleep(1_000);
  await send(chat, 1, 2);
  await sleep(1_000);
  report.equal("nothing came after", listener.texts(chat.threadId), numbered(0, 1));
  const again = await Listener.open("bob again", bob);
  await send(chat, 2, 3);
  await again.until(() => again.texts(chat.threadId).length >= 1);
  report.equal("only what is new came", again.texts(chat.threadId), numbered(2, 3));
  await again.close();
}

/** Sends numbered messages while something happens to the listener's network, and looks at what came. */
async function stream(name, happen, listening = {}) {
  const [alice, bob] = await users(2);
  // Whoever brings a credential gets to know whose it is to be.
  Object.assign(bob, listening, bob);
  Object.assign(listening, bob);
  alice.chat = client(alice);
  const chat = await thread(alice, name, bob);
  const proxy = await Proxy.open(endpoint);
  const listener = await Listener.open("bob", bob, proxy.url);
  const began = listener.events.length;
  let [sent, isOver] = [0, false];
  const sending = (async () => {
    while (!isOver || sent < 100) {
      await send(chat, sent, sent + 1);
      sent += 1;
      await sleep(10);
    }
  })();
  await happen(proxy, listener);
  isOver = true;
  await sending;
  const ended = Date.now();
  const isWhole = await listener.until(() => listener.events.length - began >= sent, 60_000);
  report.check("everything came", isWhole, { sent, came: listener.events.length - began });
  const caughtUpMilliseconds = Date.now() - ended;
  await sleep(2_000);
  report.equal("each message is there, in order", listener.texts(chat.threadId), numbered(0, sent));
  const { connections, disconnections, repeated } = listener;
  report.figures({ sent, connections, disconnections, repeated, caughtUpMilliseconds });
  await listener.close();
  proxy.close();
  return listener;
}

async function send(chat, from, to) {
  for (let number = from; number < to; number += 1) {
    await chat.sendMessage({ content: `message ${number}` });
  }
}

function numbered(from, to) {
  return Array.from({ length: to - from }, (_, index) => `message ${from + index}`);
}

const alone = { kinds, copies, cut, tear, swallow, offline, stop };
const suites = { ...alone, restart, expiry };
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(alone);
for (const name of wanted) {
  report.suite = name;
  try {
    await suites[name]();
  } catch (error) {
    report.check("the suite ran to its end", false, error);
  }
}
process.exit(report.end());
