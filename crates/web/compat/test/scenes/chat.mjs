// Two chat composites in one thread.

import { expect, newThread, newUser, until } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function chat(stage) {
  const { context, report, origin } = stage;
  const zoe = await newUser(context, origin, 'Zoe');
  const yan = await newUser(context, origin, 'Yan');
  const thread = await newThread(context, origin, 'Moving day', [zoe, yan]);
  const open = ({ rawId, displayName }) => Tab.open(stage, { as: rawId, name: displayName, view: 'chat', thread });
  const write = async (tab, text) => {
    await tab.page.getByRole('textbox').fill(text);
    await tab.page.getByRole('textbox').press('Enter');
  };
  const messages = (tab) => tab.page.evaluate(() => Object.values(globalThis.adapter.getState().thread.chatMessages)
    .map(({ content, type, status, deletedOn, editedOn }) => ({ text: content?.message, type, status, isDeleted: Boolean(deletedOn), isEdited: Boolean(editedOn) })));
  let first;
  let second;

  await report.step('chat: both composites open the thread', async () => {
    first = await open(zoe);
    second = await open(yan);
    for (const tab of [first, second]) await tab.page.getByText('Moving day').first().waitFor();
  });

  await report.step('chat: a message appears on the other side', async () => {
    const sentAt = Date.now();
    await write(first, 'The van comes at nine.');
    await second.page.getByText('The van comes at nine.').first().waitFor();
    report.figures.chat_message_ms = Date.now() - sentAt;
    return { ms: report.figures.chat_message_ms };
  });

  await report.step('chat: the one who writes sees that it was read', () => (
    first.page.getByRole('img', { name: /seen/i }).or(first.page.locator('[aria-label*="Seen" i]')).first().waitFor()));

  await report.step('chat: the one who reads sees the other type', async () => {
    await second.page.getByRole('textbox').pressSequentially('I bring coff', { delay: 40 });
    await first.page.getByText(/Yan.*typing/i).first().waitFor();
    await first.picture('chat-typing');
    await second.page.getByRole('textbox').press('Enter');
    await first.page.getByText('I bring coff').first().waitFor();
  });

  await report.step('chat: a message that is changed and one that is deleted change on the other side', async () => {
    const id = await second.page.evaluate(() => Object.values(globalThis.adapter.getState().thread.chatMessages)
      .find(({ content }) => content?.message?.includes('coff')).id);
    await second.page.evaluate(([message]) => globalThis.adapter.updateMessage(message, 'I bring coffee.'), [id]);
    await first.page.getByText('I bring coffee.').first().waitFor();
    await second.page.evaluate(([message]) => globalThis.adapter.deleteMessage(message), [id]);
    // What a screen reader was told stays where it was told; the bubble goes.
    const bubbles = first.page.locator('[class*="fui-Chat"]').filter({ hasText: 'I bring coffee.' });
    await until('the bubble is gone', () => bubbles.count(), (count) => count === 0);
    return messages(first);
  });

  await report.step('chat: the new topic and the people are shown', async () => {
    await first.page.evaluate(() => globalThis.adapter.setTopic('Moving day, second van'));
    await second.page.getByText('Moving day, second van').first().waitFor();
    const names = await second.page.evaluate(() => (
      Object.values(globalThis.adapter.getState().thread.participants).map(({ displayName }) => displayName).sort()));
    expect(names.join() === 'Yan,Zoe', `the people are ${names}`);
    await first.picture('chat-composite');
    await second.picture('chat-composite-other');
    expect(await first.page.evaluate(() => document.querySelectorAll('[role="alert"]').length) === 0, 'an alert is shown');
  });

  await first.close();
  await second.close();
}
