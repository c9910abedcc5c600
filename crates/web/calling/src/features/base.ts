// What every feature of a call shares.

import type { CallImpl } from '../call.js';
import { bindMethods, Emitter } from '../emitter.js';

export interface Context { call: CallImpl }

export abstract class Feature extends Emitter {
  abstract readonly name: string;
  /** @internal */
  protected readonly call: CallImpl;

  constructor({ call }: Context) {
    super();
    this.call = call;
    bindMethods(this);
  }

  dispose(): void {
    this.listeners.clear();
  }
}
