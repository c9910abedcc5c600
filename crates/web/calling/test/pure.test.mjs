// Identifiers, locators, addresses and events: what needs neither exchange nor browser.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { pkg } from './scene.mjs';

const { bindMethods, configure, Emitter, Features, identifierOf, joinFields, parseLocator, rawIdOf, signalingUrl, version } = pkg;

test('an identifier and its raw id say the same', () => {
  const cases = [
    ['8:acs:r_u', { communicationUserId: '8:acs:r_u' }, 'communicationUser'],
    ['8:orgid:o', { microsoftTeamsUserId: 'o' }, 'microsoftTeamsUser'],
    ['8:dod:o', { microsoftTeamsUserId: 'o', cloud: 'dod' }, 'microsoftTeamsUser'],
    ['8:teamsvisitor:v', { microsoftTeamsUserId: 'v', isAnonymous: true }, 'microsoftTeamsUser'],
    ['4:+14255550100', { phoneNumber: '+14255550100' }, 'phoneNumber'],
    ['28:orgid:a', { teamsAppId: 'a' }, 'microsoftTeamsApp'],
    ['8:acs:r_t_u', { userId: 'u', tenantId: 't', resourceId: 'r' }, 'teamsExtensionUser'],
    ['something:else', { id: 'something:else' }, 'unknown'],
  ];
  for (const [rawId, bare, kind] of cases) {
    assert.equal(rawIdOf(bare), rawId);
    const whole = identifierOf(rawId);
    assert.equal(whole.kind, kind);
    assert.equal(whole.rawId, rawId);
    assert.equal(rawIdOf(whole), rawId);
  }
  for (const bad of [{}, null, { communicationUserId: '' }, '']) assert.throws(() => rawIdOf(bad), { code: 400 });
});

test('locators are read, and what names nothing is refused', () => {
  const groupId = '29228d3e-040e-4656-a70e-890ab4e173e5';
  assert.deepEqual(joinFields(parseLocator({ groupId })), { groupId });
  assert.deepEqual(joinFields(parseLocator({ roomId: '99123456789' })), { roomId: '99123456789' });
  const code = joinFields(parseLocator({ meetingId: '123 456 789 012', passcode: 'aB12cd' })).meeting.kind;
  assert.deepEqual(code, { case: 'code', value: { meetingId: '123456789012', passcode: 'aB12cd' } });
  const coordinates = { threadId: 't', organizerId: 'o', tenantId: 'n', messageId: 'm' };
  assert.deepEqual(joinFields(parseLocator(coordinates)).meeting.kind.value, coordinates);
  for (const bad of [{}, null, { groupId: 'no' }, { meetingLink: 'no link' }, { threadId: 't' }, { roomId: 'x' }]) {
    assert.throws(() => parseLocator(bad), { code: 400 });
  }
});

test('the first address that is given is the one', () => {
  const token = `x.${Buffer.from('{"acsEndpoint":"https://claim.example/"}').toString('base64url')}.x`;
  assert.throws(() => signalingUrl({}, 'x'), { code: 400 });
  assert.equal(signalingUrl({}, token), 'wss://claim.example/signaling');
  globalThis.trunklineEndpoint = 'http://global.example:8080';
  assert.equal(signalingUrl({}, token), 'ws://global.example:8080/signaling');
  configure({ endpoint: 'https://configured.example/base/' });
  assert.equal(signalingUrl({}, token), 'wss://configured.example/base/signaling');
  assert.equal(signalingUrl({ networkConfiguration: { proxy: { url: 'https://proxy.example' } } }, token), 'wss://proxy.example/signaling');
  assert.equal(signalingUrl({ endpoint: 'https://own.example' }, token), 'wss://own.example/signaling');
  assert.throws(() => signalingUrl({ endpoint: 'ftp://own.example' }, token), { code: 400 });
  configure({ endpoint: undefined });
  delete globalThis.trunklineEndpoint;
});

test('listeners come and go, and one that was never there goes harmlessly', () => {
  const emitter = new Emitter();
  const told = [];
  const once = () => { told.push('once'); emitter.off('x', once); };
  emitter.on('x', once);
  emitter.on('x', (value) => told.push(value));
  emitter.off('x', () => {});
  emitter.off('never', once);
  emitter.emit('x', 1);
  emitter.emit('x', 2);
  assert.deepEqual(told, ['once', 1, 2]);
});

test('methods that are reached through a wrapper see the object itself', () => {
  class Thing extends Emitter {
    constructor() { super(); bindMethods(this); }
    self() { return this; }
  }
  const thing = new Thing();
  assert.equal(new Proxy(thing, {}).self(), thing);
  assert.ok(Object.isExtensible(thing));
});

test('every feature has its key, and the version is the one that is published', () => {
  assert.equal(Object.keys(Features).length, 23);
  assert.equal(version, JSON.parse(readFileSync(new URL('../package.json', import.meta.url))).version);
});
