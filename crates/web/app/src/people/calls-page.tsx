// The softphone: who can be called, a pad to dial on, and the calls that are over.

import { useState } from 'react';

import { callPeople, calls } from '../call/calls';
import { addressOf, go } from '../routes';
import { useStore } from '../store';
import { text } from '../strings';
import { Icon } from '../ui/icon';
import { Button, IconButton, Problem } from '../ui/parts';
import { DialPad } from './dial-pad';
import { people, namedOthers } from './people';
import { PresenceWords, PresentAvatar } from './presence-mark';
import { Recents } from './recents';

export function CallsPage() {
  return (
    <div className="page calls-page">
      <header className="page-head">
        <h1>{text.calls.title}</h1>
        <div className="page-actions">
          <a className="button plain normal" href={addressOf('join')}><Icon name="join" />{text.calls.join}</a>
          <a className="button primary normal" href={addressOf('meetings', 'new')}><Icon name="add" />{text.calls.newMeeting}</a>
        </div>
      </header>
      <div className="calls-columns">
        <div className="calls-side">
          <PeopleList />
          <Recents />
        </div>
        <DialPad />
      </div>
    </div>
  );
}

function PeopleList() {
  const { users, isLoaded, problem, isDevelopment } = useStore(people, (state) => state);
  const hasCall = useStore(calls, (state) => state.active !== undefined);
  const [wanted, setWanted] = useState('');
  const lower = wanted.trim().toLowerCase();
  const shown = namedOthers(users).filter(({ displayName, alias }) => `${displayName} ${alias}`.toLowerCase().includes(lower));
  return (
    <section className="panel people" aria-labelledby="people-title">
      <div className="panel-head">
        <h2 id="people-title">{text.calls.people}</h2>
        <span className="search">
          <Icon name="search" />
          <input type="search" aria-label={text.calls.peopleSearch} placeholder={text.calls.peopleSearch} value={wanted}
            onChange={({ target }) => setWanted(target.value)} />
        </span>
      </div>
      <Problem>{problem}</Problem>
      {!isLoaded && <p className="note">{text.loading}</p>}
      {isLoaded && !problem && shown.length === 0 && <p className="note">{isDevelopment ? text.calls.nobodyFound : text.calls.noList}</p>}
      <ul className="rows">
        {shown.map(({ rawId, displayName, alias }) => {
          const name = displayName || alias;
          const call = (withVideo: boolean) => callPeople([{ rawId, name }], { withVideo });
          return (
            <li key={rawId} className="row">
              <PresentAvatar name={name} rawId={rawId} />
              <span className="row-words"><span className="row-name">{name}</span><span className="quiet-words"><PresenceWords rawId={rawId} after={alias} /></span></span>
              <span className="row-actions">
                <IconButton icon="chat" label={text.calls.message(name)} onClick={() => go('chat', `with:${rawId}`)} />
                <IconButton icon="camera" label={text.calls.videoCall(name)} disabled={hasCall} onClick={() => call(true)} />
                <IconButton icon="calls" kind="good" label={text.calls.call(name)} disabled={hasCall} onClick={() => call(false)} />
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** A list's last line, where there is more. */
export function More({ onMore }: { onMore: () => void }) {
  return <Button size="small" kind="quiet" className="more" onClick={onMore}>{text.calls.more}</Button>;
}
