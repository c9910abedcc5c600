// How calls end, and what the composite says about it.

import { randomUUID } from 'node:crypto';

import { expect, newUser } from '../support.mjs';
import { Tab } from '../tab.mjs';
import { YAN, ZOE, as } from '../people.mjs';

export async function ends(stage) {
  const { context, report, origin } = stage;
  const zoe = await newUser(context, origin, 'Zoe');
  const yan = await newUser(context, origin, 'Yan');
  const call = (parameters) => Tab.open(stage, { ...as(ZOE, zoe), ...parameters });
  const line = async () => {
    const tab = await Tab.open(stage, { ...as(YAN, yan), incoming: 'yes' });
    await tab.page.getByText('Yan can be called.').waitFor();
    return tab;
  };
  const endsOn = async (tab, { page, code, subCode, text, picture }) => {
    const { endReason } = await tab.onPage(page);
    // Only who left or was parted from the other is asked how it was.
    if (page === 'leftCall') await tab.rate();
    if (text) await tab.page.getByText(text).first().waitFor();
    await tab.picture(`end-${picture}`);
    expect(endReason.code === code && (subCode === undefined || endReason.subCode === subCode),
      `it ended with ${JSON.stringify(endReason)}`);
    await tab.close();
    return endReason;
  };

  await report.step('ends: declined', async () => {
    const callee = await line();
    const caller = await call({ call: yan.rawId });
    await caller.start({ camera: false });
    await callee.button(/decline|reject/i).click();
    const reason = await endsOn(caller, { page: 'leftCall', code: 603, text: 'The call could not be completed', picture: 'declined' });
    await callee.close();
    return reason;
  });

  await report.step('ends: nobody there to be called', async () => {
    const nobody = await newUser(context, origin, 'Nobody');
    const caller = await call({ call: nobody.rawId });
    await caller.start({ camera: false });
    return endsOn(caller, {
      page: 'leftCall', code: 480, subCode: 10037, text: 'Target participant is currently not available', picture: 'unreachable',
    });
  });

  await report.step('ends: a callee who does not exist', async () => {
    const caller = await call({ call: `8:orgid:${randomUUID()}` });
    await caller.start({ camera: false });
    const { endReason } = await caller.onPage('leftCall');
    await caller.rate();
    await caller.picture('end-unknown');
    await caller.close();
    expect(endReason.code >= 400, `it ended with ${JSON.stringify(endReason)}`);
    return endReason;
  });

  await report.step('ends: removed by another', async () => {
    const group = randomUUID();
    const [one, other] = [await call({ group }), await Tab.open(stage, { ...as(YAN, yan), group })];
    for (const tab of [one, other]) {
      await tab.start({ camera: false });
      await tab.onPage('call');
    }
    await one.until('sees the other', ({ remote }) => remote.length === 1);
    await one.page.evaluate((rawId) => globalThis.adapter.removeParticipant(rawId), yan.rawId);
    const reason = await endsOn(other, {
      page: 'removedFromCall', code: 0, subCode: 5300, text: 'You were removed', picture: 'removed',
    });
    await one.until('is alone', ({ remote }) => remote.length === 0);
    await one.leave();
    await one.onPage('leftCall');
    await one.close();
    return reason;
  });

  await report.step('ends: over for everybody', async () => {
    const group = randomUUID();
    const [one, other] = [await call({ group }), await Tab.open(stage, { ...as(YAN, yan), group })];
    for (const tab of [one, other]) {
      await tab.start({ camera: false });
      await tab.onPage('call');
    }
    await one.until('sees the other', ({ remote }) => remote.length === 1);
    await one.page.evaluate(() => globalThis.adapter.leaveCall(true));
    await one.onPage('leftCall');
    await one.close();
    return endsOn(other, { page: 'leftCall', code: 0, text: 'You left the call', picture: 'for-everybody' });
  });

  await report.step('ends: taken back before anybody answered', async () => {
    const callee = await line();
    const caller = await call({ call: yan.rawId });
    await caller.start({ camera: false });
    await callee.button(/accept/i).waitFor();
    await caller.leave();
    const { endReason } = await caller.onPage('leftCall');
    await caller.rate();
    await caller.picture('end-taken-back');
    await caller.close();
    await callee.close();
    return endReason;
  });
}
