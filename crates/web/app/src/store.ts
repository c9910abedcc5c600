// A store: one value that is replaced, never changed, and whoever looks at it.

import { useSyncExternalStore } from 'react';

/** Holds the state of one room of the app. */
export class Store<T extends object> {
  private value: T;
  private readonly listeners = new Set<() => void>();

  constructor(initial: T) {
    this.value = initial;
  }

  /** The state as it is. */
  get(): T {
    return this.value;
  }

  /** Replaces what the patch names. Nobody is told when nothing differs. */
  set(patch: Partial<T>): void {
    const names = Object.keys(patch) as (keyof T)[];
    if (names.every((name) => Object.is(this.value[name], patch[name]))) return;
    this.value = { ...this.value, ...patch };
    for (const listener of [...this.listeners]) listener();
  }

  /** Calls the listener after every change; returns what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

/** What a component sees of a store. The selection must be a part of the state, not made anew. */
export function useStore<T extends object, Part>(store: Store<T>, select: (state: T) => Part): Part {
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
