// The call's events in order, each with its sequence number.

import { coalesced, h } from '../dom.js';
import { reasonCode, spaced, wireName } from '../words.js';

/** The log of one call. */
export class EventLog {
  #start = null;
  #waiting = [];
  #draw = coalesced(() => this.#append());
  element = h('ol', { class: 'event-log', role: 'log', tabindex: '0', 'aria-label': 'Events of this call, oldest first' });

  /** `operationName` tells which command an operation id stands for. */
  constructor(operationName) {
    this.operationName = operationName;
  }

  /** Adds one event, with the next frame: in a burst of events none waits for the drawing of another. */
  add(event, model) {
    const time = Date.parse(event.time ?? '') || Date.now();
    this.#start ??= time;
    const { words, tone } = describe(event, model, this.operationName);
    const seq = event.seq ?? '0';
    this.#waiting.push(h('li', { 'data-seq': seq, 'data-tone': tone },
      h('span', { class: 'event-seq', title: `sequence number ${seq}` }, seq),
      h('span', { class: 'event-time' }, `+${((time - this.#start) / 1000).toFixed(3)}`),
      h('span', { class: 'event-words' }, words)));
    this.#draw();
  }

  #append() {
    const isAtEnd = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 40;
    this.element.append(...this.#waiting);
    this.#waiting = [];
    if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
  }
}

function describe(event, model, operationName) {
  const who = (participantId) => (participantId === model.ownId ? 'you' : model.nameOf(participantId));
  if (event.snapshot) {
    const count = event.snapshot.participants?.length ?? 0;
    return { words: `snapshot: ${count} ${count === 1 ? 'participant' : 'participants'}`, tone: 'quiet' };
  }
  if (event.callStateChanged) {
    const { participantId, previous, state, reason } = event.callStateChanged;
    const because = reason ? ` (${reasonCode(reason)})` : '';
    return {
      words: `${who(participantId)}: ${wireName(previous, 'None')} → ${wireName(state, 'None')}${because}`,
      tone: participantId === model.ownId ? 'own' : 'state',
    };
  }
  if (event.participantStateChanged) {
    const { participantId, previous, state } = event.participantStateChanged;
    return { words: `${who(participantId)} seen as ${wireName(previous, 'Idle')} → ${wireName(state, 'Idle')}`, tone: 'quiet' };
  }
  if (event.speakingChanged) {
    const words = (event.speakingChanged.changes ?? [])
      .map(({ participantId, isSpeaking }) => {
        const isOwn = participantId === model.ownId;
        const verb = isSpeaking ? (isOwn ? 'speak' : 'speaks') : (isOwn ? 'are silent' : 'is silent');
        return `${who(participantId)} ${verb}`;
      });
    return { words: words.join(', '), tone: 'quiet' };
  }
  if (event.callStarted) {
    return { words: `${spaced(wireName(event.callStarted.kind, ''))} call started`, tone: 'roster' };
  }
  if (event.participantAdded) {
    return { words: `${who(event.participantAdded.participant?.participantId)} added`, tone: 'roster' };
  }
  if (event.participantUpdated) {
    const { participant } = event.participantUpdated;
    const facts = [
      participant?.isMuted ? 'muted' : null,
      participant?.isSpeaking ? 'speaking' : null,
      participant?.isVideoOn ? 'video on' : null,
      participant?.isScreenSharingOn ? 'sharing the screen' : null,
    ].filter(Boolean);
    return { words: `${who(participant?.participantId)}: ${facts.join(', ') || 'updated'}`, tone: 'roster' };
  }
  if (event.participantRemoved) {
    const { participantId, reason } = event.participantRemoved;
    return { words: `${who(participantId)} left (${reasonCode(reason)})`, tone: 'roster' };
  }
  if (event.callKindChanged) {
    return { words: `became a ${spaced(wireName(event.callKindChanged.kind, ''))} call`, tone: 'roster' };
  }
  if (event.operationCompleted) {
    const { error, operationId, participantId } = event.operationCompleted;
    const name = spaced(operationName(operationId) ?? 'operation');
    const whose = participantId === model.ownId ? `your ${name}` : `${name} of ${who(participantId)}`;
    return error
      ? { words: `${whose} failed: ${error.code}`, tone: 'bad' }
      : { words: `${whose} completed`, tone: 'quiet' };
  }
  if (event.callEnded) {
    return { words: `call ended (${reasonCode(event.callEnded.reason)})`, tone: 'end' };
  }
  return { words: 'event of a kind that this page does not know', tone: 'quiet' };
}
