// What the browser tests share: an exchange that can be stopped and started, a browser with a page
// of the package in it, and what is asked of the people in the page.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { launch, newContext, Report } from '../../../../../tests/browser/harness.mjs';

export const here = path.dirname(fileURLToPath(import.meta.url));
const LOCAL_ONLY = '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets';

export function read(name) {
  if (!process.env[name]) throw new Error(`set ${name}`);
  return process.env[name];
}

/** A development exchange with its data in a folder; started again it takes the same port. */
export class Exchange {
  port = 0;

  constructor(folder) {
    this.folder = folder;
  }

  async start() {
    const free = '127.0.0.1:0';
    this.child = spawn(read('TRUNKLINE_EXCHANGE'), [
      'dev', '--json', '--log', 'error', '--listen', `127.0.0.1:${this.port}`, '--admin-listen', free, '--http-listen', free,
      '--data-directory', this.folder,
    ], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.ended = new Promise((resolve) => { this.child.once('exit', resolve); });
    for await (const line of readline.createInterface({ input: this.child.stdout })) {
      const { ready, url } = JSON.parse(line);
      if (!ready) continue;
      this.origin = url;
      this.port = Number(new URL(url).port);
      return this;
    }
    throw new Error('the exchange ended before it was ready');
  }

  /** Ends it; `SIGKILL` leaves it no time to say so. */
  async stop(signal = 'SIGTERM') {
    this.child?.kill(signal);
    await this.ended;
  }
}

/** Bundles a page's script with the package in the place of the name that others import. */
export async function bundle(entry) {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [path.join(here, entry)], bundle: true, format: 'esm', target: 'es2022', write: false,
    alias: { '@azure/communication-calling': path.join(here, '../../dist/index.js') },
  });
  return text;
}

/** Serves the page from an origin, whatever stands behind it. */
export async function serve(context, origin, script) {
  await context.route(`${origin}/package-test/**`, (route) => route.fulfill(route.request().url().endsWith('.js')
    ? { contentType: 'text/javascript', body: script }
    : { contentType: 'text/html', body: '<!doctype html><title>Test</title><body><script type="module" src="/package-test/page.js"></script>' }));
}

export async function openPage(context, origin) {
  const page = await context.newPage();
  await page.goto(`${origin}/package-test/`);
  await page.waitForFunction(() => globalThis.isReady === true);
  return page;
}

/** Runs a script on a stage of its own, and tells how it went. */
export async function perform(name, { args = [], script }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), `trunkline-${name}-`));
  const report = new Report(path.join(folder, 'report.json'));
  const exchange = new Exchange(folder);
  let browser;
  try {
    await exchange.start();
    browser = await launch({
      chromium: read('TRUNKLINE_CHROMIUM'), playwright: read('TRUNKLINE_PLAYWRIGHT'), args: [LOCAL_ONLY, ...args],
    });
    await script({ browser, exchange, folder, report, newContext });
  } catch (error) {
    console.log(String(error.stack ?? error));
    process.exitCode = 1;
  } finally {
    if (report.troubles.length > 0) {
      console.log(`troubles: ${report.troubles.join('\n')}`);
      process.exitCode = 1;
    }
    await browser?.close();
    await exchange.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    console.log(`${report.steps.filter(({ ok }) => ok).length} steps passed, ${report.steps.filter(({ ok }) => !ok).length} failed`);
  }
}
