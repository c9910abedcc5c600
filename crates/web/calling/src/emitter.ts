// Events as the public objects have them: `on` and `off`, no classes of the platform.

type Listener = (...parameters: never[]) => unknown;

/**
 * Keeps listeners by event. A listener that throws does not keep the others from being told; a
 * listener that was never put on can be taken off.
 */
export class Emitter<Event extends string = string, Told extends Listener = Listener> {
  /** @internal */
  listeners = new Map<string, Told[]>();

  on(event: Event, listener: Told): void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
  }

  off(event: Event, listener: Told): void {
    const left = [...(this.listeners.get(event) ?? [])];
    const index = left.indexOf(listener);
    if (index >= 0) left.splice(index, 1);
    this.listeners.set(event, left);
  }

  /** @internal */
  emit(event: string, args?: unknown): void {
    for (const listener of this.listeners.get(event) ?? []) {
      try {
        const outcome: unknown = (listener as unknown as (args: unknown) => unknown)(args);
        if (outcome instanceof Promise) outcome.catch(report);
      } catch (error) {
        report(error);
      }
    }
  }
}

/**
 * Binds every method to the object itself. Wrappers call methods with themselves as `this`; what is
 * emitted or kept must be the object all the same.
 */
export function bindMethods(target: object): void {
  const seen = new Set<string>(['constructor']);
  for (let prototype = Object.getPrototypeOf(target); prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (seen.has(name)) continue;
      seen.add(name);
      if (typeof value !== 'function') continue;
      Object.defineProperty(target, name, {
        value: value.bind(target), writable: true, configurable: true, enumerable: false,
      });
    }
  }
}

/** A listener's failure is the page's: it goes where uncaught errors go. */
function report(error: unknown): void {
  setTimeout(() => { throw error; }, 0);
}
