// Signing in with the issuer that a development exchange carries: its page, its codes, its tokens, all of them the exchange's own.

import { expect, openContext } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function builtInIssuer(stage) {
  const { report, browser, troubles } = stage;
  const own = { ...stage, context: await openContext(browser, { origin: stage.origin, troubles }) };
  const { origin } = own;
  const requests = [];
  own.context.on('request', (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
  const asked = (path) => requests.filter((request) => request === path).length;
  try {
    const tab = await Tab.open(own, {}, '#/meetings');
    await report.step('built-in issuer: the exchange announces it, and its document speaks of the same', async () => {
      const { issuers } = await tab.page.evaluate(() => fetch('/sign-in/issuers').then((answer) => answer.json()));
      expect(issuers.length === 1 && issuers[0].issuer === `${origin}/adfs`, `announced: ${JSON.stringify(issuers)}`);
    });
    await report.step('built-in issuer: its page lists the directory, under the policy of every page', async () => {
      await tab.press('Sign in with your organisation');
      await tab.page.getByRole('heading', { name: 'Who are you?' }).waitFor();
      for (const name of ['Alice Archer', 'Bob Baker']) await tab.page.getByRole('link', { name }).waitFor();
      await tab.picture('built-in-issuer');
    });
    await report.step('built-in issuer: chosen, and back where one was', async () => {
      await tab.page.getByRole('link', { name: 'Alice Archer' }).click();
      await tab.page.getByRole('heading', { name: 'Meetings', exact: true }).waitFor();
      await tab.page.getByRole('button', { name: /^Alice Archer, Available/ }).waitFor();
      expect(tab.page.url() === `${origin}/app/?#/meetings`, `the address is ${tab.page.url()}`);
      expect(asked('POST /adfs/oauth2/token') === 1 && asked('POST /sign-in/token') === 1 && asked('POST /dev/token') === 0, `asked: ${requests}`);
    });
    await report.step('built-in issuer: a call as who was chosen', async () => {
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
    await report.step('built-in issuer: a token that is about to run out is renewed, each time with the next refresh token', async () => {
      for (let round = 1; round <= 2; round += 1) {
        // As if an hour had passed since the tokens came.
        await tab.page.evaluate(() => {
          const kept = JSON.parse(sessionStorage.getItem('trunkline.organisation'));
          kept.granted.expiresOn = Date.now();
          sessionStorage.setItem('trunkline.organisation', JSON.stringify(kept));
        });
        const before = await tab.page.evaluate(() => JSON.parse(sessionStorage.getItem('trunkline.organisation')).granted.refreshToken);
        await tab.page.reload();
        await tab.shows('Recent calls');
        const after = await tab.page.evaluate(() => JSON.parse(sessionStorage.getItem('trunkline.organisation')).granted.refreshToken);
        expect(before && after && before !== after, 'the refresh token is the same');
        expect(asked('POST /adfs/oauth2/token') === 1 + round, `asked: ${requests}`);
      }
      await tab.press('Sign out');
    });
    await report.step('built-in issuer: whoever declines is told so', async () => {
      await tab.press('Sign in with your organisation');
      await tab.page.getByRole('link', { name: 'Sign in as nobody' }).click();
      await tab.shows('You were not signed in: it was declined');
    });
    await report.step('built-in issuer: an answer that was used is refused when it comes again', async () => {
      await tab.press('Sign in with your organisation');
      await tab.page.getByRole('link', { name: 'Bob Baker' }).waitFor();
      const redeemed = tab.page.waitForRequest((request) => request.url().endsWith('/adfs/oauth2/token'));
      await tab.page.getByRole('link', { name: 'Bob Baker' }).click();
      const form = (await redeemed).postData();
      await tab.page.getByRole('button', { name: /^Bob Baker, Available/ }).waitFor();
      const again = await tab.page.request.post(`${origin}/adfs/oauth2/token`, {
        data: form, headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      const { error } = await again.json();
      expect(again.status() === 400 && error === 'invalid_grant', `answered ${again.status()} ${error}`);
      await tab.press('Sign out');
    });
    await report.step('built-in issuer: nobody is sent to another place with a code', async () => {
      await tab.press('Sign in with your organisation');
      await tab.page.getByRole('link', { name: 'Bob Baker' }).waitFor();
      const address = new URL(tab.page.url());
      address.searchParams.set('redirect_uri', 'https://elsewhere.invalid/app/');
      address.searchParams.set('choice', 'bob');
      const answer = await tab.page.request.get(address.href, { maxRedirects: 0 });
      expect(answer.status() === 400 && !answer.headers().location, `answered ${answer.status()} to ${answer.headers().location}`);
    });
    await tab.close();
  } finally {
    await own.context.close();
  }
}
