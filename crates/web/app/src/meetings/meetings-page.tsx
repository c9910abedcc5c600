// The own meetings, and making another.

import { useCallback, useEffect, useState, type FormEvent } from 'react';

import { prepareToJoin } from '../call/calls';
import { addressOf, go, route } from '../routes';
import { session } from '../session/session';
import { useStore } from '../store';
import { text } from '../strings';
import { CopyLine } from '../ui/copy-line';
import { Dialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Button, Field, Note, Problem } from '../ui/parts';
import { errorText, groupedDigits, shortTime } from '../words';
import { makeMeeting, readOwnMeetings, type MeetingDetails } from './meetings';

export function MeetingsPage() {
  const { part } = useStore(route, (state) => state);
  const [meetings, setMeetings] = useState<readonly MeetingDetails[] | undefined>(undefined);
  const [problem, setProblem] = useState('');
  const [made, setMade] = useState<MeetingDetails | undefined>(undefined);
  const read = useCallback(() => {
    readOwnMeetings().then(
      (found) => { setMeetings(found); setProblem(''); },
      (error: unknown) => { setMeetings([]); setProblem(errorText(error)); },
    );
  }, []);
  useEffect(read, [read]);
  return (
    <div className="page">
      <header className="page-head">
        <div><h1>{text.meetings.title}</h1><p className="lead">{text.meetings.lead}</p></div>
        <div className="page-actions">
          <a className="button plain normal" href={addressOf('join')}><Icon name="join" />{text.meetings.joinOther}</a>
          <Button kind="primary" icon="add" onClick={() => go('meetings', 'new')}>{text.meetings.new}</Button>
        </div>
      </header>
      {made && (
        <section className="panel made" aria-labelledby="made-title">
          <h2 id="made-title">{made.subject}</h2>
          <Note>{text.meetings.made}</Note>
          <HowToJoin meeting={made} />
          <Button kind="primary" icon="join" onClick={() => join(made)}>{text.meetings.joinNow}</Button>
        </section>
      )}
      <section className="panel" aria-labelledby="yours-title">
        <h2 id="yours-title">{text.meetings.yours}</h2>
        <Problem>{problem}</Problem>
        {meetings === undefined && <Note>{text.loading}</Note>}
        {meetings?.length === 0 && !problem && <Note>{text.meetings.none}</Note>}
        <ul className="rows">{meetings?.map((meeting) => <MeetingRow key={meeting.id} meeting={meeting} />)}</ul>
      </section>
      {part === 'new' && <NewMeeting onClose={() => go('meetings', '', { replace: true })}
        onMade={(meeting) => { setMade(meeting); read(); go('meetings', '', { replace: true }); }} />}
    </div>
  );
}

function MeetingRow({ meeting }: { meeting: MeetingDetails }) {
  const { subject, createdAt, isOver, isRunning } = meeting;
  return (
    <li className="row">
      <span className="way"><Icon name="meetings" /></span>
      <details className="row-words meeting-details">
        <summary><span className="row-name">{subject}</span> <span className="quiet-words">{text.meetings.made_on(shortTime(createdAt))}</span></summary>
        <HowToJoin meeting={meeting} />
      </details>
      {isRunning && <span className="chip good">{text.meetings.running}</span>}
      {isOver ? <span className="chip">{text.meetings.ended}</span> : <Button size="small" icon="join" onClick={() => join(meeting)}>{text.meetings.joinNow}</Button>}
    </li>
  );
}

function HowToJoin({ meeting: { joinLink, meetingId, passcode } }: { meeting: MeetingDetails }) {
  return (
    <div className="how-to-join">
      <CopyLine label={text.call.link} value={joinLink} />
      {meetingId && <CopyLine label={text.call.meetingId} value={groupedDigits(meetingId)} />}
      {passcode && <CopyLine label={text.call.passcode} value={passcode} />}
    </div>
  );
}

function NewMeeting({ onClose, onMade }: { onClose: () => void; onMade: (meeting: MeetingDetails) => void }) {
  const name = useStore(session, ({ identity }) => identity?.displayName ?? '');
  const [subject, setSubject] = useState<string>(text.meetings.subjectDefault(name));
  const [problem, setProblem] = useState('');
  const [isWorking, setWorking] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setWorking(true);
    try {
      onMade(await makeMeeting(subject.trim()));
    } catch (error) {
      setProblem(errorText(error));
      setWorking(false);
    }
  };
  return (
    <Dialog title={text.meetings.new} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <Field label={text.meetings.subject}><input value={subject} maxLength={256} required onChange={({ target }) => setSubject(target.value)} /></Field>
        <Problem>{problem}</Problem>
        <Button type="submit" kind="primary" disabled={isWorking}>{text.meetings.create}</Button>
      </form>
    </Dialog>
  );
}

function join({ joinLink, subject }: MeetingDetails): void {
  prepareToJoin({ kind: 'meeting', link: joinLink, name: subject });
}
