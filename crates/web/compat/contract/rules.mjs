// What the library relies on, one rule each. The rules run in the contract page; tests read the titles.

import { agents, identity, wrapping } from './rules-objects.mjs';
import { events } from './rules-events.mjs';
import { failures } from './rules-failures.mjs';
import { media } from './rules-media.mjs';

export const rules = [...wrapping, ...identity, ...agents, ...events, ...failures, ...media]
  .sort((one, other) => one.number - other.number);
