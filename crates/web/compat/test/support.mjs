// What the tests of the composites share: an exchange, a browser, pages served on its origin.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import { launch, until as untilWithin } from '../../../../tests/browser/harness.mjs';

export { Report, expect } from '../../../../tests/browser/harness.mjs';

/** A machine that builds something else besides needs this long for what otherwise takes a moment. */
export const PATIENCE_MS = 60_000;

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, '..', 'dist');

/**
 * What the composites need: Fluent and Griffel write `style` elements, and icons and pictures come
 * as `data:` and `blob:`. What it would fetch from elsewhere, the icon fonts, is served beside the page.
 */
export const CONTENT_SECURITY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:", "font-src 'self'", "connect-src 'self'", "media-src 'self' blob:",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join('; ');

const CONTENT_TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.map': 'application/json',
  '.woff': 'font/woff',
};

/** Reads a variable of the environment; says which one is missing. */
function read(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
}

/** The browser that the tests drive. */
export function openBrowser() {
  return launch({
    chromium: read('TRUNKLINE_CHROMIUM'),
    playwright: read('TRUNKLINE_PLAYWRIGHT'),
    // A page that the test hands over came from no address, so the browser takes it for one of the
    // public network and keeps its sockets from this machine.
    args: ['--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'],
  });
}

/**
 * The exchange under test: the one at `TRUNKLINE_ORIGIN`, or the binary at `TRUNKLINE_EXCHANGE`
 * started on free ports.
 */
export async function openExchange() {
  if (process.env.TRUNKLINE_ORIGIN) return { origin: process.env.TRUNKLINE_ORIGIN, close: async () => {} };
  const free = '127.0.0.1:0';
  const data = await mkdtemp(path.join(os.tmpdir(), 'trunkline-compat-'));
  const child = spawn(
    read('TRUNKLINE_EXCHANGE'),
    ['dev', '--json', '--log', 'error', '--listen', free, '--admin-listen', free, '--http-listen', free, '--data-directory', data],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve) => { child.once('exit', resolve); });
  const ready = (async () => {
    for await (const line of readline.createInterface({ input: child.stdout })) {
      const found = JSON.parse(line);
      if (found.ready) return found;
    }
    throw new Error('the exchange ended before it was ready');
  })();
  const { url } = await within(10_000, 'the exchange starts', ready);
  return {
    origin: url,
    close: async () => {
      child.kill('SIGTERM');
      await within(15_000, 'the exchange stops', ended).catch(() => { child.kill('SIGKILL'); });
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** A context whose pages come from `dist/`, on the exchange's own origin, and report their troubles. */
export async function openContext(browser, { origin, troubles, ...options }) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    permissions: ['camera', 'microphone'],
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  await context.route(`${origin}/compat/**`, serve);
  await context.addInitScript({ path: path.join(here, 'probe.js') });
  context.on('page', (page) => watch(page, { origin, troubles }));
  return context;
}

/** Answers with a file of `dist/`, under the policy that a real server would send. */
async function serve(route) {
  const name = new URL(route.request().url()).pathname.replace(/^\/compat\//, '') || 'index.html';
  const file = path.join(dist, name);
  const body = file.startsWith(dist + path.sep) ? await readFile(file).catch(() => null) : null;
  if (body === null) return route.fulfill({ status: 404 });
  return route.fulfill({
    body,
    contentType: CONTENT_TYPES[path.extname(file)] ?? 'application/octet-stream',
    headers: {
      'content-security-policy': CONTENT_SECURITY,
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(self), microphone=(self), display-capture=(self), autoplay=(self)',
      'x-content-type-options': 'nosniff',
    },
  });
}

function watch(page, { origin, troubles }) {
  page.on('console', (message) => {
    if (message.type() === 'error') {
      troubles.push(`console error: ${message.text()} (${message.location().url})`);
    }
  });
  page.on('pageerror', (error) => troubles.push(`page error: ${error.stack ?? error}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(blob|data):/.test(url)) troubles.push(`a request left the origin: ${url}`);
  });
}

/** Asks until the answer satisfies, or says what the last answer was. */
export function until(what, ask, satisfies) {
  return untilWithin(what, ask, satisfies, { within: PATIENCE_MS });
}

/** Asks the exchange from outside a page. */
export async function ask(context, { origin, route, token, body, method = body ? 'POST' : 'GET' }) {
  const response = await context.request.fetch(`${origin}${route}`, {
    method,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    ...(body ? { data: body } : {}),
  });
  if (!response.ok()) throw new Error(`${method} ${route}: ${response.status()} ${await response.text()}`);
  return response.json();
}

/** A new app user with a token. */
export async function newUser(context, origin, displayName) {
  const { identifier, token } = await ask(context, { origin, route: '/dev/token', body: { displayName } });
  return { rawId: identifier.rawId, token, displayName };
}

/** A chat thread with these users; the first makes it, and is named like the others. */
export async function newThread(context, origin, topic, users) {
  const [maker] = users;
  const participants = users.map(({ rawId, displayName }) => ({
    communicationIdentifier: { rawId, communicationUser: { id: rawId } }, displayName,
  }));
  const { chatThread } = await ask(context, {
    origin, route: '/chat/threads?api-version=2025-03-15', token: maker.token, body: { topic, participants },
  });
  return chatThread.id;
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
