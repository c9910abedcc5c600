// What the address asks for, once somebody is signed in: a call, a group, a meeting.

import { callPeople, prepareToJoin } from './call/calls';
import { readMeeting } from './meetings/locator';
import type { Parameters } from './parameters';
import { resolvePerson } from './people/people';
import { lineOrNone } from './session/session';
import { text } from './strings';

let isStarted = false;

/** Does once what the address says; nothing as long as nobody is signed in. */
export async function start({ call, group, meeting, passcode }: Parameters): Promise<void> {
  if (isStarted || !lineOrNone()) return;
  isStarted = true;
  if (call) {
    callPeople([await resolvePerson(call)]);
  } else if (group) {
    prepareToJoin({ kind: 'group', groupId: group, name: text.join.group });
  } else if (meeting) {
    const purpose = readMeeting(meeting, passcode ?? '');
    if ('kind' in purpose) prepareToJoin(purpose);
  }
}
