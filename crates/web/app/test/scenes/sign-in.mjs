// Signing in with one's organisation: to the issuer's page and back, what is refused, and that no token stays anywhere else.

import { createHash, createHmac } from 'node:crypto';
import path from 'node:path';

import { openIssuer } from '../issuer.mjs';
import { expect, openContext } from '../support.mjs';
import { Tab } from '../tab.mjs';

const CLIENT_ID = 'trunkline-app';
const SCOPES = ['Teams.ManageCalls', 'Teams.ManageChats'];

export async function signIn(stage) {
  const { report, browser, origin, troubles, ready } = stage;
  const plain = await openContext(browser, { origin, troubles });
  await plain.route(`${origin}/sign-in/issuers`, (route) => route.fulfill({ json: { issuers: [] } }));
  await report.step('sign-in: without an issuer there is no button for one', async () => {
    const tab = await Tab.open({ ...stage, context: plain });
    await tab.shows('Alice Archer');
    expect(await tab.page.getByText('Your organisation').count() === 0, 'an organisation is offered that nobody announced');
  });
  await plain.close();

  const token = await directoryToken(plainFetch(browser, origin));
  const { oid, name } = claimsOf(token);
  const issuer = await openIssuer({ clientId: CLIENT_ID, users: [{ oid, name }], accessToken: () => directoryToken(plainFetch(browser, origin)) });
  const context = await openContext(browser, { origin, troubles, issuers: [issuer.origin], isUnaware: true });
  const swaps = [];
  await context.route(`${origin}/sign-in/issuers`, (route) => route.fulfill({
    json: { issuers: [{ issuer: issuer.issuer, clientId: CLIENT_ID, name: 'Contoso', scopes: SCOPES }] },
  }));
  // What the exchange's own route for its pages does: the documented exchange of a directory's token, in the resource's name.
  await context.route(`${origin}/sign-in/token`, async (route) => {
    const { token: given, appId, userId } = route.request().postDataJSON();
    const answer = await swap({ ready, accessKey: stage.accessKey, body: { token: given, appId, userId } });
    swaps.push(answer.status);
    if (answer.status !== 200) return route.fulfill({ status: answer.status, json: answer.body });
    return route.fulfill({ json: { identifier: { rawId: `8:orgid:${userId}` }, displayName: name, alias: 'alice', ...answer.body } });
  });
  const own = { ...stage, context };
  const go = (tab) => tab.press('Sign in with your organisation');
  try {
    const tab = await Tab.open(own, {}, '#/meetings');
    await report.step('sign-in: to the issuer and back, with a token of the exchange for the issuer’s', async () => {
      await tab.button('Sign in with your organisation').waitFor();
      await tab.picture('sign-in-organisation');
      await go(tab);
      await tab.page.getByRole('link', { name: `I am ${name}` }).click();
      await tab.page.getByRole('heading', { name: 'Meetings', exact: true }).waitFor({ timeout: 15_000 });
      await tab.page.getByRole('button', { name: new RegExp(`^${name}, Available`) }).waitFor();
      expect(swaps.length === 1 && swaps[0] === 200, `the exchange answered ${swaps}`);
    });
    await report.step('sign-in: the address is as before; nothing is kept outside of this tab', async () => {
      expect(tab.page.url() === `${origin}/app/?#/meetings`, `the address is ${tab.page.url()}`);
      const kept = await tab.page.evaluate(() => ({ local: { ...localStorage }, session: Object.keys(sessionStorage), cookies: document.cookie }));
      expect(Object.keys(kept.local).every((key) => key === 'trunkline.theme') && kept.cookies === '', `kept: ${JSON.stringify(kept)}`);
      expect(kept.session.join() === 'trunkline.organisation', `this tab keeps ${kept.session}`);
    });
    await report.step('sign-in: a call as whom the organisation vouches for', async () => {
      const bob = await Tab.open(stage, { as: 'bob', answer: 'auto', tone: 880 });
      await bob.shows('Recent calls');
      await tab.page.getByRole('link', { name: 'Calls' }).click();
      await tab.press('Call Bob Baker');
      await tab.isIn('Connected');
      await tab.hears(880);
      await tab.press('Hang up');
      await tab.press('Back to calls');
      await bob.close();
    });
    await report.step('sign-in: a reload goes on without the issuer’s page', async () => {
      const before = issuer.seen.length;
      await tab.page.reload();
      await tab.shows('Recent calls');
      expect(issuer.seen.length === before, `the issuer was asked: ${issuer.seen.slice(before)}`);
    });
    await report.step('sign-in: signing out forgets it', async () => {
      await tab.press('Sign out');
      await tab.button('Sign in with your organisation').waitFor();
      expect(await tab.page.evaluate(() => sessionStorage.length) === 0, 'something is kept');
    });
    await report.step('sign-in: a token that is about to run out is renewed without the person', async () => {
      issuer.faults.life = 30;
      await go(tab);
      await tab.page.getByRole('link', { name: `I am ${name}` }).click();
      await tab.shows('Recent calls');
      const before = issuer.seen.length;
      for (let round = 0; round < 2; round += 1) {
        await tab.page.reload();
        await tab.shows('Recent calls');
      }
      const asked = issuer.seen.slice(before).join();
      expect(asked === 'POST /token,POST /token', `the issuer was asked: ${asked}`);
      delete issuer.faults.life;
      await tab.press('Sign out');
    });
    await report.step('sign-in: whoever declines is told so', async () => {
      await go(tab);
      await tab.page.getByRole('link', { name: 'Decline' }).click();
      await tab.shows('You were not signed in: it was declined');
      await tab.picture('sign-in-declined');
    });
    for (const [fault, words, asksToken] of [
      ['wrongState', 'This answer belongs to no sign-in that this tab began.', false],
      ['wrongNonce', 'The issuer’s answer belongs to another sign-in.', true],
      ['otherAudience', 'The issuer’s answer is meant for another app.', true],
    ]) {
      await report.step(`sign-in: ${fault} is refused, and nobody is signed in`, async () => {
        const before = { seen: issuer.seen.length, swaps: swaps.length };
        issuer.faults[fault] = true;
        await go(tab);
        await tab.page.getByRole('link', { name: `I am ${name}` }).click();
        await tab.shows(words);
        delete issuer.faults[fault];
        expect(issuer.seen.slice(before.seen).includes('POST /token') === asksToken, `the issuer was asked: ${issuer.seen.slice(before.seen)}`);
        expect(swaps.length === before.swaps, 'the exchange was asked for a token');
        expect(await tab.page.evaluate(() => sessionStorage.length) === 0, 'something is kept');
      });
    }
    await report.step('sign-in: the document of another issuer is not used', async () => {
      issuer.faults.otherIssuer = true;
      await go(tab);
      await tab.shows('Another issuer answered');
      delete issuer.faults.otherIssuer;
    });
    await report.step('sign-in: an answer that nobody asked for is refused', async () => {
      await tab.page.goto(`${origin}/app/?code=stolen&state=made-up`);
      await tab.shows('This answer belongs to no sign-in that this tab began.');
      expect(!tab.page.url().includes('stolen'), 'the code is still in the address');
    });
    await tab.close();
  } catch (error) {
    await context.pages()[0]?.screenshot({ path: path.join(stage.pictures, 'failed-sign-in.png') }).catch(() => {});
    throw error;
  } finally {
    await context.close();
    await issuer.close();
  }
}

/** Asks the exchange from outside of every page. */
function plainFetch(browser, origin) {
  return async (target, form) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    try {
      const response = await context.request.post(`${origin}${target}`, { form });
      expect(response.ok(), `${target} answered ${response.status()}`);
      return await response.json();
    } finally {
      await context.close();
    }
  };
}

async function directoryToken(ask) {
  const { access_token: token } = await ask('/adfs/oauth2/token', {
    grant_type: 'password', client_id: CLIENT_ID, username: 'alice', password: 'any', scope: SCOPES.join(' '),
  });
  return token;
}

function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
}

/** `POST /teamsUser/:exchangeAccessToken`, signed with the resource's key. */
async function swap({ ready, accessKey, body }) {
  const base = new URL(ready.http);
  const target = '/teamsUser/:exchangeAccessToken?api-version=2023-10-01';
  const content = JSON.stringify(body);
  const date = new Date().toUTCString();
  const hash = createHash('sha256').update(content).digest('base64');
  const signed = createHmac('sha256', Buffer.from(accessKey, 'base64')).update(`POST\n${target}\n${date};${base.host};${hash}`).digest('base64');
  const response = await fetch(`${base.origin}${target}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json', 'x-ms-date': date, 'x-ms-content-sha256': hash,
      authorization: `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signed}`,
    },
    body: content,
  });
  return { status: response.status, body: await response.json().catch(() => ({})) };
}
