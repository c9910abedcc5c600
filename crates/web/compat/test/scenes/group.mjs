// Two call composites meet in the call of a group.

import { randomUUID } from 'node:crypto';

import { newUser } from '../support.mjs';
import { Tab } from '../tab.mjs';
import { YAN, ZOE, as } from '../people.mjs';
import {
  cameraOffAndOn, hearAndSeeEachOther, holdAndResume, leave, lookAtPeople, muteAndUnmute, shareAndStop,
} from './common.mjs';

export async function group(stage) {
  const { context, report, origin } = stage;
  const groupId = randomUUID();
  let zoe;
  let yan;

  await report.step('group: the first page shows a preview', async () => {
    zoe = await Tab.open(stage, { ...as(ZOE, await newUser(context, origin, 'Zoe')), group: groupId });
    yan = await Tab.open(stage, { ...as(YAN, await newUser(context, origin, 'Yan')), group: groupId });
    await zoe.part('call-composite-local-device-settings-camera-button').click();
    await zoe.sees('red');
    await zoe.picture('group-configuration');
  });

  await report.step('group: both join and are in one call', async () => {
    const startedAt = Date.now();
    await zoe.start();
    await zoe.onPage('call');
    report.figures.group_join_ms = Date.now() - startedAt;
    await yan.start();
    for (const tab of [zoe, yan]) {
      await tab.onPage('call');
      await tab.until('sees the other', ({ remote }) => remote.length === 1 && remote[0].state === 'Connected');
    }
    return { zoe: (await zoe.state()).remote, yan: (await yan.state()).remote };
  });

  await hearAndSeeEachOther('group', report, zoe, yan);
  await zoe.picture('group-call');
  await yan.picture('group-call-other');
  await muteAndUnmute('group', report, zoe, yan);
  await cameraOffAndOn('group', report, yan, zoe);
  await shareAndStop('group', report, zoe, yan);
  await lookAtPeople('group', report, yan, ['Zoe', 'Yan']);
  await holdAndResume('group', report, zoe, yan);
  await leave('group', report, zoe);

  await report.step('group: who stays is alone', async () => {
    await yan.until('is alone', ({ page, remote }) => page === 'call' && remote.length === 0);
    await yan.picture('group-alone');
    await yan.leave();
    await yan.onPage('leftCall');
  });
  await zoe.close();
  await yan.close();
}
