// How others join the meeting of a call.

import { useEffect, useState } from 'react';

import { readMeetingOf, setLocked, type MeetingDetails } from '../meetings/meetings';
import { text } from '../strings';
import { CopyLine } from '../ui/copy-line';
import { Button, Problem } from '../ui/parts';
import { errorText, groupedDigits } from '../words';
import type { CallRoom } from './room';

export function MeetingInfo({ room }: { room: CallRoom }) {
  const [details, setDetails] = useState<MeetingDetails | undefined>(undefined);
  const [problem, setProblem] = useState('');
  useEffect(() => {
    let isGone = false;
    // Whoever may not read the meeting sees no lines of it; the rest of the roster is theirs all the same.
    readMeetingOf(room.purpose).then((found) => { if (!isGone) setDetails(found); }, () => {});
    return () => { isGone = true; };
  }, [room]);
  if (!details) return null;
  const toggleLock = () => {
    setLocked(details.id, !details.isLocked).then((changed) => {
      setDetails(changed);
      setProblem('');
    }, (error: unknown) => setProblem(errorText(error)));
  };
  return (
    <section className="roster-group">
      <div className="roster-head"><h3>{text.call.meetingInfo}</h3></div>
      <CopyLine label={text.call.link} value={details.joinLink} />
      {details.meetingId && <CopyLine label={text.call.meetingId} value={groupedDigits(details.meetingId)} />}
      {details.passcode && <CopyLine label={text.call.passcode} value={details.passcode} />}
      {details.passcode && <Button isPressed={details.isLocked} onClick={toggleLock}>{text.call.lock}</Button>}
      <Problem>{problem}</Problem>
    </section>
  );
}
