// The policy tester: a denial that names the switch, and what comes of turning it.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, newContext, run, until } from './harness.mjs';

await run(async ({ browser, report, origin, pictures }) => {
  const { troubles } = report;
  const key = process.env.TRUNKLINE_ACCESS_KEY;
  const context = await newContext(browser, { origin, troubles });
  const picture = (page, name) => page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
  const page = await context.newPage();
  const decision = async (medium) => {
    const card = page.locator(`.decision[data-medium="${medium}"]`);
    if (await card.count() === 0) return null;
    return { isAllowed: await card.getAttribute('data-allowed') === 'true', sentence: await card.locator('.sentence').textContent() };
  };
  const explain = () => page.click('button[type="submit"]');
  let zoe;

  await report.step('the page is reached from the others', async () => {
    await page.goto(`${origin}/`);
    zoe = await page.evaluate(async () => {
      const answer = await fetch('/dev/token', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ displayName: 'Zoe' }),
      });
      return (await answer.json()).identifier.rawId;
    });
    for (const place of ['Calls', 'Chat', 'Policy']) {
      await page.click(`.places >> text=${place}`);
      await until(`${place} is marked`, () => page.locator('.places [aria-current="page"]').allTextContents(), ([name]) => name === place);
    }
  });

  await report.step('a wrong key is refused in words', async () => {
    await page.fill('#from', zoe);
    await page.fill('#to', 'bob');
    await page.fill('#key', 'd3Jvbmc=');
    await explain();
    const words = await until('the page says so', () => page.textContent('[data-problem]'), (said) => said.length > 0);
    expect(words.includes('access key'), words);
    expect(await page.evaluate(() => document.activeElement.id) === 'key', 'the field of the key has the focus');
    // The browser notes every refused request in its console.
    for (let index = troubles.length - 1; index >= 0; index -= 1) {
      if (troubles[index].includes('status of 401')) troubles.splice(index, 1);
    }
    return { words };
  });

  await report.step('while federation is off, the denial names the switch', async () => {
    await page.fill('#key', key);
    await explain();
    const call = await until('the call is denied', () => decision('call'), (found) => found !== null);
    const chat = await decision('chat');
    for (const found of [call, chat]) {
      expect(!found.isAllowed && found.sentence.includes('EnableAcsUsers'), JSON.stringify(found));
    }
    expect(await page.locator('.steps li').count() >= 2, 'the questions are listed');
    await picture(page, 'policy-denied');
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than 390 px');
    await picture(page, 'policy-390');
    await page.setViewportSize({ width: 1440, height: 900 });
    return { call, chat };
  });

  await report.step('with federation on, both are allowed', async () => {
    // Whoever runs this script waits for the file, and turns the switch.
    writeFileSync(path.join(pictures, 'denied'), '');
    await until('both are allowed', async () => {
      await explain();
      await page.waitForTimeout(200);
      return [await decision('call'), await decision('chat')];
    }, (found) => found.every((one) => one?.isAllowed));
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture(page, 'policy-allowed-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    return { call: await decision('call'), chat: await decision('chat') };
  });

  await report.step('one question can be asked alone, the other way round', async () => {
    await page.click('[data-action="swap"]');
    await page.selectOption('#what', 'chat');
    await explain();
    await until('only chat is answered', () => page.locator('.decision').count(), (count) => count === 1);
    const words = await page.textContent('.who-to-whom');
    expect(words.endsWith(zoe), words);
    return await decision('chat');
  });

  await report.step('the key is kept nowhere', async () => {
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]));
    expect(!kept.includes(key), 'no storage, cookie or address holds the key');
    await page.reload();
    expect(await page.inputValue('#key') === '', 'the field is empty again');
  });

  await report.step('nothing went wrong on the way', async () => {
    expect(troubles.length === 0, troubles.join('\n'));
  });
});
