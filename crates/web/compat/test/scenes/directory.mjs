// A directory user's composite is called by an app user: two kinds of agent in one call.

import { ask, newUser } from '../support.mjs';
import { Tab } from '../tab.mjs';
import { YAN, ZOE, as } from '../people.mjs';
import { cameraOffAndOn, hearAndSeeEachOther, holdAndResume, leave, muteAndUnmute } from './common.mjs';

export async function directory(stage) {
  const { context, report, origin } = stage;
  const zoe = await newUser(context, origin, 'Zoe');
  const { identifier } = await ask(context, { origin, route: '/dev/token', body: { user: 'alice' } });
  let caller;
  let callee;

  await report.step('directory: a directory user is called by an app user and accepts', async () => {
    callee = await Tab.open(stage, {
      ...as(YAN, { rawId: 'alice', displayName: 'Alice' }), agent: 'teams', incoming: 'yes',
    });
    await callee.page.getByText('Alice can be called.').waitFor();
    caller = await Tab.open(stage, { ...as(ZOE, zoe), call: identifier.rawId });
    await caller.start();
    await callee.acceptWithVideo();
    await callee.onPage('call');
    await caller.onPage('call');
    return { caller: (await caller.state()).remote, callee: (await callee.state()).remote };
  });

  await hearAndSeeEachOther('directory', report, caller, callee);
  await callee.picture('directory-call');
  await caller.picture('directory-call-other');
  await muteAndUnmute('directory', report, caller, callee);
  await cameraOffAndOn('directory', report, callee, caller);
  await holdAndResume('directory', report, callee, caller);
  await leave('directory', report, callee);
  await report.step('directory: the other side ends as well', async () => (await caller.onPage('leftCall')).endReason);
  await caller.close();
  await callee.close();
}
