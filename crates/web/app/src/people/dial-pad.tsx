// A field and twelve keys: calls whatever an alias, an id or a number names.

import { useRef, useState, type FormEvent } from 'react';

import { callPeople, calls } from '../call/calls';
import { useStore } from '../store';
import { text } from '../strings';
import { Button, IconButton } from '../ui/parts';
import { namedOthers, people, resolvePerson } from './people';

/** The keys of a telephone with the letters on them. */
export const KEYS = [
  ['1', ''], ['2', 'abc'], ['3', 'def'], ['4', 'ghi'], ['5', 'jkl'], ['6', 'mno'], ['7', 'pqrs'], ['8', 'tuv'], ['9', 'wxyz'], ['*', ''], ['0', '+'], ['#', ''],
] as const;

export function DialPad() {
  const users = useStore(people, (state) => state.users);
  const hasCall = useStore(calls, (state) => state.active !== undefined);
  const [wanted, setWanted] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const dial = async (event: FormEvent) => {
    event.preventDefault();
    if (wanted.trim() === '') field.current?.focus();
    else callPeople([await resolvePerson(wanted)]);
  };
  return (
    <section className="panel dial" aria-labelledby="dial-title">
      <h2 id="dial-title">{text.calls.dial}</h2>
      <form onSubmit={dial}>
        <div className="dial-field">
          <input ref={field} aria-label={text.calls.dialField} aria-describedby="dial-hint" value={wanted} list="dial-names" placeholder="bob"
            autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={({ target }) => setWanted(target.value)} />
          <IconButton icon="erase" label={text.calls.dialErase} disabled={wanted === ''} onClick={() => setWanted(wanted.slice(0, -1))} />
        </div>
        <datalist id="dial-names">
          {namedOthers(users).filter(({ alias }) => alias).map(({ rawId, alias, displayName }) => <option key={rawId} value={alias}>{displayName}</option>)}
        </datalist>
        <div className="keys">
          {KEYS.map(([key, letters]) => (
            <button key={key} type="button" className="key" onClick={() => setWanted(wanted + key)}>
              <span>{key}</span><span className="key-letters" aria-hidden="true">{letters}</span>
            </button>
          ))}
        </div>
        <p id="dial-hint" className="field-hint">{text.calls.dialHint}</p>
        <Button type="submit" icon="calls" kind="good" className="wide" disabled={hasCall}>{text.calls.dialGo}</Button>
      </form>
    </section>
  );
}
