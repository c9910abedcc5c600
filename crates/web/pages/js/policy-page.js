// The policy tester: who may reach whom, which rule says so, and what would change it.

import { find, h, icon, setText } from './dom.js';
import { listUsers } from './identity.js';
import { setUpTheme } from './theme.js';
import { personName } from './views/people.js';
import { errorText } from './words.js';

const ANSWER_WITHIN_MS = 10_000;

const MEDIA = {
  call: { question: 'Call', verb: 'call' },
  chat: { question: 'Chat', verb: 'start a chat with' },
};

setUpTheme();
const form = find('#question');
const answer = find('#answer');
const problem = find('[data-problem]', form);

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  setText(problem, '');
  const { from, to, what, key } = Object.fromEntries(new FormData(form));
  const button = find('button[type="submit"]', form);
  button.disabled = true;
  try {
    show(await explain({ from: from.trim(), to: to.trim(), key: key.trim() }), what);
  } catch (error) {
    answer.replaceChildren();
    setText(problem, errorText(error));
    if (error.isAboutKey) form.elements.key.focus();
  } finally {
    button.disabled = false;
  }
});

find('[data-action="swap"]').addEventListener('click', () => {
  const { from, to } = form.elements;
  [from.value, to.value] = [to.value, from.value];
});

suggest();

/** Asks the exchange. The key travels in a header and stays in its field. */
async function explain({ from, to, key }) {
  let response;
  try {
    response = await fetch('/policy/explain', {
      method: 'POST',
      headers: { Authorization: `AccessKey ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ from, to }),
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch {
    throw new Error('The exchange does not answer. Is it running?');
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const error = new Error(body?.error?.message ?? `The exchange answered ${response.status}.`);
  error.isAboutKey = response.status === 401 || response.status === 403;
  throw error;
}

function show(explained, what) {
  const names = [explained.from, explained.to].map(({ rawId }) => rawId);
  answer.replaceChildren(
    h('p', { class: 'who-to-whom' }, h('code', {}, names[0]), ' → ', h('code', {}, names[1])),
    h('div', { class: 'decisions' }, ...Object.keys(MEDIA)
      .filter((medium) => what === 'both' || what === medium)
      .map((medium) => decisionCard(medium, explained[medium] ?? {}))),
  );
}

function decisionCard(medium, { isAllowed = false, rule = '', fix = '', reason, trace = [] }) {
  const { question, verb } = MEDIA[medium];
  return h('article', { class: 'panel decision', 'data-medium': medium, 'data-allowed': String(isAllowed) },
    h('h2', {}, icon(isAllowed ? 'check' : 'close'), `${question}: ${isAllowed ? 'allowed' : 'denied'}`),
    h('p', { class: 'sentence' }, isAllowed
      ? `One may ${verb} the other, allowed by ${rule}.`
      : `Denied by ${rule}: ${fix}`),
    h('dl', {},
      h('div', {}, h('dt', {}, 'Rule'), h('dd', {}, h('code', {}, rule))),
      isAllowed ? null : h('div', {}, h('dt', {}, 'Reason'),
        h('dd', {}, h('code', {}, `${reason?.code ?? 0}/${reason?.subCode ?? 0}`)))),
    h('h3', {}, 'Questions that were asked'),
    h('ol', { class: 'steps' }, ...trace.map((step) => h('li', {},
      h('span', {}, step.question),
      h('span', { class: 'step-answer', 'data-answer': step.answer ? 'yes' : 'no' }, step.answer ? 'yes' : 'no')))));
}

/** Offers who is known where the exchange says so: on a development exchange. */
async function suggest() {
  const users = await listUsers().catch(() => []);
  find('#known-users').replaceChildren(...users.map((user) => h('option', { value: user.alias || user.rawId }, personName(user))));
}
