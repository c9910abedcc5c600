// The calls that are over, newest first.

import { useEffect } from 'react';

import { callPeople, calls } from '../call/calls';
import { useStore } from '../store';
import { text } from '../strings';
import { Icon } from '../ui/icon';
import { IconButton, Problem } from '../ui/parts';
import { timeOf, type PastCall } from '../wire/messages';
import { clockText, reasonHeadline, shortTime } from '../words';
import { More } from './calls-page';
import { history, markSeen, readEarlier, readHistory } from './history';
import { nameOf, people } from './people';

export function Recents() {
  const { calls: past, nextPageToken, missedOnly, isLoaded, problem, unseenMissed } = useStore(history, (state) => state);
  useStore(people, (state) => state.users);
  useEffect(() => {
    if (unseenMissed > 0 && document.visibilityState === 'visible') void markSeen();
  }, [unseenMissed, past]);
  return (
    <section className="panel recents" aria-labelledby="recents-title">
      <div className="panel-head">
        <h2 id="recents-title">{text.calls.recents}</h2>
        <label className="check">
          <input type="checkbox" checked={missedOnly} onChange={({ target }) => void readHistory(target.checked)} />{text.calls.missedOnly}
        </label>
      </div>
      <Problem>{problem}</Problem>
      {isLoaded && !problem && past.length === 0 && <p className="note">{text.calls.noRecents}</p>}
      <ul className="rows">{past.map((call) => <Recent key={call.place || call.callId} call={call} />)}</ul>
      {nextPageToken && <More onMore={() => void readEarlier()} />}
    </section>
  );
}

function Recent({ call }: { call: PastCall }) {
  const hasCall = useStore(calls, (state) => state.active !== undefined);
  const others = call.others.map(({ identifier, displayName }) => ({
    rawId: identifier?.rawId ?? '', name: nameOf(identifier?.rawId ?? '', displayName),
  }));
  const title = others.length > 0 ? others.map(({ name }) => name).join(', ') : kindWords(call);
  const way = call.isMissed ? 'missed' : call.direction === 'incoming' ? 'incoming' : 'outgoing';
  const connected = timeOf(call.connectedAt);
  const ended = timeOf(call.endedAt) ?? 0;
  const outcome = connected !== undefined ? clockText(ended - connected)
    : call.endReason ? reasonHeadline({ ...call.endReason, resultCategories: [call.endReason.category] }) : '';
  const canCall = call.kind !== 'meeting' && others.length > 0 && others.every(({ rawId }) => rawId);
  return (
    <li className={`row ${way}`}>
      <span className={`way ${way}`}><Icon name={way} /></span>
      <span className="row-words">
        <span className="row-name">{title}{call.unnamedOthers > 0 && ` ${text.calls.others(call.unnamedOthers)}`}</span>
        <span className="quiet-words">{[text.calls.direction[way], call.kind !== 'oneToOne' && kindWords(call), outcome].filter(Boolean).join(' · ')}</span>
      </span>
      <time className="quiet-words" dateTime={new Date(ended).toISOString()}>{shortTime(ended)}</time>
      {canCall && <IconButton icon="calls" size="small" label={text.calls.again(title)} disabled={hasCall} onClick={() => callPeople(others)} />}
    </li>
  );
}

function kindWords({ kind }: PastCall): string {
  switch (kind) {
    case 'group': return text.calls.kinds.group;
    case 'meeting': return text.calls.kinds.meeting;
    case 'oneToOne':
    case 'unspecified': return text.calls.kinds.one;
  }
}
