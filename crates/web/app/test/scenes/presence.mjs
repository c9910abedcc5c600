// Who can be reached: in the list of people, in a conversation and in a call's roster, as it changes and without a reload.

import { expect } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function presence(stage) {
  const { report } = stage;
  const alice = await Tab.open(stage, { as: 'alice', tone: 440 });
  await alice.shows('Recent calls');
  let loads = 0;
  alice.page.on('load', () => { loads += 1; });

  await report.step('presence: somebody without a session is offline, and available with one', async () => {
    await row(alice, 'Bob Baker').getByText('bob · Offline', { exact: true }).waitFor();
  });
  const bob = await Tab.open(stage, { as: 'bob', tone: 880 });
  const charlie = await Tab.open(stage, { as: 'charlie', answer: 'auto', tone: 1320 });
  await report.step('presence: a session is seen at once', async () => {
    await row(alice, 'Bob Baker').getByText('bob · Available', { exact: true }).waitFor();
    await row(alice, 'Charlie Cole').getByText('charlie · Available', { exact: true }).waitFor();
  });

  for (const words of ['Busy', 'Do not disturb', 'Be right back', 'Away']) {
    await report.step(`presence: ${words} is chosen from the menu and seen by the other`, async () => {
      await choose(bob, words);
      await row(alice, 'Bob Baker').getByText(`bob · ${words}`, { exact: true }).waitFor();
      await bob.page.getByRole('button', { name: `Bob Baker, ${words}. Set what you show` }).waitFor();
      if (words === 'Do not disturb') {
        await alice.picture('presence');
        await self(bob).getByRole('button').click();
        await bob.picture('presence-menu');
        await bob.page.keyboard.press('Escape');
      }
    });
  }

  await report.step('presence: hidden, then shown again by arrow keys alone', async () => {
    await choose(bob, 'Appear offline');
    await row(alice, 'Bob Baker').getByText('bob · Offline', { exact: true }).waitFor();
    await self(bob).getByRole('button').focus();
    await bob.page.keyboard.press('ArrowDown');
    await bob.page.getByRole('menu').waitFor();
    await bob.page.keyboard.press('End');
    await bob.page.keyboard.press('Enter');
    await row(alice, 'Bob Baker').getByText('bob · Available', { exact: true }).waitFor();
    const focused = await bob.page.evaluate(() => document.activeElement?.getAttribute('aria-haspopup'));
    expect(focused === 'menu', 'the focus did not go back to the button');
  });

  await report.step('presence: two who talk are in a call', async () => {
    await bob.press('Call Charlie Cole');
    await bob.isIn('Connected');
    await row(alice, 'Bob Baker').getByText('bob · In a call', { exact: true }).waitFor();
    await row(alice, 'Charlie Cole').getByText('charlie · In a call', { exact: true }).waitFor();
  });

  await report.step('presence: the roster of the call shows it, and what one chooses elsewhere', async () => {
    await bob.press('People');
    await bob.page.locator('.roster .row', { hasText: 'Charlie Cole' }).getByText('In a call').waitFor();
    const second = await Tab.open(stage, { as: 'charlie' });
    await second.shows('Recent calls');
    await choose(second, 'Do not disturb');
    await bob.page.locator('.roster .row', { hasText: 'Charlie Cole' }).getByText('Do not disturb').waitFor();
    await bob.picture('presence-roster');
    await choose(second, 'Show what calls and sessions say');
    await bob.page.locator('.roster .row', { hasText: 'Charlie Cole' }).getByText('In a call').waitFor();
    await second.close();
    await bob.press('Hang up');
    await bob.press('Back to calls');
    await row(alice, 'Bob Baker').getByText('bob · Available', { exact: true }).waitFor();
  });

  await report.step('presence: a conversation shows that of the other one', async () => {
    await alice.press('Write to Bob Baker');
    const start = alice.page.locator('dialog').getByRole('button', { name: 'Start' });
    await start.or(alice.page.getByLabel('Write a message')).first().waitFor();
    if (await start.isVisible()) await start.click();
    await alice.page.locator('.open-thread .call-title').getByText('Available', { exact: true }).waitFor();
    await alice.press('2 members');
    await alice.page.locator('dialog .row', { hasText: 'Bob Baker' }).getByText('Available', { exact: true }).waitFor();
    await choose(bob, 'Away');
    await alice.page.locator('dialog .row', { hasText: 'Bob Baker' }).getByText('Away', { exact: true }).waitFor();
    await alice.picture('presence-members');
    await alice.page.keyboard.press('Escape');
  });

  await report.step('presence: over a broken connection it is asked anew', async () => {
    await stage.context.setOffline(true);
    await alice.page.evaluate(() => globalThis.probe.cut());
    await alice.shows('The connection to the exchange is lost.');
    await stage.context.setOffline(false);
    await alice.page.getByText('The connection to the exchange is lost.').waitFor({ state: 'detached' });
    await bob.page.getByText('The connection to the exchange is lost.').waitFor({ state: 'detached' });
    await choose(bob, 'Busy');
    await alice.page.locator('.open-thread .call-title').getByText('Busy', { exact: true }).waitFor();
    stage.troubles.splice(0, stage.troubles.length, ...stage.troubles.filter((trouble) => !/ERR_INTERNET_DISCONNECTED|ERR_NETWORK|WebSocket/.test(trouble)));
  });

  await report.step('presence: who leaves is offline, and no page was loaded again', async () => {
    await choose(bob, 'Show what calls and sessions say');
    await bob.press('Sign out');
    await alice.page.locator('.open-thread .call-title').getByText('Offline', { exact: true }).waitFor();
    expect(loads === 0, `alice's page was loaded ${loads} times`);
  });
  for (const tab of [alice, bob, charlie]) await tab.close();
}

function row({ page }, name) {
  return page.locator('.people .row', { hasText: name });
}

function self({ page }) {
  return page.locator('.self-place');
}

/** Chooses what the tab's own person shows, from the menu. */
async function choose(tab, words) {
  await self(tab).getByRole('button').click();
  await tab.page.locator('.menu-item', { hasText: words }).first().click();
}
