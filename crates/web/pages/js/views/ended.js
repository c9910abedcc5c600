// The end of a call: why, in words, and what it was like.

import { h, icon } from '../dom.js';
import { clockText, reasonCode, reasonHeadline, reasonSentence } from '../words.js';

/** Builds the end page of a call. */
export function endedPage(call, { onAgain, onClose }) {
  const reason = call.endReason ?? {};
  const tone = reason.category === 'Success' || (reason.code ?? 0) === 0 ? 'good' : 'bad';
  const facts = [
    ['Reason code', h('code', {}, reasonCode(reason))],
    reason.category ? ['Category', reason.category] : null,
    ['In the call', call.connectedAt ? clockText(call.endedAt - call.connectedAt) : 'never connected'],
    call.peer.connectTime === null ? null : ['Media up after', `${Math.round(call.peer.connectTime)} ms`],
    call.mediaReport?.profile ? ['Encryption', call.mediaReport.profile] : null,
  ].filter(Boolean);
  return h('section', { class: 'ended', 'data-tone': tone, 'aria-label': 'The call has ended' },
    h('p', { class: 'ended-kicker' }, call.isOfMeeting ? call.meeting.subject || call.title : `Call with ${call.title}`),
    h('h2', { class: 'ended-title', tabindex: '-1' }, reasonHeadline(reason)),
    h('p', { class: 'ended-sentence', role: 'status' }, reasonSentence(reason)),
    h('dl', { class: 'facts' }, facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
    h('p', { class: 'ended-path', 'aria-label': 'States it went through' },
      call.path.map((state) => h('span', { class: 'chip' }, state))),
    h('div', { class: 'ended-actions' },
      onAgain ? h('button', { type: 'button', class: 'button primary', 'data-action': 'again', onclick: onAgain }, icon('phone'), call.isOfMeeting ? 'Join again' : 'Call again') : null,
      h('button', { type: 'button', class: 'button', 'data-action': 'close', onclick: onClose }, 'Back to people')));
}
