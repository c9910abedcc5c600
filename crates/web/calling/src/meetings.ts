// What is done in a meeting: the one place to extend when the exchange offers it.

import type { CallImpl } from './call.js';
import { NotSupportedError, wrongState } from './errors.js';

/** What can be done, in the words of the protocol. */
export type MeetingAction =
  | { case: 'admit' | 'reject' | 'lowerHand' | 'spotlight' | 'stopSpotlight'; value: { participant: string } }
  | { case: 'admitAll' | 'raiseHand' | 'lowerAllHands'; value: Record<string, never> }
  | { case: 'react'; value: string };

const WORDS: Readonly<Record<MeetingAction['case'], string>> = {
  admit: 'the lobby',
  admitAll: 'the lobby',
  reject: 'the lobby',
  raiseHand: 'raising hands',
  lowerHand: 'raising hands',
  lowerAllHands: 'raising hands',
  react: 'reacting',
  spotlight: 'the spotlight',
  stopSpotlight: 'the spotlight',
};

/** Does something in the meeting of a call. */
export async function actInMeeting(call: CallImpl, action: MeetingAction): Promise<void> {
  if (call.isOver) throw wrongState('the call is over');
  throw new NotSupportedError(WORDS[action.case]);
}
