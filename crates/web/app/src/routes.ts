// Where the person is in the app: the fragment of the address.

import { Store } from './store';

const ROOMS = ['calls', 'call', 'join', 'chat', 'meetings', 'console', 'demo'] as const;

/** The rooms of the app. */
export type Room = (typeof ROOMS)[number];

/** A room and the part of it that is open. */
export interface Route {
  room: Room;
  part: string;
}

export const route = new Store<Route>(read(location.hash));

addEventListener('hashchange', followAddress);

/** Goes where the address says. */
export function followAddress(): void {
  route.set(read(location.hash));
}

/** Goes somewhere; `replace` leaves no step to go back to. */
export function go(room: Room, part = '', { replace = false } = {}): void {
  const hash = addressOf(room, part);
  if (location.hash === hash) return;
  if (replace) {
    history.replaceState(history.state, '', hash);
    route.set(read(hash));
  } else {
    location.hash = hash;
  }
}

/** The address of a room, for links. */
export function addressOf(room: Room, part = ''): string {
  return `#/${room}${part && `/${encodeURIComponent(part)}`}`;
}

function read(hash: string): Route {
  const [, name = '', part = ''] = hash.split('/');
  const room = ROOMS.find((candidate) => candidate === name) ?? 'calls';
  return { room, part: decoded(part) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
