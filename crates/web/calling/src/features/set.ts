// The features of one call: each is made once, when first asked for.

import type { CallImpl } from '../call.js';
import { wrongArgument } from '../errors.js';
import type { CallFeature, CallFeatureFactory } from '../types/features.js';
import { UserFacingDiagnostics } from './diagnostics.js';

export class FeatureSet {
  private readonly made = new Map<unknown, CallFeature>();
  private readonly call: CallImpl;

  constructor(call: CallImpl) {
    this.call = call;
    // Diagnostics notice what happens before anybody asks.
    this.made.set(UserFacingDiagnostics, new UserFacingDiagnostics({ call }));
  }

  get<T extends CallFeature>(factory: CallFeatureFactory<T>): T {
    const constructor = factory?.callApiCtor as (new (context: { call: CallImpl }) => T) | undefined;
    if (!constructor) throw wrongArgument('this is no feature of a call');
    let feature = this.made.get(constructor) as T | undefined;
    if (!feature) {
      feature = new constructor({ call: this.call });
      this.made.set(constructor, feature);
    }
    return feature;
  }
}
