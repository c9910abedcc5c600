// How large the app is and how fast: time to interactive, and a call from a cold page.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { dist, expect, openContext } from '../support.mjs';
import { Tab } from '../tab.mjs';

const GZIP_LIMIT_BYTES = 150_000;
const FIRST_CALL_LIMIT_MS = 2_000;
const RUNS = 3;

export async function figures(stage) {
  const { report, browser, origin, troubles } = stage;

  await report.step('figures: sizes', async () => {
    const { files } = JSON.parse(await readFile(path.join(dist, 'manifest.json'), 'utf8'));
    const served = Object.entries(files).filter(([name]) => !name.endsWith('.LEGAL.txt'));
    const sum = (key) => served.reduce((total, [, file]) => total + file[key], 0);
    const sizes = { files: served.length, bytes: sum('bytes'), gzipBytes: sum('gzipBytes'), brotliBytes: sum('brotliBytes') };
    report.figures.sizes = sizes;
    expect(sizes.gzipBytes <= GZIP_LIMIT_BYTES, `${sizes.gzipBytes} bytes after gzip`);
    return sizes;
  });

  await report.step('figures: time to interactive of a cold page', async () => {
    const times = [];
    for (let run = 0; run < RUNS; run += 1) {
      times.push(await cold(async (tab) => {
        await tab.button('Alice Archer alice').waitFor();
        return tab.page.evaluate(() => {
          const { domContentLoadedEventEnd } = performance.getEntriesByType('navigation')[0];
          const [paint] = performance.getEntriesByName('first-contentful-paint');
          return { firstPaintMs: Math.round(paint.startTime), loadedMs: Math.round(domContentLoadedEventEnd), interactiveMs: Math.round(performance.now()) };
        });
      }));
    }
    report.figures.interactive = times;
    return times;
  });

  await report.step('figures: a call from a cold page is connected', async () => {
    const bob = await Tab.open(stage, { as: 'bob', answer: 'auto' });
    await bob.shows('Recent calls');
    const times = [];
    for (let run = 0; run < RUNS; run += 1) {
      times.push(await cold(async (tab) => {
        await tab.page.waitForFunction(() => document.querySelector('.call-title [role=status]')?.textContent === 'Connected', null, { polling: 'raf' });
        const ms = await tab.page.evaluate(() => Math.round(performance.now()));
        await tab.press('Hang up');
        await tab.shows('Back to calls');
        await bob.shows('Back to calls');
        await bob.press('Back to calls');
        return ms;
      }, { as: 'alice', call: 'bob' }));
    }
    await bob.close();
    report.figures.firstCallMs = times;
    expect(Math.min(...times) <= FIRST_CALL_LIMIT_MS, `connected after ${times} ms`);
    return { times };
  });

  /** Works in a context of its own, whose cache is empty. */
  async function cold(work, parameters = {}) {
    const context = await openContext(browser, { origin, troubles });
    try {
      return await work(await Tab.open({ ...stage, context }, parameters));
    } finally {
      await context.close();
    }
  }
}
