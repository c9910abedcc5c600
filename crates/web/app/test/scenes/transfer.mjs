// A call handed over: to whom, what is said while it is under way, that it went well, and that a failed one leaves the call.

import { expect } from '../support.mjs';
import { Tab } from '../tab.mjs';
import { tabTo } from './keyboard.mjs';

export async function transfer(stage) {
  const { report } = stage;
  const alice = await Tab.open(stage, { as: 'alice', tone: 440 });
  const bob = await Tab.open(stage, { as: 'bob', tone: 880, answer: 'auto' });
  const charlie = await Tab.open(stage, { as: 'charlie', tone: 1320 });
  await charlie.shows('Recent calls');
  await bob.shows('Recent calls');
  const dialog = alice.page.locator('dialog');

  await report.step('transfer: the dialog opens by T, and finds people by their name and with their presence', async () => {
    await alice.press('Call Bob Baker');
    await alice.isIn('Connected');
    await bob.hears(440);
    await alice.page.keyboard.press('t');
    await dialog.getByRole('heading', { name: 'Transfer the call' }).waitFor();
    expect(await dialog.getByRole('radio', { name: /Bob Baker/ }).count() === 0, 'whoever is in the call is offered');
    await dialog.getByRole('searchbox').fill('charl');
    await dialog.getByRole('radio', { name: /Charlie Cole/ }).waitFor();
    expect(await dialog.getByRole('radio').count() === 1, 'people of other names are shown');
    await dialog.getByText('charlie · Available').waitFor();
  });

  await report.step('transfer: to nobody it fails in words, and the call goes on', async () => {
    await dialog.getByRole('searchbox').fill('nobody-of-this-name');
    await dialog.getByRole('button', { name: 'Transfer to nobody-of-this-name' }).click();
    await dialog.getByRole('alert').getByText(/^Not transferred to nobody-of-this-name\. .+ Your call goes on\.$/).waitFor();
    await alice.picture('transfer-failed');
    await alice.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await alice.page.locator('.banners').getByText('Your call goes on.').waitFor();
    await alice.isIn('Connected');
    await bob.hears(440);
    await alice.page.locator('.banners').getByRole('button', { name: 'Close' }).click();
    await alice.page.locator('.banners .banner').waitFor({ state: 'detached' });
  });

  await report.step('transfer: what the package tells is shown as it comes, and a refusal has its own words', async () => {
    await pretend(alice, ['Transferring', { state: 'Failed', error: { code: 603, subCode: 0 } }]);
    await alice.press('Transfer…');
    await dialog.getByRole('radio', { name: /Charlie Cole/ }).check();
    await dialog.getByRole('button', { name: 'Transfer to Charlie Cole' }).click();
    await dialog.getByRole('status').getByText('Transferring to Charlie Cole…').waitFor();
    expect(await dialog.getByRole('button', { name: 'Transfer to Charlie Cole' }).isDisabled(), 'a second transfer could be asked for');
    await alice.picture('transferring');
    await proceed(alice);
    await dialog.getByRole('alert').getByText('Not transferred to Charlie Cole. They declined. Your call goes on.').waitFor();
    await alice.page.keyboard.press('Escape');
    await alice.isIn('Connected');
  });

  await report.step('transfer: by keyboard alone; once it went well this side has left', async () => {
    await pretend(alice, ['Transferring', { state: 'Transferred' }]);
    await alice.page.keyboard.press('t');
    await dialog.waitFor();
    await dialog.getByRole('searchbox').focus();
    await alice.page.keyboard.type('dan');
    await tabTo(alice.page, 'Transfer to Dan Drake');
    await alice.page.keyboard.press('Enter');
    await dialog.getByText('Transferring to Dan Drake…').waitFor();
    const asked = await alice.page.evaluate(() => globalThis.pretended.target);
    expect(asked.targetParticipant.microsoftTeamsUserId, `the package was asked for ${JSON.stringify(asked)}`);
    await proceed(alice);
    await alice.page.locator('.toast', { hasText: 'Transferred to Dan Drake.' }).waitFor();
    await alice.shows('Back to calls');
    await bob.shows('Back to calls');
  });

  await report.step('transfer: whoever is handed over sees the call they go on in', async () => {
    await bob.press('Back to calls');
    await alice.press('Call again');
    await alice.isIn('Connected');
    await pretend(alice, ['Transferring', { state: 'Failed' }]);
    await alice.press('Transfer…');
    await dialog.getByRole('searchbox').fill('dan');
    await dialog.getByRole('button', { name: 'Transfer to Dan Drake' }).click();
    await proceed(alice);
    await dialog.getByRole('alert').waitFor();
    await alice.page.keyboard.press('Escape');
    await charlie.press('Call Alice Archer');
    await alice.press('Accept');
    await alice.isIn('Connected');
    // The call with Charlie, under another id, stands for the one that a transfer brings.
    await alice.page.evaluate(() => {
      const targetCall = new Proxy(globalThis.trunkline.activeCall, { get: (call, name) => (name === 'id' ? 'brought' : call[name]) });
      globalThis.pretended.feature.emit('transferAccepted', { targetCall });
    });
    await alice.page.locator('.toast', { hasText: 'You were transferred to somebody else.' }).waitFor();
    await alice.page.locator('.call-title h1', { hasText: 'Charlie Cole' }).waitFor();
    const id = await alice.page.evaluate(() => globalThis.trunkline.activeCall.id);
    expect(id === 'brought', `the call on screen is ${id}`);
    await alice.press('Hang up');
    await alice.isIn('On hold');
    await alice.press('Hang up');
    await alice.press('Back to calls');
    await bob.press('Back to calls');
    await charlie.press('Back to calls');
  });

  await report.step('transfer: through the exchange, if it transfers', async () => {
    await alice.press('Call Bob Baker');
    await alice.isIn('Connected');
    await alice.press('Transfer…');
    await dialog.getByRole('radio', { name: /Charlie Cole/ }).check();
    await dialog.getByRole('button', { name: 'Transfer to Charlie Cole' }).click();
    const refused = dialog.getByText('This exchange transfers no calls.');
    const rings = charlie.button('Accept');
    await refused.or(dialog.getByText('Transferring to Charlie Cole…')).first().waitFor();
    await Promise.race([refused.waitFor(), rings.waitFor()]);
    if (await refused.isVisible()) {
      await alice.page.keyboard.press('Escape');
      await alice.press('Hang up');
      return 'left out: this exchange transfers no calls';
    }
    await charlie.press('Accept');
    await charlie.isIn('Connected');
    await alice.shows('Back to calls');
    await bob.isIn('Connected');
    await charlie.hears(880);
    await bob.hears(1320);
    await bob.press('Hang up');
    return 'transferred';
  });

  for (const tab of [alice, bob, charlie]) await tab.close();
}

/** Lets the package's next transfer of this tab go through these states, the last of them when the test says so. */
function pretend({ page }, states) {
  return page.evaluate((steps) => {
    const call = globalThis.trunkline.activeCall;
    const real = call.feature.bind(call);
    call.feature = (key) => {
      const feature = real(key);
      if (feature.name !== 'Transfer') return feature;
      return {
        ...feature,
        transfer(target) {
          const listeners = new Set();
          const transfer = { state: 'None', error: undefined, on: (_, listener) => listeners.add(listener), off: (_, listener) => listeners.delete(listener) };
          const step = (one) => {
            Object.assign(transfer, typeof one === 'string' ? { state: one } : one);
            for (const listener of listeners) listener();
          };
          const [last, ...before] = [...steps].reverse();
          globalThis.pretended = { feature, target, proceed: () => step(last) };
          setTimeout(() => before.reverse().forEach(step));
          return transfer;
        },
      };
    };
  }, states);
}

function proceed({ page }) {
  return page.evaluate(() => globalThis.pretended.proceed());
}
