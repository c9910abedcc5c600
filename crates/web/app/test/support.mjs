// What the tests of the app share: an exchange, a browser, and pages that come from dist/ on the exchange's own origin.

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import { launch, until as untilWithin } from '../../../../tests/browser/harness.mjs';

export { Report, expect } from '../../../../tests/browser/harness.mjs';

/** A machine that builds something else besides needs this long for what otherwise takes a moment. */
export const PATIENCE_MS = 60_000;

const here = path.dirname(fileURLToPath(import.meta.url));
export const dist = path.join(here, '..', 'dist');

/** What the exchange sends with its pages: no inline code or style, nothing from elsewhere. */
const CONTENT_SECURITY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "media-src 'self' blob:",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join('; ');

const TYPES = { '.css': 'text/css; charset=utf-8', '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' };

function read(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
}

export function openBrowser() {
  return launch({
    chromium: read('TRUNKLINE_CHROMIUM'),
    playwright: read('TRUNKLINE_PLAYWRIGHT'),
    // A page that the test hands over came from no address, so the browser takes it for one of the
    // public network and keeps its sockets from this machine.
    args: ['--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'],
  });
}

/** Whether there is a binary to start exchanges with. */
export const canStart = Boolean(process.env.TRUNKLINE_EXCHANGE);

/** The exchange under test: the one at `TRUNKLINE_ORIGIN`, or the binary at `TRUNKLINE_EXCHANGE` on free ports. */
export async function openExchange() {
  if (process.env.TRUNKLINE_ORIGIN) return { origin: process.env.TRUNKLINE_ORIGIN, accessKey: process.env.TRUNKLINE_ACCESS_KEY, close: async () => {} };
  const free = '127.0.0.1:0';
  return startExchange((data) => ['dev', '--listen', free, '--admin-listen', free, '--http-listen', free, '--data-directory', data]);
}

/** An exchange as people run one: no development identities, and what `configuration(data)` says in TOML. */
export async function openServed(configuration) {
  return startExchange(async (data) => {
    const file = path.join(data, 'trunkline.toml');
    await writeFile(file, configuration(data));
    return ['serve', '--config', file];
  });
}

async function startExchange(command) {
  const data = await mkdtemp(path.join(os.tmpdir(), 'trunkline-app-'));
  const child = spawn(read('TRUNKLINE_EXCHANGE'), [...await command(data), '--json', '--log', 'error'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => { child.once('exit', resolve); });
  const close = async () => {
    child.kill('SIGTERM');
    await within(15_000, 'the exchange stops', ended).catch(() => { child.kill('SIGKILL'); });
    await rm(data, { recursive: true, force: true });
  };
  try {
    const ready = await within(15_000, 'the exchange starts', (async () => {
      for await (const line of readline.createInterface({ input: child.stdout })) {
        const found = JSON.parse(line);
        if (found.url) return found;
      }
      throw new Error('the exchange ended before it was ready');
    })());
    return { origin: ready.url, ready, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A context whose pages report their troubles. With `TRUNKLINE_APP_SERVED` the exchange serves the app itself, unless it
 * `isUnaware` of `issuers`: origins beside its own that the policy lets pages ask.
 */
export async function openContext(browser, { origin, troubles, issuers = [], isUnaware = false, ...options }) {
  const isHandedOver = isUnaware || !process.env.TRUNKLINE_APP_SERVED;
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    // Every pixel is painted by the processor that everything else needs.
    viewport: { width: 1080, height: 680 },
    colorScheme: 'light',
    permissions: ['camera', 'microphone', 'clipboard-write'],
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  if (isHandedOver) {
    await context.route(`${origin}/app/**`, (route) => serve(route, issuers));
    await context.route(`${origin}/adfs/oauth2/authorize?**`, goOn);
  }
  await context.addInitScript({ path: path.join(here, 'probe.js') });
  context.on('page', (page) => watch(page, { origins: [origin, ...issuers], troubles }));
  return context;
}

/** A browser under test hands over no file for an address that a redirect led to, so that a page goes on in its place. */
async function goOn(route) {
  const response = await route.fetch({ maxRedirects: 0 });
  const { location } = response.headers();
  if (!location) return route.fulfill({ response });
  const target = location.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return route.fulfill({
    contentType: 'text/html; charset=utf-8',
    body: `<!doctype html><html lang="en"><title>Going on</title><meta http-equiv="refresh" content="0;url=${target}">`,
  });
}

/** Answers with a file of `dist/`, under the policy that the exchange sends. */
async function serve(route, issuers) {
  const name = new URL(route.request().url()).pathname.replace(/^\/app\//, '') || 'index.html';
  const file = path.join(dist, name);
  const body = file.startsWith(dist + path.sep) ? await readFile(file).catch(() => null) : null;
  if (body === null) return route.fulfill({ status: 404 });
  return route.fulfill({
    body,
    contentType: TYPES[path.extname(file)] ?? 'application/octet-stream',
    headers: {
      'content-security-policy': CONTENT_SECURITY.replace("connect-src 'self'", ["connect-src 'self'", ...issuers].join(' ')),
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(self), microphone=(self), display-capture=(self), autoplay=(self)',
      'x-content-type-options': 'nosniff',
      'cache-control': name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    },
  });
}

function watch(page, { origins, troubles }) {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      troubles.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  page.on('pageerror', (error) => troubles.push(`page error: ${error.stack ?? error}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!origins.some((origin) => url.startsWith(origin)) && !/^(blob|data):/.test(url)) troubles.push(`a request left the origin: ${url}`);
  });
}

/** Where pictures go. */
export async function picturesFolder() {
  const folder = process.env.TRUNKLINE_PICTURES ?? path.join(here, '..', 'dist-pictures');
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Asks until the answer satisfies, or says what the last answer was. */
export function until(what, ask, satisfies) {
  return untilWithin(what, ask, satisfies, { within: PATIENCE_MS, every: 50 });
}

async function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
