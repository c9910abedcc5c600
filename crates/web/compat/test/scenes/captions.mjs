// What is said in writing: the library's own banner shows lines that the test feeds to the call, as an
// exchange with a source of captions would.

import { randomUUID } from 'node:crypto';

import { YAN, ZOE, as } from '../people.mjs';
import { expect, newUser } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function captions(stage) {
  const { context, report, origin } = stage;
  const groupId = randomUUID();
  const zoe = await Tab.open(stage, { ...as(ZOE, await newUser(context, origin, 'Zoe')), group: groupId });
  const yan = await Tab.open(stage, { ...as(YAN, await newUser(context, origin, 'Yan')), group: groupId });
  const banner = zoe.page.getByRole('region', { name: 'Live captions' });
  const line = (words) => banner.getByText(words, { exact: true });

  await report.step('captions: nobody sees any before there are some', async () => {
    for (const tab of [zoe, yan]) await tab.start({ camera: false });
    await zoe.until('sees the other', ({ page, remote }) => page === 'call' && remote[0]?.state === 'Connected');
    expect(await banner.count() === 0, 'there is a banner without captions');
  });

  await report.step('captions: a line is shown with its speaker, and replaced until it is final', async () => {
    await say(zoe, 'other', 'Good', 'Partial');
    await line('Good').waitFor();
    expect(await banner.getByText('Yan').count() > 0, 'the speaker is not named');
    await say(zoe, 'other', 'Good morning.', 'Final');
    await line('Good morning.').waitFor();
    expect(await line('Good').count() === 0, 'the unfinished line stays');
    await say(zoe, 'own', 'And to you.', 'Final');
    await line('And to you.').waitFor();
    expect(await banner.getByText('Zoe').count() > 0, 'the own name is not there');
    await zoe.picture('captions');
    return banner.innerText();
  });

  await report.step('captions: who was not fed sees none', async () => {
    expect(await yan.page.getByRole('region', { name: 'Live captions' }).count() === 0, 'the other tab shows them as well');
  });

  await report.step('captions: they are stopped with the library\'s own handler, and come back with the next line', async () => {
    await zoe.page.evaluate(() => globalThis.adapter.stopCaptions());
    await banner.waitFor({ state: 'detached' });
    await say(zoe, 'other', 'Once more.', 'Final');
    await line('Once more.').waitFor();
    expect(await line('Good morning.').count() === 0, 'what was stopped came back');
  });

  await zoe.leave();
  await zoe.onPage('leftCall');
  await yan.leave();
  await zoe.close();
  await yan.close();
}

/** Feeds a line to the call of a tab: what it says, and who says it. */
function say({ page, parameters }, who, spokenText, resultType) {
  return page.evaluate((told) => {
    const { call } = globalThis.adapter;
    const made = [...call.features.made.values()];
    const identifier = told.who === 'own' ? { kind: 'communicationUser', communicationUserId: told.rawId } : call.remoteParticipants[0].identifier;
    made.find(({ name }) => name === 'Captions').captions.take({
      speaker: { displayName: '', identifier: { ...identifier }, endpointDetails: [] },
      spokenText: told.spokenText, resultType: told.resultType, spokenLanguage: 'en-us', timestamp: new Date(),
    });
  }, { who, rawId: parameters.as, spokenText, resultType });
}
