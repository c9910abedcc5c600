// Two chairs side by side: a call for whoever is alone with one tab.

import { useEffect, useState } from 'react';

import { Tile } from '../call/tile';
import type { CallView } from '../call/view';
import type { CallRoom } from '../call/room';
import { Timeline } from '../console/timeline';
import { addressOf } from '../routes';
import { useStore, type Store } from '../store';
import { text } from '../strings';
import { Button, Problem } from '../ui/parts';
import { demo, run, standUp, STEPS, type Chair } from './demo';

export default function DemoPage() {
  const { chairs, phase, step, problem } = useStore(demo, (state) => state);
  const [wantsDevices, setWantsDevices] = useState(false);
  useEffect(() => standUp, []);
  const current = step ? STEPS.indexOf(step) : phase === 'done' ? STEPS.length : -1;
  return (
    <div className="page demo">
      <header className="page-head">
        <h1>{text.demo.title}</h1>
        <a href={addressOf('calls')}>{text.demo.leave}</a>
      </header>
      <p className="lead">{text.demo.lead}</p>
      <div className="demo-bar">
        <Button kind="primary" icon="play" disabled={phase === 'running'} onClick={() => void run(wantsDevices)}>{phase === 'done' ? text.demo.again : text.demo.go}</Button>
        <label className="check"><input type="checkbox" checked={wantsDevices} disabled={phase === 'running'} onChange={({ target }) => setWantsDevices(target.checked)} />{text.demo.devices}</label>
      </div>
      <Problem>{problem}</Problem>
      <ol className="demo-steps">
        {STEPS.map((name, index) => <li key={name} className={index < current ? 'over' : undefined} aria-current={name === step ? 'step' : undefined}>{text.demo.steps[name]}</li>)}
      </ol>
      <p className="hidden" role="status">{step ? text.demo.steps[step] : phase === 'done' && !problem ? text.demo.done : ''}</p>
      <div className="demo-chairs">
        {chairs.length > 0 ? chairs.map((chair) => <ChairPanel key={chair.get().identity.rawId} chair={chair} />)
          : ['Alice', 'Bob'].map((name) => <section key={name} className="panel"><h2>{name}</h2><p className="note">{text.demo.empty}</p></section>)}
      </div>
      <section className="panel" aria-labelledby="demo-log">
        <h2 id="demo-log">{text.demo.log}</h2>
        <p className="quiet-words">{text.console.timelineHint}</p>
        <Timeline titleId="demo-log" />
      </section>
    </div>
  );
}

function ChairPanel({ chair }: { chair: Store<Chair> }) {
  const { identity: { displayName, rawId }, room, incoming } = useStore(chair, (state) => state);
  return (
    <section className="panel demo-chair" aria-label={displayName}>
      {room ? <Seated name={displayName} rawId={rawId} room={room} />
        : <><ChairHead name={displayName} words={incoming ? text.call.states.Ringing : text.demo.ready} /><p className="note">{incoming ? text.incoming.title(incoming.callerInfo.displayName ?? text.somebody) : text.demo.quiet}</p></>}
    </section>
  );
}

function Seated({ name, rawId, room }: { name: string; rawId: string; room: CallRoom }) {
  const view: CallView = useStore(room.store, (state) => state);
  const plain = { rawId, isOwn: false, isHeld: false, isRinging: false, isSpeaking: false, handPlace: 0, reaction: undefined };
  const [other] = view.people;
  return (
    <>
      <ChairHead name={name} words={[text.call.states[view.state], view.isMuted && text.call.muted].filter(Boolean).join(' · ')} />
      <div className="demo-tiles">
        {other && (
          <Tile tile={{ ...plain, key: 'other', rawId: other.rawId, name: other.name, camera: other.camera, isMuted: other.isMuted, isHeld: other.state === 'Hold',
            isRinging: other.state === 'Ringing', isSpeaking: other.isSpeaking }} />
        )}
        <Tile tile={{ ...plain, key: 'own', name: text.you, initialsOf: name, camera: view.camera, isOwn: true, isMuted: view.isMuted, isHeld: view.state === 'LocalHold' }} />
      </div>
    </>
  );
}

function ChairHead({ name, words }: { name: string; words: string }) {
  return <div className="panel-head"><h2>{name}</h2><span className="chip demo-state">{words}</span></div>;
}
