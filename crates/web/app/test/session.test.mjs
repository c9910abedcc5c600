// Signing in with an issuer, without a browser: what is renewed how often, what is kept, and which answers are refused.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const ISSUER = { issuer: 'https://login.example', clientId: 'app' };
const KEPT_KEY = 'trunkline.organisation';

let folder;
let app;
/** What answers each address: a function of the form or the JSON that is sent. */
let answers;
let stored;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'trunkline-session-'));
  const entry = `export * from '../src/session/tokens'; export * from '../src/session/organisation'; export * from '../src/session/oidc';`;
  await build({
    stdin: { contents: entry, resolveDir: here, loader: 'ts' }, bundle: true, format: 'esm', platform: 'node', outfile: path.join(folder, 'app.mjs'), logLevel: 'warning',
  });
  globalThis.sessionStorage = {
    getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value), removeItem: (key) => stored.delete(key),
  };
  globalThis.fetch = async (address, { body } = {}) => {
    const answer = answers[address];
    assert.ok(answer, `nobody answers at ${address}`);
    return answer(body);
  };
  app = await import(pathToFileURL(path.join(folder, 'app.mjs')));
});
beforeEach(() => {
  answers = {};
  stored = new Map();
});
after(() => rm(folder, { recursive: true, force: true }));

const json = (body, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
const soon = (milliseconds) => new Date(Date.now() + milliseconds).toISOString();
const issued = (token, life) => ({ identifier: { rawId: '8:orgid:a' }, displayName: 'Alice', alias: 'alice', token, expiresOn: soon(life) });
const kept = () => JSON.parse(stored.get(KEPT_KEY));

/** An issuer that takes each refresh token once. */
function renewing() {
  const used = [];
  answers['https://login.example/token'] = (form) => {
    const given = form.get('refresh_token');
    if (used.includes(given)) return json({ error: 'invalid_grant' }, 400);
    used.push(given);
    return json({ access_token: `access-${used.length}`, token_type: 'Bearer', expires_in: 30, refresh_token: `refresh-${used.length}` });
  };
  return used;
}

/** Keeps what a tab keeps that signed in an hour ago. */
function keep() {
  const granted = { accessToken: 'access-0', expiresOn: Date.now(), refreshToken: 'refresh-0', userId: 'a', name: 'Alice' };
  stored.set(KEPT_KEY, JSON.stringify({ issuer: ISSUER, tokenEndpoint: 'https://login.example/token', granted }));
}

test('whoever asks while a token is renewed gets the same one, and the next renewal is another', async () => {
  let renewals = 0;
  const credential = await app.Credential.from(async () => {
    renewals += 1;
    await new Promise((resolve) => { setTimeout(resolve, 5); });
    return issued(`token-${renewals}`, 30_000);
  }, '');
  assert.deepEqual(await Promise.all([credential.token(), credential.token(true), credential.token()]), ['token-2', 'token-2', 'token-2']);
  assert.equal(renewals, 2);
  const { token, expiresOnTimestamp } = await credential.getToken();
  assert.equal(token, 'token-3');
  assert.ok(Math.abs(expiresOnTimestamp - Date.now() - 30_000) < 5_000);
});

test('a renewal that failed is tried again by the next who asks', async () => {
  const outcomes = [issued('token-1', 30_000), undefined, issued('token-2', 3_600_000)];
  const credential = await app.Credential.from(async () => {
    const outcome = outcomes.shift();
    if (!outcome) throw new Error('not there');
    return outcome;
  }, '');
  const both = await Promise.allSettled([credential.token(), credential.token()]);
  assert.deepEqual(both.map(({ status }) => status), ['rejected', 'rejected']);
  assert.equal(await credential.token(), 'token-2');
  assert.equal(await credential.token(), 'token-2');
  assert.equal(outcomes.length, 0);
});

test('two who ask at once use one refresh token', async () => {
  keep();
  const used = renewing();
  answers['/sign-in/token'] = (body) => json(issued(JSON.parse(body).token, 30_000));
  const credential = await app.goOn();
  assert.deepEqual(await Promise.all([credential.token(), credential.token()]), ['access-2', 'access-2']);
  assert.deepEqual(used, ['refresh-0', 'refresh-1']);
  assert.equal(kept().granted.refreshToken, 'refresh-2');
});

test('the next refresh token is kept even where the exchange does not take the token that came with it', async () => {
  keep();
  const used = renewing();
  answers['/sign-in/token'] = () => json({ error: { code: 'unavailable', message: 'not now' } }, 503);
  await assert.rejects(app.goOn(), /not now/);
  assert.equal(kept().granted.refreshToken, 'refresh-1');
  // A reload goes on.
  answers['/sign-in/token'] = (body) => json(issued(JSON.parse(body).token, 3_600_000));
  assert.equal(await (await app.goOn()).token(), 'access-2');
  assert.deepEqual(used, ['refresh-0', 'refresh-1']);
});

test('an answer that does not name the issuer is refused where the issuer says that its answers do', async () => {
  for (const [announces, iss, refusal] of [
    [true, undefined, /Another issuer/],
    [true, 'https://other.example', /Another issuer/],
    [undefined, 'https://other.example', /Another issuer/],
    [true, ISSUER.issuer, /declined/],
    [undefined, undefined, /declined/],
    [false, undefined, /declined/],
  ]) {
    const document = {
      issuer: ISSUER.issuer, authorization_endpoint: 'https://login.example/authorize', token_endpoint: 'https://login.example/token',
      authorization_response_iss_parameter_supported: announces,
    };
    answers['https://login.example/.well-known/openid-configuration'] = () => json(document);
    const { pending } = await app.prepare(ISSUER, await app.discover(ISSUER), 'https://localhost/app/');
    const answer = new URLSearchParams({ state: pending.state, error: 'access_denied', ...(iss && { iss }) });
    // What waits is kept as text while the person is away.
    await assert.rejects(app.redeem(answer, JSON.parse(JSON.stringify(pending))), refusal, `${announces} ${iss}`);
  }
});

test('a guest is somebody new once, and shows its token to stay who it is', async () => {
  const asked = [];
  answers['/sign-in/guest'] = (body) => json(issued(`token-${asked.push(JSON.parse(body))}`, 30_000));
  const passes = [];
  const pass = { displayName: 'Zoe', meetingLink: 'https://localhost/l/meetup-join/x' };
  const guest = await app.Credential.ofGuest(pass, (next) => passes.push(next));
  assert.deepEqual(asked, [pass]);
  // What is about to run out is replaced.
  assert.equal(await guest.token(), 'token-2');
  assert.deepEqual(asked[1], { ...pass, token: 'token-1' });
  assert.deepEqual(passes.map(({ token }) => token), ['token-1', 'token-2']);
  // A reload goes on with what was kept last.
  await app.Credential.ofGuest(passes[1], () => {});
  assert.equal(asked[2].token, 'token-2');
  answers['/sign-in/guest'] = () => json({ error: { code: 'meeting_not_found', message: 'no meeting' } }, 404);
  await assert.rejects(app.Credential.ofGuest(pass, () => {}), ({ message, status, isPassing }) => message === 'no meeting' && status === 404 && !isPassing);
});

test('how one signs in is what the exchange says, and nothing where it does not answer', async () => {
  answers['/sign-in/issuers'] = () => json({ issuers: [ISSUER], guests: true });
  assert.deepEqual(await app.readWays(), { issuers: [ISSUER], guests: true });
  answers = {};
  assert.deepEqual(await app.readWays(), { issuers: [] });
});
