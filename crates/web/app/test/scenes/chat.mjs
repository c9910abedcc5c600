// The chat page: start a conversation, write, be read, edit, delete, leave.

import { expect } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function chat(stage) {
  const { report } = stage;
  const alice = await Tab.open(stage, { as: 'alice' });
  const bob = await Tab.open(stage, { as: 'bob' }, '#/chat');

  await report.step('chat: a conversation begins from the list of people', async () => {
    await alice.press('Write to Bob Baker');
    const topic = alice.page.getByLabel('Name of the conversation');
    // The two may have a conversation from a call before: then it is opened, and another one is begun beside it.
    const open = alice.page.getByLabel('Write a message');
    await topic.or(open).first().waitFor();
    if (await open.isVisible()) {
      await alice.press('New conversation');
      await alice.page.getByLabel('Bob Baker', { exact: true }).check();
    }
    await topic.fill('Lunch');
    await alice.press('Start');
    await alice.page.locator('dialog').waitFor({ state: 'detached' });
    await alice.shows('2 members');
  });

  await report.step('chat: a message arrives, is read, and both is told', async () => {
    await alice.page.getByLabel('Write a message').fill('Soup or salad?');
    await alice.page.keyboard.press('Enter');
    await bob.page.locator('.thread', { hasText: 'Soup or salad?' }).click();
    await bob.page.getByRole('log').getByText('Soup or salad?').waitFor();
    await alice.shows('Read by Bob Baker');
    await bob.page.getByLabel('Write a message').fill('Salad');
    await alice.shows('Bob Baker is writing…');
    await bob.press('Send');
    await alice.page.getByRole('log').getByText('Salad', { exact: true }).waitFor();
    await alice.picture('chat');
  });

  await report.step('chat: a message is changed and one is deleted', async () => {
    await alice.page.locator('.message.own').first().hover();
    await alice.press('Edit');
    await alice.page.getByRole('textbox', { name: 'Edit' }).fill('Soup or bread?');
    await alice.press('Save');
    await bob.page.getByRole('log').getByText('Soup or bread?').waitFor();
    await bob.page.locator('.message.own').first().hover();
    await bob.press('Delete');
    await alice.page.getByRole('log').getByText('This message was deleted.').waitFor();
  });

  await report.step('chat: a message of an unread thread is counted', async () => {
    await bob.page.goto(`${stage.origin}/app/?as=bob#/chat`);
    await bob.shows('Choose a conversation');
    await alice.page.getByLabel('Write a message').fill('<b>bold</b> & plain');
    await alice.page.keyboard.press('Enter');
    await bob.page.getByText('1 unread').first().waitFor({ state: 'attached' });
    const raw = await alice.page.locator('.bubble').last().textContent();
    expect(raw?.includes('<b>bold</b> & plain'), `marks in what was typed are text: ${raw}`);
  });

  await report.step('chat: whoever leaves is gone from the list', async () => {
    const left = bob.page.locator('.thread', { hasText: 'bold' });
    await left.click();
    await bob.press('Leave the conversation');
    await left.waitFor({ state: 'detached' });
    await alice.shows('Bob Baker left');
  });

  await alice.close();
  await bob.close();
}
