// To whom the call is handed over, and what came of it.

import { useState, type FormEvent } from 'react';

import { PresenceWords, PresentAvatar } from '../people/presence-mark';
import { namedOthers, people as directory, resolvePerson } from '../people/people';
import { useStore } from '../store';
import { text } from '../strings';
import { Dialog } from '../ui/dialog';
import { Button, Field, Note, Problem } from '../ui/parts';
import type { CallRoom } from './room';
import type { CallView } from './view';

export function TransferDialog({ room, view, onClose }: { room: CallRoom; view: CallView; onClose: () => void }) {
  const users = useStore(directory, (state) => state.users);
  const { state, name, why } = useStore(room.transfer.store, (all) => all);
  const [wanted, setWanted] = useState('');
  const [chosen, setChosen] = useState('');
  const lower = wanted.trim().toLowerCase();
  const found = namedOthers(users).filter(({ rawId, displayName, alias }) => (
    `${displayName} ${alias}`.toLowerCase().includes(lower) && !view.people.some((person) => person.rawId === rawId)));
  const target = found.find(({ rawId }) => rawId === chosen) ?? (lower !== '' && found.length === 1 ? found[0] : undefined);
  const isTyped = target === undefined && lower !== '' && found.length === 0;
  const isWorking = state === 'transferring';
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (target) room.transfer.transfer(target.rawId, target.displayName || target.alias);
    else if (isTyped) {
      const { rawId, name: typed } = await resolvePerson(wanted);
      room.transfer.transfer(rawId, typed);
    }
  };
  return (
    <Dialog title={text.transfer.title} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <p className="quiet-words">{text.transfer.lead}</p>
        <Field label={text.transfer.search} hint={text.transfer.hint}>
          <input type="search" value={wanted} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={({ target: field }) => setWanted(field.value)} />
        </Field>
        <fieldset className="transfer-people" disabled={isWorking}>
          <legend className="hidden">{text.transfer.to}</legend>
          {found.map(({ rawId, displayName, alias }) => (
            <label key={rawId} className="row">
              <input type="radio" name="transfer-to" checked={target?.rawId === rawId} onChange={() => setChosen(rawId)} />
              <PresentAvatar name={displayName || alias} rawId={rawId} />
              <span className="row-words"><span className="row-name">{displayName || alias}</span><span className="quiet-words"><PresenceWords rawId={rawId} after={alias} /></span></span>
            </label>
          ))}
          {found.length === 0 && <p className="note">{isTyped ? text.transfer.unlisted(wanted.trim()) : text.calls.nobodyFound}</p>}
        </fieldset>
        {isWorking && <Note>{text.transfer.transferring(name)}</Note>}
        {state === 'transferred' && <Note>{text.transfer.transferred(name)}</Note>}
        {state === 'failed' && <Problem>{text.transfer.failed(name, why)}</Problem>}
        <Button type="submit" kind="primary" icon="transfer" disabled={isWorking || state === 'transferred' || (!target && !isTyped)}>
          {text.transfer.go(target ? target.displayName || target.alias : isTyped ? wanted.trim() : '')}
        </Button>
      </form>
    </Dialog>
  );
}
