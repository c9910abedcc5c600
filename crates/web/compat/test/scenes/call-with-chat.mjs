// The composite with a call and a chat in one.

import { randomUUID } from 'node:crypto';

import { newThread, newUser } from '../support.mjs';
import { Tab } from '../tab.mjs';
import { YAN, ZOE, as } from '../people.mjs';
import { hearAndSeeEachOther, shareAndStop } from './common.mjs';

export async function callWithChat(stage) {
  const { context, report, origin } = stage;
  const users = [await newUser(context, origin, 'Zoe'), await newUser(context, origin, 'Yan')];
  const thread = await newThread(context, origin, 'Stand-up', users);
  const parameters = { view: 'call-with-chat', group: randomUUID(), thread };
  let zoe;
  let yan;

  await report.step('call-with-chat: both join', async () => {
    zoe = await Tab.open(stage, { ...as(ZOE, users[0]), ...parameters });
    yan = await Tab.open(stage, { ...as(YAN, users[1]), ...parameters });
    for (const tab of [zoe, yan]) {
      await tab.start();
      await tab.onPage('call');
    }
  });
  await hearAndSeeEachOther('call-with-chat', report, zoe, yan);

  await report.step('call-with-chat: a message that is not read yet is counted', async () => {
    await zoe.part('call-with-chat-composite-chat-button').click();
    await zoe.page.getByRole('textbox').fill('Can everybody see my screen?');
    await zoe.page.getByRole('textbox').press('Enter');
    await yan.part('call-with-chat-composite-chat-button-unread-icon').waitFor();
    await yan.picture('call-with-chat-unread');
  });

  await report.step('call-with-chat: the pane shows it, the receipt comes, and so does typing', async () => {
    await yan.part('call-with-chat-composite-chat-button').click();
    await yan.page.getByText('Can everybody see my screen?').first().waitFor();
    await zoe.page.locator('[aria-label*="Seen" i]').first().waitFor();
    await yan.page.getByRole('textbox').pressSequentially('Not yet', { delay: 40 });
    await zoe.page.getByText(/Yan.*typing/i).first().waitFor();
    await zoe.picture('call-with-chat-typing');
    await yan.page.getByRole('textbox').press('Enter');
    await zoe.page.getByText('Not yet').first().waitFor();
  });

  await shareAndStop('call-with-chat', report, zoe, yan);
  await report.step('call-with-chat: both leave', async () => {
    for (const tab of [zoe, yan]) {
      await tab.leave();
      await tab.onPage('leftCall');
    }
    await zoe.rate();
    await zoe.picture('call-with-chat-left');
  });
  await zoe.close();
  await yan.close();
}
