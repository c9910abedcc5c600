// The chat page's stream, model and outbox without a browser: lines in, requests out.

import assert from 'node:assert/strict';
import path from 'node:path';
import { mock, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const page = (file) => import(pathToFileURL(path.join(process.env.TRUNKLINE_PAGE_JS, file)));
const { RequestError } = await page('chat-api.js');
const { ChatModel, fromRest } = await page('chat-model.js');
const { ChatStream } = await page('chat-stream.js');
const { systemWords, typingWords } = await page('chat-words.js');
const { Outbox } = await page('outbox.js');

const ALICE = '8:orgid:alice';
const BOB = '8:orgid:bob';

/** An exchange that answers with what the test gives it, and notes what it was asked. */
class FakeExchange {
  asked = [];
  #answers = [];

  constructor() {
    mock.method(globalThis, 'fetch', async (url, { headers, signal }) => {
      this.asked.push({ url, authorization: headers.Authorization });
      const next = this.#answers.shift();
      if (!next) throw new TypeError('nobody answers');
      return next(signal);
    });
  }

  refuse(status) {
    this.#answers.push(async () => new Response(JSON.stringify({ error: { message: 'no' } }), { status }));
  }

  /** Answers with pieces of text, and then ends or stays open. */
  stream(pieces, { ends = true } = {}) {
    this.#answers.push(async (signal) => new Response(new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
        if (ends) controller.close();
        else signal.addEventListener('abort', () => controller.error(new DOMException('cut', 'AbortError')));
      },
    })));
  }
}

function credential() {
  let number = 0;
  return { token: async ({ fresh = false } = {}) => `token-${fresh ? (number += 1) : number}` };
}

const line = (seq, text) => `${JSON.stringify({ seq: String(seq), event: { threadId: 't', text } })}\n`;

/** Opens a stream and resolves with what it told, once it has told so many events. */
async function told(exchange, count) {
  const stream = new ChatStream(credential());
  const seen = { texts: [], begins: 0, states: [], closed: null };
  stream.addEventListener('begin', () => { seen.begins += 1; });
  stream.addEventListener('state', ({ detail }) => seen.states.push(detail));
  await new Promise((resolve) => {
    stream.addEventListener('closed', ({ detail }) => {
      seen.closed = detail;
      resolve();
    });
    stream.addEventListener('event', ({ detail }) => {
      seen.texts.push(detail.text);
      if (seen.texts.length === count) resolve();
    });
    stream.open();
  });
  stream.close();
  return seen;
}

test('a stream that breaks goes on after the last line, and tells nothing twice', async () => {
  const exchange = new FakeExchange();
  const second = line(12, 'two');
  exchange.stream(['{"seq":"10"}\n', line(11, 'one'), '\n', second.slice(0, 9), second.slice(9), line(13, 'never whole').slice(0, 20)]);
  exchange.stream(['{"seq":"12"}\n', line(12, 'two'), line(13, 'three')], { ends: false });
  const { texts, begins, states } = await told(exchange, 3);
  assert.deepEqual(texts, ['one', 'two', 'three']);
  assert.equal(begins, 1);
  assert.deepEqual(exchange.asked.map(({ url }) => url), ['/events/chat', '/events/chat?after=12']);
  assert.deepEqual(states, ['connecting', 'open', 'reconnecting', 'open', 'closed']);
  mock.restoreAll();
});

test('a cursor that is not kept any more begins anew', async () => {
  const exchange = new FakeExchange();
  exchange.stream(['{"seq":"1"}\n', line(2, 'one')]);
  exchange.stream(['{"seq":"2"}\n', '{"end":{"code":"cursor_lost"}}\n']);
  exchange.stream(['{"seq":"90"}\n', line(91, 'later')], { ends: false });
  const { texts, begins } = await told(exchange, 2);
  assert.deepEqual(texts, ['one', 'later']);
  assert.equal(begins, 2);
  assert.deepEqual(exchange.asked.map(({ url }) => url), ['/events/chat', '/events/chat?after=2', '/events/chat']);
  mock.restoreAll();
});

test('a token that has run out is replaced, and travels in a header alone', async () => {
  const exchange = new FakeExchange();
  exchange.refuse(401);
  exchange.stream(['{"seq":"1"}\n', line(2, 'one'), '{"end":{"code":"token_expired"}}\n']);
  exchange.stream(['{"seq":"2"}\n', line(3, 'two')], { ends: false });
  const { texts } = await told(exchange, 2);
  assert.deepEqual(texts, ['one', 'two']);
  assert.deepEqual(exchange.asked.map(({ authorization }) => authorization), ['Bearer token-0', 'Bearer token-1', 'Bearer token-2']);
  assert.ok(exchange.asked.every(({ url }) => !url.includes('token')));
  mock.restoreAll();
});

test('what the exchange will never allow closes the stream', async () => {
  const exchange = new FakeExchange();
  exchange.refuse(403);
  const { closed, states } = await told(exchange, 1);
  assert.equal(closed, 'no');
  assert.equal(states.at(-1), 'closed');
  assert.equal(exchange.asked.length, 1);
  mock.restoreAll();
});

const message = (id, sender, text, more = {}) => ({
  threadId: 't',
  actor: { rawId: sender },
  [more.as ?? 'messageReceived']: {
    message: {
      messageId: String(id), sequence: String(more.sequence ?? id), version: String(more.version ?? id), sender: { rawId: sender },
      content: { type: 'MESSAGE_TYPE_TEXT', content: text },
    },
  },
});

test('messages stand in order, each once, in their latest version', () => {
  const model = new ChatModel(ALICE);
  model.apply(message(3, BOB, 'three'));
  model.apply(message(1, BOB, 'one'));
  model.apply(message(2, BOB, 'changed', { version: 9, as: 'messageEdited' }));
  model.apply(message(2, BOB, 'two'));
  const { thread } = model.apply(message(3, BOB, 'three'));
  thread.put(fromRest({ id: '2', sequenceId: '2', version: '2', type: 'text', content: { message: 'two' } }));
  assert.deepEqual(thread.messages.map(({ text }) => text), ['one', 'changed', 'three']);
});

test('unread is what others said after the last receipt', () => {
  const model = new ChatModel(ALICE);
  for (const id of [1, 2, 3]) model.apply(message(id, BOB, `m${id}`));
  const { thread } = model.apply({ threadId: 't', readReceiptSent: { receipt: { reader: { rawId: ALICE }, messageId: '1' } } });
  assert.deepEqual(thread.unread.map(({ id }) => id), ['2', '3']);
  model.apply({ threadId: 't', readReceiptSent: { receipt: { reader: { rawId: ALICE }, messageId: '3' } } });
  model.apply({ threadId: 't', readReceiptSent: { receipt: { reader: { rawId: ALICE }, messageId: '1' } } });
  assert.equal(thread.unread.length, 0, 'a receipt that comes late takes nothing back');
});

test('a receipt stands under the last own message that it covers', () => {
  const model = new ChatModel(ALICE);
  for (const id of [1, 2, 4]) model.apply(message(id, ALICE, `m${id}`));
  const { thread } = model.apply(message(3, BOB, 'm3'));
  thread.setMembers([{ rawId: ALICE, name: 'Alice' }, { rawId: BOB, name: 'Bob' }]);
  thread.read(BOB, '3');
  assert.deepEqual([...thread.readersByMessage()], [['2', [BOB]]]);
});

test('typing ends with a message and by itself', () => {
  const model = new ChatModel(ALICE);
  const types = { threadId: 't', actor: { rawId: BOB }, typingStarted: { senderDisplayName: 'Bob' } };
  const { thread } = model.apply(types, 1_000);
  assert.equal(thread.expireTyping(1_001), 9_000);
  model.apply(message(1, BOB, 'done'), 2_000);
  assert.equal(thread.typing.size, 0);
  model.apply(types, 3_000);
  assert.equal(thread.expireTyping(11_000), null);
  model.apply({ ...types, actor: { rawId: ALICE } }, 12_000);
  assert.equal(thread.typing.size, 0, 'nobody is told of their own typing');
});

test('whoever is removed loses the thread', () => {
  const model = new ChatModel(ALICE);
  model.apply(message(1, BOB, 'hi'));
  const removed = (rawId) => ({ threadId: 't', participantsRemoved: { removed: [{ identifier: { rawId } }] } });
  assert.equal(model.apply(removed(BOB)).then, 'read');
  assert.equal(model.apply(removed(ALICE)).then, 'gone');
  assert.equal(model.threads.size, 0);
});

test('system messages and typing are words', () => {
  const name = (rawId) => ({ [ALICE]: 'You', [BOB]: 'Bob' }[rawId] ?? rawId);
  const people = (...ids) => ids.map((rawId) => ({ rawId, name: '' }));
  const words = (type, initiator, ids, topic = '') => systemWords({ type, initiator, people: people(...ids), topic }, name);
  assert.equal(words('participantAdded', BOB, [BOB, ALICE]), 'Bob added you');
  assert.equal(words('participantAdded', ALICE, [ALICE]), 'You began the conversation');
  assert.equal(words('participantRemoved', BOB, [BOB]), 'Bob left');
  assert.equal(words('topicUpdated', ALICE, [], 'Lunch'), 'You named the conversation “Lunch”');
  assert.equal(typingWords(['Bob']), 'Bob is writing…');
  assert.equal(typingWords(['Bob', 'Dan']), 'Bob and Dan are writing…');
});

test('a message that nobody answered goes again under the same name, before those after it', async () => {
  const sent = [];
  let isUp = false;
  const outbox = new Outbox({
    send: async ({ text, requestId }) => {
      sent.push([text, requestId]);
      if (!isUp) throw new RequestError('nobody answers');
    },
    onChange: () => {},
  });
  outbox.put('t', 'one');
  outbox.put('t', 'two');
  await new Promise(setImmediate);
  assert.deepEqual(outbox.entries.map(({ state }) => state), ['waiting', 'sending']);
  isUp = true;
  await outbox.work();
  assert.deepEqual(sent.map(([text]) => text), ['one', 'one', 'two']);
  assert.equal(sent[0][1], sent[1][1]);
  assert.notEqual(sent[1][1], sent[2][1]);
  assert.equal(outbox.entries.length, 0);
});

test('a message that is refused holds up no other', async () => {
  const outbox = new Outbox({
    send: async ({ text }) => {
      if (text === 'bad') throw new RequestError('too long', { status: 400 });
    },
    onChange: () => {},
  });
  outbox.put('t', 'bad');
  outbox.put('t', 'good');
  await new Promise(setImmediate);
  assert.deepEqual(outbox.entries.map(({ text, state, problem }) => [text, state, problem]), [['bad', 'refused', 'too long']]);
});
