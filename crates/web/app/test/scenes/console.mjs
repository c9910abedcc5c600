// The console: live calls with their legs and timeline, the policy tester, identities.

import { expect } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function consolePages(stage) {
  const { report, accessKey } = stage;
  const bob = await Tab.open(stage, { as: 'bob', answer: 'auto' });
  await bob.shows('Recent calls');
  const alice = await Tab.open(stage, { as: 'alice', call: 'bob' });
  await alice.isIn('Connected');
  const zoe = await Tab.open(stage, { as: 'app:Zoe', group: '5f9c1a52-7a3e-4d0b-9e1c-0c0ffee00077' });
  await zoe.press('Join now');
  await zoe.isIn('Connected');
  const operator = await Tab.open(stage, { as: 'dan' }, '#/console');

  await report.step('console: without the key nothing is shown, with it the calls of everybody', async () => {
    await operator.page.getByLabel('Access key').waitFor();
    expect(await operator.page.locator('.console-call').count() === 0, 'calls without a key');
    await operator.page.getByLabel('Access key').fill(accessKey);
    await operator.page.getByRole('button', { name: /Alice Archer, Bob Baker/ }).waitFor();
    // No directory knows her.
    await operator.page.getByRole('button', { name: /^Zoe/ }).waitFor();
    await zoe.press('Hang up');
    await zoe.close();
  });

  await report.step('console: the live call with its legs and the ways of its media', async () => {
    await operator.page.getByRole('button', { name: /Alice Archer, Bob Baker/ }).click();
    await operator.shows('Following');
    const rows = await operator.page.locator('.console-detail section').first().locator('tbody tr').allTextContents();
    const isWhole = (row) => row.includes('Connected') && /connected [\d.]+:\d+ AEAD_AES_128_GCM \d+ ms/.test(row) && /[1-9]\d* to, [1-9]\d* from/.test(row);
    expect(rows.length === 2 && rows.every(isWhole), `legs: ${rows}`);
  });

  await report.step('console: what is delivered of it stands beside', async () => {
    const deliveries = operator.page.locator('.deliveries code');
    await deliveries.filter({ hasText: 'CallStarted' }).waitFor();
    const added = deliveries.filter({ hasText: 'CallParticipantAdded' });
    await added.nth(1).waitFor();
    return deliveries.allTextContents();
  });

  await report.step('console: events arrive in their order without a gap', async () => {
    await alice.press('Mute');
    await alice.press('Hold');
    await alice.shows('You hold this call.');
    await operator.page.locator('.timeline').getByText('LocalHold').first().waitFor();
    const seqs = (await operator.page.locator('.timeline td:first-child').allTextContents()).map(Number);
    expect(seqs.length > 2 && seqs.every((seq, index) => index === 0 || seq === seqs[index - 1] + 1), `seq: ${seqs}`);
    await operator.picture('console');
    return { seqs };
  });

  await report.step('console: the end of the call ends its timeline', async () => {
    await alice.press('Hang up');
    await operator.shows('The call is over; nothing follows.');
    await operator.page.locator('.deliveries code').filter({ hasText: 'CallEnded' }).waitFor();
    await operator.shows('No live calls.');
  });

  await report.step('console: the policy tester says the rule and what was asked', async () => {
    await operator.page.getByRole('link', { name: 'Policy tester' }).click();
    await operator.page.getByLabel('From', { exact: true }).fill('alice');
    await operator.page.getByLabel('To', { exact: true }).fill('bob');
    await operator.press('Ask');
    await operator.shows('Call: allowed');
    await operator.shows('Allowed by');
    await operator.picture('policy');
  });

  await report.step('console: a wrong key is refused in words', async () => {
    await operator.page.getByLabel('Access key').fill('d3Jvbmc=');
    await operator.press('Ask');
    await operator.page.getByRole('alert').waitFor();
    // The browser notes the refusal of a request by itself.
    const refusals = stage.troubles.filter((trouble) => trouble.includes('/policy/explain') && trouble.includes('401'));
    expect(refusals.length === 1 && stage.troubles.length === 1, `troubles: ${stage.troubles}`);
    stage.troubles.length = 0;
    return operator.page.getByRole('alert').textContent();
  });

  await report.step('console: identities', async () => {
    await operator.page.getByRole('link', { name: 'Identities' }).click();
    await operator.page.getByRole('link', { name: 'Open a tab as Alice Archer' }).waitFor();
  });
  for (const tab of [alice, bob, operator]) await tab.close();
}
