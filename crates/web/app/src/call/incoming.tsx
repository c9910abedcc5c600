// Calls that ring: a card in the corner, answered by a click or a key.

import { useEffect, useRef } from 'react';

import { useStore } from '../store';
import { text } from '../strings';
import { Avatar, Button } from '../ui/parts';
import { accept, calls, decline, type Ringing } from './calls';
import { isTyping } from './keys';

export function Incoming() {
  const ringing = useStore(calls, (state) => state.ringing);
  const first = ringing[0];
  useEffect(() => {
    if (!first) return undefined;
    const press = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      if (event.key === 'a') void accept(first);
      else if (event.key === 'v') void accept(first, { withVideo: true });
      else if (event.key === 'd') void decline(first);
      else return;
      // A key that answers does nothing else in the call behind it.
      event.stopImmediatePropagation();
      event.preventDefault();
    };
    document.addEventListener('keydown', press, { capture: true });
    return () => document.removeEventListener('keydown', press, { capture: true });
  }, [first]);
  return <div className="incoming-stack">{ringing.map((one) => <IncomingCard key={one.id} ringing={one} />)}</div>;
}

function IncomingCard({ ringing }: { ringing: Ringing }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // Whoever is in the middle of a word stays there; the keys wait until they are done.
    if (!isTyping({ target: document.activeElement })) button.current?.focus();
  }, []);
  const title = `incoming-${ringing.id}`;
  return (
    <section className="incoming" role="alertdialog" aria-labelledby={title} aria-describedby={`${title}-keys`}>
      <div className="incoming-who">
        <span className="pulse"><Avatar name={ringing.name} rawId={ringing.rawId} size="large" /></span>
        <div>
          <h2 id={title}>{text.incoming.title(ringing.name)}</h2>
          <p id={`${title}-keys`} className="quiet-words">{text.incoming.keys}</p>
        </div>
      </div>
      <div className="incoming-actions">
        <Button kind="bad" icon="end" onClick={() => void decline(ringing)}>{text.incoming.decline}</Button>
        <Button icon="camera" onClick={() => void accept(ringing, { withVideo: true })} aria-label={text.incoming.acceptVideo} title={text.incoming.acceptVideo} />
        <button ref={button} type="button" className="button good normal" onClick={() => void accept(ringing)}>{text.incoming.accept}</button>
      </div>
    </section>
  );
}
