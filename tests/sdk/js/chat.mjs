// Every operation of the chat clients, with good and bad input.

import { randomUUID } from "node:crypto";

import {
  AzureCommunicationTokenCredential, ChatClient, CommunicationIdentityClient, byPage,
  connectionString, endpoint, items, noRetries,
} from "./checks.mjs";

const EPOCH = new Date(0);
const UNKNOWN_THREAD = "19:00000000000000000000000000000000@thread.v2";

export async function run(report) {
  const identity = new CommunicationIdentityClient(connectionString, noRetries);
  const user = async (...scopes) => {
    const made = await identity.createUserAndToken(scopes.length ? scopes : ["chat"]);
    const credential = new AzureCommunicationTokenCredential(made.token);
    return { id: made.user, rawId: made.user.communicationUserId,
      chat: new ChatClient(endpoint, credential, noRetries) };
  };
  const [alice, bob, carol] = [await user(), await user(), await user()];
  await threads(report, alice, bob);
  await messages(report, alice, bob);
  await participants(report, alice, bob, carol);
  await receiptsAndTyping(report, alice, bob);
  await refusals(report, alice, carol, await user("voip"), await user("chat.join"));
}

async function create(owner, ...others) {
  const participants = others.map((other) => ({ id: other.id, shareHistoryTime: EPOCH }));
  const { chatThread } = await owner.chat.createChatThread({ topic: "a topic" }, { participants });
  return chatThread.id;
}

async function threads(report, alice, bob) {
  const made = await alice.chat.createChatThread({ topic: "js" }, {
    participants: [{ id: bob.id, displayName: "Bob", metadata: { role: "guest" } }],
    metadata: { a: "b" },
    retentionPolicy: { kind: "threadCreationDate", deleteThreadAfterDays: 60 },
  });
  report.equal("nobody is invalid", made.invalidParticipants ?? [], []);
  const { id, createdBy, createdOn } = made.chatThread;
  report.equal("the creator is named", createdBy,
    { kind: "communicationUser", communicationUserId: alice.rawId });
  report.check("it says when", createdOn instanceof Date && createdOn.getMilliseconds() === 0);
  const thread = alice.chat.getChatThreadClient(id);
  let found = await thread.getProperties();
  report.equal("it has what was asked", [found.topic, found.metadata, found.retentionPolicy],
    ["js", { a: "b" }, { kind: "threadCreationDate", deleteThreadAfterDays: 60 }]);
  await thread.updateTopic("js1");
  await thread.updateProperties({ topic: "js2", metadata: { c: "d" }, retentionPolicy: { kind: "none" } });
  found = await thread.getProperties();
  report.equal("it has what was changed", [found.topic, found.metadata, found.retentionPolicy],
    ["js2", { a: "b", c: "d" }, { kind: "none" }]);

  const idempotencyToken = randomUUID();
  const again = () => alice.chat.createChatThread({ topic: "once" }, { idempotencyToken });
  const [first, second] = [await again(), await again()];
  report.equal("the same request makes one thread", first.chatThread.id, second.chatThread.id);
  await report.refused("the same id for another request",
    () => alice.chat.createChatThread({ topic: "twice" }, { idempotencyToken }), 409);

  const listed = await items(alice.chat.listChatThreads());
  report.check("threads are listed", listed.some((one) => one.id === id && one.topic === "js2"), listed);
  const pages = await byPage(alice.chat.listChatThreads({ maxPageSize: 1 }));
  report.check("one a page", pages.every((page) => page.length <= 1) && pages.length >= 2, pages);
  const later = new Date(Date.now() + 86_400_000);
  report.equal("none since tomorrow", await items(alice.chat.listChatThreads({ startTime: later })), []);
  await alice.chat.deleteChatThread(id);
  await alice.chat.deleteChatThread(id);
  const deleted = (await items(alice.chat.listChatThreads())).find((one) => one.id === id);
  report.check("a deleted thread says so", deleted?.deletedOn instanceof Date, deleted);
  await report.refused("retention that is too short", () => alice.chat.createChatThread(
    { topic: "soon" }, { retentionPolicy: { kind: "threadCreationDate", deleteThreadAfterDays: 1 } },
  ), 400);
}

async function messages(report, alice, bob) {
  const id = await create(alice, bob);
  const [hers, his] = [alice.chat.getChatThreadClient(id), bob.chat.getChatThreadClient(id)];
  const sent = await hers.sendMessage({ content: "hello <i>js</i>" },
    { senderDisplayName: "Alice", type: "text", metadata: { x: "y" } });
  let message = await his.getMessage(sent.id);
  report.equal("a message", [message.type, message.content.message, message.senderDisplayName,
    message.sender.communicationUserId, message.metadata, message.sequenceId, message.version],
  ["text", "hello <i>js</i>", "Alice", alice.rawId, { x: "y" }, "3", sent.id]);
  report.check("it says when", message.createdOn instanceof Date && !message.editedOn);
  const marked = await hers.sendMessage(
    { content: "<b>bold</b><img src=x onerror=alert(1)>" }, { type: "html" });
  message = await his.getMessage(marked.id);
  const isSafe = message.content.message.includes("<b>bold</b>") && !/onerror/.test(message.content.message);
  report.check("markup is kept, scripts are not", isSafe, message.content);
  await hers.updateMessage(sent.id, { content: "edited", metadata: { z: "w" } });
  message = await his.getMessage(sent.id);
  report.equal("it is changed", [message.content.message, message.metadata, message.editedOn instanceof Date],
    ["edited", { x: "y", z: "w" }, true]);
  await hers.updateMessage(sent.id, { metadata: { only: "this" } });
  message = await his.getMessage(sent.id);
  report.equal("content that is left out stays", message.content.message, "edited");
  await hers.deleteMessage(sent.id);
  message = await his.getMessage(sent.id);
  report.check("it is deleted", message.deletedOn instanceof Date && !message.content?.message, message);

  const all = await items(his.listMessages());
  report.equal("all are listed, newest first", all.map((one) => one.sequenceId), ["4", "3", "2", "1"]);
  report.equal("with the system's", all.slice(2).map((one) => one.type), ["topicUpdated", "participantAdded"]);
  const came = all[3].content.participants.map((one) => one.id.communicationUserId).sort();
  report.equal("which say who came", came, [alice.rawId, bob.rawId].sort());
  report.equal("and by whom", all[3].content.initiator.communicationUserId, alice.rawId);
  const pages = await byPage(his.listMessages({ maxPageSize: 3, startTime: EPOCH }));
  report.equal("three a page", pages.map((page) => page.length), [3, 1]);
  await report.refused("others may not change it", () => his.updateMessage(marked.id, { content: "no" }), 403);
  await report.refused("too long", () => hers.sendMessage({ content: "x".repeat(28_673) }), 413);
  await report.refused("another type", () => hers.sendMessage({ content: "x" }, { type: "topicUpdated" }), 400);
  await report.refused("no such message", () => hers.getMessage("1700000000000"), 404);
  await report.refused("no id", () => hers.getMessage("first"), 400);
}

async function participants(report, alice, bob, carol) {
  const id = await create(alice, bob);
  const thread = alice.chat.getChatThreadClient(id);
  const added = await thread.addParticipants({ participants: [
    { id: carol.id, displayName: "Carol", shareHistoryTime: EPOCH, metadata: { k: "v" } },
    { id: { phoneNumber: "+14255550100" } },
  ] });
  report.equal("a phone is invalid", added.invalidParticipants?.map((one) => one.target), ["4:+14255550100"]);
  const found = await items(thread.listParticipants());
  const hers = found.find((one) => one.id.communicationUserId === carol.rawId);
  report.equal("the other was added", [hers?.displayName, hers?.metadata, hers?.shareHistoryTime],
    ["Carol", { k: "v" }, EPOCH]);
  const pages = await byPage(thread.listParticipants({ maxPageSize: 2 }));
  report.equal("two a page", pages.map((page) => page.length), [2, 1]);
  report.equal("without the first", (await items(thread.listParticipants({ skip: 1 }))).length, 2);
  await thread.removeParticipant(carol.id);
  await thread.addParticipants({ participants: [{ id: carol.id }] });
  const back = (await items(thread.listParticipants())).find((one) => one.id.communicationUserId === carol.rawId);
  report.equal("without a time everything is shared", back?.shareHistoryTime, EPOCH);
  await thread.removeParticipant(carol.id);
  report.equal("one is removed", (await items(thread.listParticipants())).length, 2);
  await report.refused("who is out says nothing",
    () => carol.chat.getChatThreadClient(id).sendMessage({ content: "hey" }), 403);
  await report.refused("a malformed id",
    () => thread.addParticipants({ participants: [{ id: { communicationUserId: "8:acs:x" } }] }), 400);
}

async function receiptsAndTyping(report, alice, bob) {
  const id = await create(alice, bob);
  const [hers, his] = [alice.chat.getChatThreadClient(id), bob.chat.getChatThreadClient(id)];
  const { id: chatMessageId } = await hers.sendMessage({ content: "read me" });
  await his.sendReadReceipt({ chatMessageId });
  await hers.sendReadReceipt({ chatMessageId });
  const pages = await byPage(hers.listReadReceipts({ maxPageSize: 1 }));
  report.equal("one receipt a page", pages.map((page) => page.length), [1, 1]);
  const [receipt] = pages.flat().filter((one) => one.sender.communicationUserId === bob.rawId);
  report.check("it says what and when", receipt?.chatMessageId === chatMessageId
    && receipt.readOn instanceof Date, receipt);
  report.equal("typing is told", await his.sendTypingNotification({ senderDisplayName: "Bob" }), true);
  report.equal("not twice in a moment", await his.sendTypingNotification(), false);
}

async function refusals(report, alice, carol, voip, joiner) {
  const id = await create(alice);
  const stranger = carol.chat.getChatThreadClient(id);
  await report.refused("a stranger", () => stranger.sendMessage({ content: "hey" }), 403, "Forbidden");
  await report.refused("a stranger who looks", () => items(stranger.listMessages()), 403);
  const nowhere = alice.chat.getChatThreadClient(UNKNOWN_THREAD);
  await report.refused("no such thread", () => nowhere.getProperties(), 404, "NotFound");
  await report.refused("a voice token", () => items(voip.chat.listChatThreads()), 403);
  await report.refused("a guest's token", () => joiner.chat.createChatThread({ topic: "no" }), 403);
  const expired = `x.${Buffer.from(JSON.stringify({ exp: 4e9 })).toString("base64url")}.x`;
  const chat = new ChatClient(endpoint, new AzureCommunicationTokenCredential(expired), noRetries);
  await report.refused("a token that nobody signed", () => items(chat.listChatThreads()), 401);
}
