// The ten states of a call connection and the edges between them, with their place in the drawing.

const LEFT = 62;
const CENTER = 200;
const RIGHT = 338;

/** Size of the drawing. */
export const VIEW = { width: 400, height: 474 };

/** Size of one state's box. */
export const BOX = { width: 110, height: 34 };

/** Every state: where it is drawn and what it means. */
export const STATES = {
  None: { x: CENTER, y: 26, meaning: 'Nothing has happened yet.' },
  Connecting: { x: CENTER, y: 86, meaning: 'Placed, joined or accepted; media is being set up.' },
  Ringing: { x: LEFT, y: 160, meaning: 'The other side is alerted, or this one is.' },
  EarlyMedia: { x: CENTER, y: 160, meaning: 'Media plays before the call is connected.' },
  InLobby: { x: RIGHT, y: 160, meaning: 'Waiting in the lobby of a meeting; no media flows.' },
  Connected: { x: CENTER, y: 240, meaning: 'Media flows.' },
  LocalHold: { x: LEFT, y: 314, meaning: 'Held by you; no media in either direction.' },
  RemoteHold: { x: RIGHT, y: 314, meaning: 'Held by the other side; no media in either direction.' },
  Disconnecting: { x: CENTER, y: 386, meaning: 'On the way to the final state.' },
  Disconnected: { x: CENTER, y: 442, meaning: 'The final state.' },
};

/** Frame around every state that can go to Disconnecting. */
export const LIVE_FRAME = { x: 2, y: 2, width: 396, height: 342 };

/** Edges as `[from, to, path]`. */
export const EDGES = [
  ['None', 'Connecting', 'M200 43V68'],
  ['Connecting', 'Ringing', 'M166 103C160 126 66 116 62 142'],
  ['Connecting', 'EarlyMedia', 'M200 103V142'],
  ['Connecting', 'InLobby', 'M234 103C240 126 334 116 338 142'],
  ['Connecting', 'Connected', 'M182 103C146 118 131 132 131 160C131 192 146 206 172 222'],
  ['Ringing', 'EarlyMedia', 'M117 160H144'],
  ['Ringing', 'InLobby', 'M92 177C126 208 274 208 306 178'],
  ['Ringing', 'Connected', 'M54 177C54 218 100 232 144 236'],
  ['EarlyMedia', 'Connected', 'M200 177V222'],
  ['EarlyMedia', 'InLobby', 'M255 155H282'],
  ['InLobby', 'EarlyMedia', 'M283 165H256'],
  ['InLobby', 'Connected', 'M346 177C346 218 300 232 256 236'],
  ['Connected', 'LocalHold', 'M172 257C160 282 116 284 92 296'],
  ['LocalHold', 'Connected', 'M50 297C50 262 100 246 144 244'],
  ['Connected', 'RemoteHold', 'M228 257C240 282 284 284 308 296'],
  ['RemoteHold', 'Connected', 'M350 297C350 262 300 246 256 244'],
  ['LocalHold', 'RemoteHold', 'M117 309H282'],
  ['RemoteHold', 'LocalHold', 'M283 319H118'],
  ['Disconnecting', 'Disconnected', 'M200 403V424'],
];

/** The one edge that every live state has; drawn from the frame. */
export const EDGE_FROM_ANY = ['*', 'Disconnecting', 'M200 344V368'];

/** Finds the drawn edge that a change travels along. */
export function edgeKey(from, to) {
  if (to === 'Disconnecting') return '*>Disconnecting';
  return `${from}>${to}`;
}

/** States in which no media flows because somebody holds. */
export const HELD = new Set(['LocalHold', 'RemoteHold']);

/** States from which nothing follows but the end. */
export const OVER = new Set(['Disconnecting', 'Disconnected']);
