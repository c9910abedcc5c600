// A call composite calls an app user, whose page rings with the library's own notification.

import { expect, newUser, until } from '../support.mjs';
import { Tab } from '../tab.mjs';
import { YAN, ZOE, as } from '../people.mjs';
import { hearAndSeeEachOther, holdAndResume, muteAndUnmute, shareAndStop } from './common.mjs';

export async function user(stage) {
  const { context, report, origin } = stage;
  const zoe = await newUser(context, origin, 'Zoe');
  const yan = await newUser(context, origin, 'Yan');
  let caller;
  let callee;

  await report.step('user: the one who is called rings and sees who it is', async () => {
    callee = await Tab.open(stage, { ...as(YAN, yan), incoming: 'yes' });
    await callee.page.getByText('Yan can be called.').waitFor();
    caller = await Tab.open(stage, { ...as(ZOE, zoe), call: yan.rawId });
    await caller.start();
    await callee.page.getByText('Zoe is calling').first().waitFor();
    await caller.onPage('lobby');
    await callee.picture('user-incoming');
    await caller.picture('user-ringing');
    return (await caller.state()).state;
  });

  await report.step('user: accepted with video, both are on the call page', async () => {
    const startedAt = Date.now();
    await callee.acceptWithVideo();
    await callee.onPage('call');
    await caller.onPage('call');
    report.figures.user_accept_ms = Date.now() - startedAt;
    return { ms: report.figures.user_accept_ms };
  });

  await hearAndSeeEachOther('user', report, caller, callee);
  await caller.picture('user-call');
  await callee.picture('user-call-other');
  await muteAndUnmute('user', report, callee, caller);
  await shareAndStop('user', report, callee, caller);
  await holdAndResume('user', report, caller, callee);

  await report.step('user: when one leaves, the other gets an end page too', async () => {
    await callee.leave();
    await callee.onPage('leftCall');
    const { endReason } = await caller.onPage('leftCall');
    expect(endReason.code === 0, `the reason is ${JSON.stringify(endReason)}`);
    await caller.rate();
    await caller.page.getByText('You left the call').waitFor();
    await caller.picture('user-left');
    return endReason;
  });

  await report.step('user: a call that is taken back stops ringing', async () => {
    await callee.close();
    callee = await Tab.open(stage, { ...as(YAN, yan), incoming: 'yes' });
    await callee.page.getByText('Yan can be called.').waitFor();
    await caller.close();
    caller = await Tab.open(stage, { ...as(ZOE, zoe), call: yan.rawId });
    await caller.start({ camera: false });
    const ringing = callee.button(/accept/i);
    await ringing.waitFor();
    await caller.leave();
    await caller.onPage('leftCall');
    await until('it stops', () => ringing.count(), (count) => count === 0);
  });
  await caller.close();
  await callee.close();
}
