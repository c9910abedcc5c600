// The fields for what names a meeting.

import { useState, type ReactNode } from 'react';

import { text } from '../strings';
import { Field, Problem } from '../ui/parts';
import { readMeeting, wantsPasscode, type MeetingPurpose } from './locator';

/** The fields, none where what is given will do; and what reads them, and says there what is amiss. */
export function useMeetingFields(meeting = '', code = ''): [ReactNode, () => MeetingPurpose | undefined] {
  const [address, setAddress] = useState(meeting);
  const [passcode, setPasscode] = useState(code);
  const [problem, setProblem] = useState('');
  const read = () => {
    const found = readMeeting(address, passcode);
    if ('kind' in found) return found;
    setProblem(found.problem);
    return undefined;
  };
  if ('kind' in readMeeting(meeting, code)) return [null, read];
  return [
    <>
      <Field label={text.join.address}>
        <input name="address" value={address} required autoComplete="off" onChange={({ target }) => setAddress(target.value)} />
      </Field>
      {wantsPasscode(address) && (
        <Field label={text.join.passcode}>
          <input name="passcode" value={passcode} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={({ target }) => setPasscode(target.value)} />
        </Field>
      )}
      <Problem>{problem}</Problem>
    </>,
    read,
  ];
}
