// Live calls, the legs of one, and what happens in it.

import { useEffect } from 'react';

import { nameOf } from '../people/people';
import { useStore } from '../store';
import { text } from '../strings';
import { Button, Note, Problem } from '../ui/parts';
import { timeOf, type MediaLeg, type WireParticipant } from '../wire/messages';
import { timeOfDay } from '../words';
import { follow, look, operator, stopFollowing } from './console';
import { Timeline } from './timeline';

const LOOK_EVERY_MS = 5_000;
const SETTLED_MS = 300;

export function LiveCallsTab() {
  const { key, calls, lookedAt, problem, chosen } = useStore(operator, (state) => state);
  useEffect(() => {
    // Not at every letter of a key that is written.
    const first = setTimeout(() => void look(), SETTLED_MS);
    const timer = setInterval(() => { if (document.visibilityState === 'visible') void look(); }, LOOK_EVERY_MS);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [key]);
  useEffect(() => stopFollowing, []);
  return (
    <>
      <div className="console-bar">
        <Button icon="refresh" onClick={() => void look()}>{text.console.refresh}</Button>
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
                  <button type="button" className="console-call" aria-pressed={callId === chosen} onClick={() => void follow(callId, { participants, media: live.media })}>
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
  const { legs, media, deliveries, timeline, timelineProblem } = useStore(operator, (state) => state);
  return (
    <div className="console-detail">
      <section className="panel" aria-labelledby="legs-title">
        <h2 id="legs-title">{text.console.legs}</h2>
        <div className="scroll" tabIndex={0} role="group" aria-labelledby="legs-title">
          <table>
            <thead><tr>{[text.console.participant, text.console.direction, text.console.state, text.console.own, text.console.flags, text.console.way, text.console.packets].map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
            <tbody>{legs.map((leg) => <LegRow key={leg.participantId} leg={leg} media={media.find(({ participantId }) => participantId === leg.participantId)} />)}</tbody>
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
        <h3>{text.console.delivered}</h3>
        <ul className="deliveries">{deliveries.map(({ id, type, at }) => <li key={id}>{timeOfDay(at, { withSeconds: true })} <code>{type}</code></li>)}</ul>
      </section>
    </div>
  );
}

function LegRow({ leg, media }: { leg: WireParticipant; media: MediaLeg | undefined }) {
  const { displayName, identifier, direction, state, callState, isMuted, isSpeaking, isVideoOn, isScreenSharingOn } = leg;
  const { flag } = text.console;
  return (
    <tr>
      <td title={identifier?.rawId}>{displayName || nameOf(identifier?.rawId ?? '')}</td>
      <td>{direction}</td>
      <td>{state}</td>
      <td>{callState}</td>
      <td>{[isMuted && flag.muted, isSpeaking && flag.speaking, isVideoOn && flag.video, isScreenSharingOn && flag.screen].filter(Boolean).join(', ')}</td>
      <td>{media && <>{media.state} <code>{media.peerAddress}</code> {media.srtpProfile} {media.roundTripMs} ms</>}</td>
      <td>{media && text.console.counts(media.packetsSent, sum(media, 'packetsReceived'), sum(media, 'packetsLost'))}</td>
    </tr>
  );
}

function sum({ published }: MediaLeg, what: 'packetsReceived' | 'packetsLost'): number {
  return published.reduce((all, one) => all + one[what], 0);
}
