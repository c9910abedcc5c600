// Who can be reached, as it changes: one stream for everybody who is on the page.

import { useEffect } from 'react';

import { lineOrNone, session } from '../session/session';
import { Store, useStore } from '../store';
import { text } from '../strings';
import { GrpcError, stream, unary } from '../wire/grpc';
import {
  clearPreferredPresence, setPreferredPresence, watchPresences, type Availability, type WirePresence,
} from '../wire/messages';
import { errorText } from '../words';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** A page names its people one after another; the stream is asked for once they are all there. */
const GATHER_MS = 120;
/** What the exchange takes in one question. */
const USERS_LIMIT = 650;
const UNAUTHENTICATED = 16;

/** What somebody may choose to show. */
export type Choice = Exclude<Availability, 'unspecified'>;

interface PresenceState {
  /** By raw id; whom the exchange says nothing about is not there. */
  readonly known: ReadonlyMap<string, WirePresence>;
  readonly problem: string;
}

export const presence = new Store<PresenceState>({ known: new Map(), problem: '' });

const wanted = new Map<string, number>();
let watched: ReadonlySet<string> = new Set();
let watching = new AbortController();
let gathering: ReturnType<typeof setTimeout> | undefined;
let isConnected = false;

// A stream that a network swallowed tells nothing; once the exchange is heard again it is asked anew.
session.subscribe(() => {
  const { phase, isConnected: isHeard } = session.get();
  const isLine = phase === 'ready' && isHeard;
  if (isLine === isConnected) return;
  isConnected = isLine;
  if (isLine) restart();
  else if (phase !== 'ready') end();
});

/** The presence of somebody, followed for as long as the component is on the page. */
export function usePresence(rawId: string): WirePresence | undefined {
  useEffect(() => {
    if (rawId === '') return undefined;
    wanted.set(rawId, (wanted.get(rawId) ?? 0) + 1);
    gather();
    return () => {
      const left = (wanted.get(rawId) ?? 1) - 1;
      if (left > 0) wanted.set(rawId, left);
      else wanted.delete(rawId);
    };
  }, [rawId]);
  return useStore(presence, ({ known }) => known.get(rawId));
}

/** A presence in words: what somebody does where that says more, else whether they can be reached. */
export function presenceText({ availability, activity }: WirePresence): string {
  if (availability !== 'offline' && (activity === 'inACall' || activity === 'inAConferenceCall' || activity === 'presenting')) {
    return text.presence.activities[activity];
  }
  return availability === 'unspecified' ? '' : text.presence.choices[availability];
}

/** Shows this to others from here on; `undefined` leaves it to sessions and calls again. */
export async function choosePresence(choice: Choice | undefined): Promise<void> {
  const line = lineOrNone();
  if (!line) return;
  try {
    const { presence: shown } = choice
      ? await unary(line.credential, setPreferredPresence, { availability: choice })
      : await unary(line.credential, clearPreferredPresence, {});
    if (shown) take(shown);
    presence.set({ problem: '' });
  } catch (error) {
    presence.set({ problem: errorText(error) });
  }
}

function gather(): void {
  if (gathering !== undefined || [...wanted.keys()].every((rawId) => watched.has(rawId))) return;
  gathering = setTimeout(() => {
    gathering = undefined;
    restart();
  }, GATHER_MS);
}

function restart(): void {
  watching.abort();
  watching = new AbortController();
  watched = new Set([...wanted.keys()].slice(0, USERS_LIMIT));
  if (watched.size > 0 && lineOrNone()) void follow([...watched], watching.signal);
}

function end(): void {
  watching.abort();
  watched = new Set();
  presence.set({ known: new Map(), problem: '' });
}

async function follow(users: string[], signal: AbortSignal): Promise<void> {
  let retryMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    const line = lineOrNone();
    if (!line) return;
    try {
      for await (const { presence: one } of stream(line.credential, watchPresences, { users }, signal)) {
        if (signal.aborted) return;
        retryMs = FIRST_RETRY_MS;
        if (one) take(one);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof GrpcError && error.status === UNAUTHENTICATED) await line.credential.token(true).catch(() => {});
    }
    await pause(retryMs, signal);
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  }
}

function take(one: WirePresence): void {
  const known = new Map(presence.get().known);
  known.set(one.user, one);
  presence.set({ known });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
