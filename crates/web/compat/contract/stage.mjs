// What a rule plays on: users of the exchange, their clients, and calls between them.

/** Long enough for media to come up on a busy machine. */
const PATIENCE_MS = 30_000;

/** Throws with words when a condition does not hold. */
export function expect(condition, words) {
  if (!condition) throw new Error(words);
}

/** Waits until a question is answered with something true. */
export async function until(what, ask, within = PATIENCE_MS) {
  const deadline = performance.now() + within;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${within} ms`);
    await new Promise((resolve) => { setTimeout(resolve, 30); });
  }
}

/** Resolves with the error that a promise rejects with, or fails. */
export async function rejection(what, work) {
  let value;
  try {
    value = await work();
  } catch (error) {
    return error;
  }
  throw new Error(`${what} resolved with ${String(value)}`);
}

/** A plain object or array: what the library freezes. */
export function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

/** Freezes plain objects as deep as they go, as the library's state does. */
export function deepFreeze(value) {
  if (!isPlain(value) || Object.isFrozen(value)) return;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
}

/** The names of the getters and data properties that an object offers, its own and inherited. */
export function propertyNames(object) {
  const names = new Set();
  for (let at = object; at && at !== Object.prototype && at !== EventTarget.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (name === 'constructor' || name.startsWith('_')) continue;
      const { get, value } = Object.getOwnPropertyDescriptor(at, name);
      if (get || typeof value !== 'function') names.add(name);
    }
  }
  return [...names];
}

/** A wrapper that passes everything on with itself as `this`, as the library's wrappers do. */
export function wrap(object) {
  return new Proxy(object, { get: (target, name, receiver) => Reflect.get(target, name, receiver) });
}

export class Stage {
  #lines = [];

  constructor({ calling, common, react }) {
    Object.assign(this, { calling, common, react });
  }

  /** A new app user, or a directory user by alias, with a token. */
  async user(name, { alias } = {}) {
    const token = async (body) => {
      const response = await fetch('/dev/token', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
      });
      expect(response.ok, `no token for ${name}: ${response.status}`);
      return response.json();
    };
    const first = await token(alias ? { user: alias } : { displayName: name });
    const { rawId } = first.identifier;
    return {
      name,
      rawId,
      identifier: this.react.fromFlatCommunicationIdentifier(rawId),
      credential: new this.common.AzureCommunicationTokenCredential({
        token: first.token,
        tokenRefresher: async () => (await token({ user: rawId })).token,
      }),
    };
  }

  /** A user with the package's own client and agent. */
  async raw(name, options = {}) {
    const user = await this.user(name, options);
    return this.#open(user, new this.calling.CallClient(), options);
  }

  /** A user with the library's stateful client. */
  async stateful(name, options = {}) {
    const user = await this.user(name, options);
    return this.#open(user, this.react.createStatefulCallClient({ userId: user.identifier }), options);
  }

  async #open(user, client, { alias, agent = true }) {
    const line = { ...user, client, agent: undefined, incoming: [] };
    this.#lines.push(line);
    if (agent) {
      line.agent = alias
        ? await client.createTeamsCallAgent(user.credential)
        : await client.createCallAgent(user.credential, { displayName: user.name });
      line.agent.on('incomingCall', ({ incomingCall }) => { line.incoming.push(incomingCall); });
    }
    return line;
  }

  /** One calls the other, who accepts; resolves with both calls once they are connected. */
  async connect(caller, callee, { caller: callerOptions, callee: calleeOptions } = {}) {
    const outgoing = caller.agent.startCall([callee.identifier], callerOptions);
    const incomingCall = await until(`${callee.name} is rung`, () => callee.incoming.shift());
    const incoming = await incomingCall.accept(calleeOptions);
    await until('both are connected', () => outgoing.state === 'Connected' && incoming.state === 'Connected');
    await until('each sees the other', () => (
      [outgoing, incoming].every(({ remoteParticipants: [other] }) => other?.state === 'Connected')));
    return { outgoing, incoming, incomingCall };
  }

  /** All join one group; resolves with their calls once everybody sees everybody. */
  async gather(...lines) {
    const groupId = crypto.randomUUID();
    const calls = lines.map(({ agent }) => agent.join({ groupId }));
    await until('everybody sees everybody', () => calls.every(({ state, remoteParticipants }) => (
      state === 'Connected' && remoteParticipants.length === lines.length - 1)));
    return calls;
  }

  /** A camera of this machine. */
  async camera({ client }) {
    const manager = await client.getDeviceManager();
    await manager.askDevicePermission({ audio: true, video: true });
    const [camera] = await manager.getCameras();
    expect(camera, 'there is no camera');
    return camera;
  }

  /** Leaves every call and closes every client. */
  async close() {
    for (const { client, agent } of this.#lines) {
      await agent?.dispose();
      await client.dispose();
    }
  }
}
