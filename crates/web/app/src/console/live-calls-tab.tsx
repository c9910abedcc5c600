// Live calls, the legs of one, and what happens in it.

import { useEffect, useState } from 'react';

import { nameOf, people } from '../people/people';
import { useStore } from '../store';
import { text } from '../strings';
import { Button, Field, Note, Problem } from '../ui/parts';
import { timeOf, type WireParticipant } from '../wire/messages';
import { timeOfDay } from '../words';
import { directoryAliases, follow, look, operator, stopFollowing } from './console';
import { Timeline } from './timeline';

const LOOK_EVERY_MS = 5_000;

export function LiveCallsTab() {
  const users = useStore(people, (state) => state.users);
  const { calls, lookedAt, problem, chosen } = useStore(operator, (state) => state);
  const [eyes, setEyes] = useState('');
  const again = async () => look(eyes ? [eyes] : await directoryAliases());
  useEffect(() => {
    void again();
    const timer = setInterval(() => { if (document.visibilityState === 'visible') void again(); }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [eyes]);
  useEffect(() => stopFollowing, []);
  return (
    <>
      <div className="console-bar">
        <Field label={text.console.eyes}>
          <select value={eyes} onChange={({ target }) => setEyes(target.value)}>
            <option value="">{text.console.everybody}</option>
            {users.filter(({ alias }) => alias).map(({ rawId, alias, displayName }) => <option key={rawId} value={alias}>{displayName || alias}</option>)}
          </select>
        </Field>
        <Button icon="refresh" onClick={() => void again()}>{text.console.refresh}</Button>
        {lookedAt !== undefined && <span className="quiet-words">{text.console.watched(timeOfDay(lookedAt, { withSeconds: true }))}</span>}
      </div>
      <Problem>{problem}</Problem>
      <div className="console-columns">
        <section className="panel" aria-labelledby="live-title">
          <h2 id="live-title">{text.console.tabs.calls}</h2>
          {lookedAt !== undefined && calls.length === 0 && <Note>{text.console.noCalls}</Note>}
          <ul>
            {calls.map((live) => {
              const { callId, kind, participants, startedAt } = live.call;
              return (
                <li key={callId}>
                  <button type="button" className="console-call" aria-pressed={callId === chosen} onClick={() => void follow(live)}>
                    <span className="row-name">{participants.map(({ displayName }) => displayName || text.somebody).join(', ')}</span>
                    <span className="quiet-words">{kind} · {text.console.since} {timeOfDay(timeOf(startedAt) ?? 0, { withSeconds: true })}</span>
                    <code className="quiet-words">{callId}</code>
                  </button>
                </li>
              );
            })}
          </ul>
        </section>
        {chosen ? <Detail /> : <section className="panel"><Note>{text.console.choose}</Note></section>}
      </div>
    </>
  );
}

function Detail() {
  const { legs, timeline, timelineProblem } = useStore(operator, (state) => state);
  return (
    <div className="console-detail">
      <section className="panel" aria-labelledby="legs-title">
        <h2 id="legs-title">{text.console.legs}</h2>
        <div className="scroll" tabIndex={0} role="group" aria-labelledby="legs-title">
          <table>
            <thead><tr>{[text.console.participant, text.console.direction, text.console.state, text.console.own, text.console.flags, text.console.connection].map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
            <tbody>{legs.map((leg) => <LegRow key={leg.participantId} leg={leg} />)}</tbody>
          </table>
        </div>
      </section>
      <section className="panel" aria-labelledby="timeline-title">
        <div className="panel-head">
          <div><h2 id="timeline-title">{text.console.timeline}</h2><p className="quiet-words">{text.console.timelineHint}</p></div>
          <span className={`chip ${timeline === 'open' ? 'good' : timeline === 'failed' ? 'bad' : ''}`} role="status">{text.console.timelineState[timeline]}</span>
        </div>
        <Problem>{timelineProblem}</Problem>
        <Timeline titleId="timeline-title" />
      </section>
    </div>
  );
}

function LegRow({ leg }: { leg: WireParticipant }) {
  const { displayName, identifier, direction, state, callState, callConnectionId, isMuted, isSpeaking, isVideoOn, isScreenSharingOn } = leg;
  const { flag } = text.console;
  return (
    <tr>
      <td title={identifier?.rawId}>{displayName || nameOf(identifier?.rawId ?? '')}</td>
      <td>{direction}</td>
      <td>{state}</td>
      <td>{callState}</td>
      <td>{[isMuted && flag.muted, isSpeaking && flag.speaking, isVideoOn && flag.video, isScreenSharingOn && flag.screen].filter(Boolean).join(', ')}</td>
      <td><code>{callConnectionId}</code></td>
    </tr>
  );
}
