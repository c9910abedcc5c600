// Two tabs of one browser chat: what each sees as it comes, and what a broken connection takes away.

import path from 'node:path';

import { expect, newContext, run, until } from './harness.mjs';

await run(async ({ browser, report, origin, pictures }) => {
  const { troubles } = report;
  // Two persons, two browsers' worth of state: each has its own network to lose.
  const contexts = {
    alice: await newContext(browser, { origin, troubles }),
    bob: await newContext(browser, { origin, troubles }),
  };
  const open = async (alias) => {
    const page = await contexts[alias].newPage();
    await page.goto(`${origin}/chat?as=${alias}`);
    await page.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    return page;
  };
  const picture = (page, name) => page.screenshot({ path: path.join(pictures, `${name}.png`) });
  const bubbles = (page) => page.locator('.message .bubble').allTextContents();
  const write = async (page, text) => {
    await page.fill('#message', text);
    await page.press('#message', 'Enter');
  };
  const hears = (page, text) => until(`“${text}” is shown`, () => bubbles(page), (said) => said.includes(text));
  const row = (page, text) => page.locator('.message', { has: page.locator('.bubble', { hasText: text }) });

  let alice;
  let bob;
  const ids = {};

  await report.step('two people sign in', async () => {
    alice = await open('alice');
    bob = await open('bob');
    for (const [name, page] of Object.entries({ alice, bob })) ids[name] = await page.evaluate(() => globalThis.trunklineChat.model.ownId);
  });

  await report.step('alice starts a conversation and bob sees it', async () => {
    await alice.click('[data-action="new"]');
    await alice.fill('#new-topic', 'Release on Friday');
    await alice.check('.chat-dialog [data-alias="bob"]');
    await alice.click('.chat-dialog button[type="submit"]');
    await alice.waitForSelector('#conversation:not([hidden])');
    const thread = bob.locator('.thread', { hasText: 'Release on Friday' });
    await thread.waitFor();
    return { threads: await bob.locator('.thread').count() };
  });

  await report.step('a message arrives live, is unread, and opening it says that it was read', async () => {
    await write(alice, 'The notes are ready. Can you look at them?');
    await hears(alice, 'The notes are ready. Can you look at them?');
    await until('bob has one unread', () => bob.locator('.unread').allTextContents(), (marks) => marks[0]?.startsWith('1'));
    expect(await alice.locator('[data-read-by]').count() === 0, 'nobody has read it yet');
    await bob.bringToFront();
    await bob.click('.thread');
    await hears(bob, 'The notes are ready. Can you look at them?');
    await until('the mark goes', () => bob.locator('.unread').count(), (count) => count === 0);
    const read = await until('alice sees who read it', () => alice.locator('[data-read-by]').allTextContents(), (found) => found.length === 1);
    expect(read[0] === 'Read by Bob Baker', read[0]);
    return { read };
  });

  await report.step('system messages are words', async () => {
    const words = await until('they are there', () => bob.locator('.system').allTextContents(), (found) => found.length >= 2);
    expect(words.some((said) => said.includes('Alice Archer named the conversation “Release on Friday”')), words.join(' | '));
    expect(words.some((said) => said.includes('Alice Archer added')), words.join(' | '));
    return { words };
  });

  await report.step('typing shows, and ends with the message and by itself', async () => {
    await bob.locator('#message').pressSequentially('Looking', { delay: 10 });
    const typing = () => alice.textContent('[data-typing]');
    await until('alice sees it', typing, (said) => said === 'Bob Baker is writing…');
    await write(bob, 'Looking now. They are good.');
    await hears(alice, 'Looking now. They are good.');
    await until('it ends with the message', typing, (said) => said === '', { within: 2_000 });
    await alice.bringToFront();
    await alice.locator('#message').pressSequentially('One', { delay: 10 });
    await until('bob sees it', () => bob.textContent('[data-typing]'), (said) => said === 'Alice Archer is writing…');
    await until('it ends by itself', () => bob.textContent('[data-typing]'), (said) => said === '', { within: 12_000 });
    await alice.fill('#message', '');
  });

  await report.step('a message is changed with the keyboard and deleted', async () => {
    await write(alice, 'We ship on Fryday.');
    await hears(bob, 'We ship on Fryday.');
    await hears(alice, 'We ship on Fryday.');
    await alice.press('#message', 'ArrowUp');
    await write(alice, 'We ship on Friday.');
    await hears(bob, 'We ship on Friday.');
    expect(!(await bubbles(bob)).includes('We ship on Fryday.'), 'the old words are gone');
    expect(await row(bob, 'We ship on Friday.').locator('.message-note', { hasText: 'edited' }).count() === 1, 'it says edited');
    await write(alice, 'Wrong window');
    await hears(bob, 'Wrong window');
    expect(await row(bob, 'Wrong window').locator('[data-action]').count() === 0, 'bob cannot change it');
    await row(alice, 'Wrong window').hover();
    await row(alice, 'Wrong window').locator('[data-action="delete"]').click();
    await alice.click('[data-action="confirm-delete"]');
    await hears(bob, 'This message was deleted');
    expect(!(await bubbles(bob)).includes('Wrong window'), 'what was deleted is gone');
  });

  await report.step('markup runs nothing and loads nothing at any reader', async () => {
    const hostile = '<p>Hello <b>bold</b></p><script>globalThis.owned = 1</script><img src="/favicon.svg?stolen" onerror="globalThis.owned = 2" '
      + 'onload="globalThis.owned = 3"><a href="javascript:globalThis.owned = 4">bad</a> <a href="https://docs.example/x">good</a>'
      + '<iframe srcdoc="<script>parent.owned = 5</script>"></iframe><svg onload="globalThis.owned = 6"></svg><form action="/x"><input name="token"></form>';
    const sent = await alice.evaluate(async ([content, thread]) => {
      const { token } = await (await fetch('/dev/token', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user: 'alice' }),
      })).json();
      const answer = await fetch(`/chat/threads/${encodeURIComponent(thread)}/messages?api-version=2025-03-15`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ type: 'html', content, senderDisplayName: '<img src=x onerror="globalThis.owned = 7">' }),
      });
      return answer.status;
    }, [hostile, await alice.evaluate(() => decodeURIComponent(location.hash.slice(1)))]);
    expect(sent === 201, `the message was taken: ${sent}`);
    const found = {};
    for (const [name, page] of Object.entries({ alice, bob })) {
      await page.locator('.bubble b', { hasText: 'bold' }).waitFor();
      found[name] = await page.evaluate(() => ({
        owned: globalThis.owned ?? null,
        foreign: document.querySelectorAll('.log :is(script, img, iframe, form, input, svg)').length,
        handlers: [...document.querySelectorAll('.log *')].filter((element) => (
          [...element.attributes].some(({ name: attribute }) => attribute.startsWith('on')))).length,
        links: [...document.querySelectorAll('.bubble a')].map(({ href, rel }) => `${href} ${rel}`),
      }));
      const { owned, foreign, handlers, links } = found[name];
      expect(owned === null && foreign === 0 && handlers === 0, JSON.stringify(found[name]));
      expect(links.every((link) => link.startsWith('https://docs.example/x noopener')), links.join());
    }
    return found;
  });

  await report.step('the page makes markup safe by itself, too', async () => {
    // The exchange cleans what it is sent. Here nothing is cleaned before the page gets it.
    expect(troubles.length === 0, troubles.join('\n'));
    const found = await bob.evaluate(async () => {
      const { safeNodes } = await import('/js/markup.js');
      const hostile = [
        '<script>globalThis.owned = 1</script>', '<img src=x onerror="globalThis.owned = 2">', '<svg><script>globalThis.owned = 3</script></svg>',
        '<math><mi><style><img src=x onerror=globalThis.owned=4></style></mi></math>', '<a href="javascript:globalThis.owned=5">x</a>',
        '<a href=" java\nscript:globalThis.owned=6">x</a>', '<a href="data:text/html,x">x</a>', '<a href="/dev/users">x</a>',
        '<template><img src=x onerror=globalThis.owned=7></template>', '<noscript><p title="</noscript><img src=x onerror=globalThis.owned=8>">',
        '<p style="position:fixed" class="bubble" id="message" onclick="globalThis.owned=9">x</p>', `${'<div>'.repeat(2_000)}deep`,
        '<details open ontoggle="globalThis.owned=10">x</details>', '<input autofocus onfocus="globalThis.owned=11">',
      ];
      const holder = document.createElement('div');
      document.body.append(holder);
      for (const markup of hostile) holder.append(...safeNodes(markup));
      for (const link of holder.querySelectorAll('a')) link.click();
      await new Promise((resolve) => setTimeout(resolve, 300));
      const elements = [...holder.querySelectorAll('*')];
      const result = {
        owned: globalThis.owned ?? null,
        attributes: elements.flatMap((element) => element.getAttributeNames()),
        names: [...new Set(elements.map(({ localName }) => localName))].sort(),
      };
      holder.remove();
      return result;
    });
    expect(found.owned === null, `it ran: ${found.owned}`);
    // The parser notes each handler and style that the content policy stops; none was copied.
    for (let index = troubles.length - 1; index >= 0; index -= 1) {
      if (troubles[index].includes('violates the following Content Security Policy')) troubles.splice(index, 1);
    }
    expect(found.attributes.length === 0, found.attributes.join());
    expect(found.names.every((name) => ['p', 'span'].includes(name)), found.names.join());
    return found;
  });

  await report.step('a cut network loses nothing and repeats nothing', async () => {
    await bob.bringToFront();
    await contexts.bob.setOffline(true);
    await bob.waitForSelector('#connection[data-state="reconnecting"]', { state: 'attached' });
    expect((await bob.textContent('#banners')).includes('Offline'), 'the page says so');
    await write(bob, 'Written in a tunnel');
    await bob.waitForSelector('[data-waiting="waiting"]');
    await picture(bob, 'chat-offline');
    await write(alice, 'Said while bob is away, 1');
    await write(alice, 'Said while bob is away, 2');
    await hears(alice, 'Said while bob is away, 2');
    await contexts.bob.setOffline(false);
    await bob.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    await hears(bob, 'Said while bob is away, 2');
    await hears(alice, 'Written in a tunnel');
    await until('nothing waits', () => bob.locator('[data-waiting]').count(), (count) => count === 0);
    const orders = [];
    for (const page of [alice, bob]) {
      const said = await bubbles(page);
      for (const text of ['Said while bob is away, 1', 'Said while bob is away, 2', 'Written in a tunnel']) {
        expect(said.filter((found) => found === text).length === 1, `“${text}” is there once: ${said.join(' | ')}`);
      }
      orders.push(said.slice(-3));
    }
    expect(JSON.stringify(orders[0]) === JSON.stringify(orders[1]), `both see the same order: ${JSON.stringify(orders)}`);
    expect(await bob.locator('.banner').count() === 0, 'no banner is left');
    // The browser says in its console that it was offline; that is what this step is about.
    for (let index = troubles.length - 1; index >= 0; index -= 1) {
      if (troubles[index].includes('ERR_INTERNET_DISCONNECTED')) troubles.splice(index, 1);
    }
    return { order: orders[0] };
  });

  await report.step('members come and go, and the topic changes', async () => {
    await alice.bringToFront();
    await alice.click('[data-action="people"]');
    await alice.check('.chat-dialog [data-alias="charlie"]');
    await alice.click('.chat-dialog button[type="submit"]');
    await until('bob reads who came', () => bob.locator('.system').allTextContents(), (words) => (
      words.some((said) => said.includes('Alice Archer added Charlie Cole'))));
    await alice.click('[data-action="people"]');
    await alice.click('[aria-label="Remove Charlie Cole"]');
    await until('bob reads who went', () => bob.locator('.system').allTextContents(), (words) => (
      words.some((said) => said.includes('Alice Archer removed Charlie Cole'))));
    await alice.click('[data-action="topic"]');
    await alice.fill('#topic', 'Release on Monday');
    await alice.click('.chat-dialog button[type="submit"]');
    await until('bob sees the topic', () => bob.textContent('[data-title]'), (title) => title === 'Release on Monday');
    return { members: await bob.textContent('[data-members]') };
  });

  await report.step('it looks well in light, dark and narrow', async () => {
    await write(alice, 'Then Monday it is. Thank you all!');
    await hears(bob, 'Then Monday it is. Thank you all!');
    await alice.bringToFront();
    await alice.click('[data-action="new"]');
    await alice.fill('#new-topic', 'Lunch');
    await alice.check('.chat-dialog [data-alias="charlie"]');
    await alice.check('.chat-dialog [data-alias="dan"]');
    await picture(alice, 'chat-new');
    await alice.click('.chat-dialog button[type="submit"]');
    await alice.waitForSelector('.thread >> text=Lunch');
    await write(alice, 'Noodles at twelve?');
    await hears(alice, 'Noodles at twelve?');
    await alice.locator('.thread', { hasText: 'Release on Monday' }).click();
    await hears(alice, 'Then Monday it is. Thank you all!');
    await alice.mouse.move(700, 20);
    await picture(alice, 'chat');
    await alice.emulateMedia({ colorScheme: 'dark' });
    await picture(alice, 'chat-dark');
    await alice.emulateMedia({ colorScheme: 'light' });
    await bob.setViewportSize({ width: 390, height: 844 });
    await bob.bringToFront();
    expect(await bob.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than 390 px');
    await picture(bob, 'chat-390');
    await bob.click('[data-action="back"]');
    await bob.waitForSelector('.thread');
    await picture(bob, 'chat-390-list');
    await bob.click('.thread');
    await bob.setViewportSize({ width: 1440, height: 900 });
  });

  await report.step('earlier messages come page by page, each once', async () => {
    const thread = await alice.evaluate(async () => {
      const { token } = await (await fetch('/dev/token', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user: 'alice' }),
      })).json();
      const ask = async (url, body) => (await fetch(`${url}?api-version=2025-03-15`, {
        method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body),
      })).json();
      const { chatThread: { id } } = await ask('/chat/threads', { topic: 'Long', participants: [] });
      for (let count = 1; count <= 70; count += 1) await ask(`/chat/threads/${encodeURIComponent(id)}/messages`, { content: `line ${count}` });
      return id;
    });
    await alice.reload();
    await alice.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    await alice.locator('.thread', { hasText: 'Long' }).click();
    await hears(alice, 'line 70');
    const before = (await bubbles(alice)).length;
    let pages = 0;
    while (await alice.locator('[data-action="older"]').isVisible()) {
      const count = (await bubbles(alice)).length;
      await alice.click('[data-action="older"]');
      await until('more is there, or all', async () => [(await bubbles(alice)).length, await alice.locator('[data-action="older"]').isVisible()],
        ([now, hasMore]) => now > count || !hasMore);
      pages += 1;
      expect(pages < 10, 'the pages end');
    }
    const said = await bubbles(alice);
    expect(before < 70, `not everything was read at once: ${before}`);
    expect(said.length === 70 && said.every((text, index) => text === `line ${index + 1}`), said.join(' | '));
    return { before, pages };
  });

  await report.step('whoever is removed is told and sees it no more', async () => {
    await alice.locator('.thread', { hasText: 'Release on Monday' }).click();
    await alice.click('[data-action="people"]');
    await alice.click('[aria-label="Remove Bob Baker"]');
    await until('it goes from the list of bob', () => bob.locator('.thread', { hasText: 'Release on Monday' }).count(), (count) => count === 0);
    await bob.waitForSelector('#conversation', { state: 'hidden' });
    expect((await bob.textContent('#banners')).includes('no longer in'), 'bob is told');
  });

  await report.step('nothing went wrong on the way', async () => {
    expect(troubles.length === 0, troubles.join('\n'));
  });
});
