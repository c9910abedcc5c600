// The contract page: runs one rule at a time and says what it found.

import * as calling from '@azure/communication-calling';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import {
  createStatefulCallClient, fromFlatCommunicationIdentifier, toFlatCommunicationIdentifier,
} from '@azure/communication-react';

import { rules } from './rules.mjs';
import { Stage } from './stage.mjs';

const common = { AzureCommunicationTokenCredential };
const react = { createStatefulCallClient, fromFlatCommunicationIdentifier, toFlatCommunicationIdentifier };

globalThis.contract = {
  /** Runs a rule on a stage of its own. Resolves when it holds; rejects with words when it does not. */
  async run(number) {
    const rule = rules.find((candidate) => candidate.number === number);
    const stage = new Stage({ calling, common, react });
    try {
      return await rule.check(stage) ?? null;
    } finally {
      await stage.close();
    }
  },
};
