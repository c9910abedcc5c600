// Who is in the call, who waits and who is being called, and what one may do about it.

import { useState, type FormEvent, type ReactNode } from 'react';

import { namedOthers, people as directory, resolvePerson } from '../people/people';
import { PresenceWords, PresentAvatar } from '../people/presence-mark';
import { session } from '../session/session';
import { useStore } from '../store';
import { text } from '../strings';
import { Icon } from '../ui/icon';
import { Button, IconButton } from '../ui/parts';
import { MeetingInfo } from './meeting-info';
import type { CallRoom } from './room';
import { isInCall, isRinging, type CallView, type PersonView } from './view';

export function Roster({ room, view }: { room: CallRoom; view: CallView }) {
  const identity = useStore(session, (state) => state.identity);
  const { people, waiting, can } = view;
  const inCall = people.filter(isInCall);
  const ringing = people.filter(isRinging);
  const own = [text.roster.roles[view.role], view.isMuted && text.call.muted, view.state === 'LocalHold' && text.call.held].filter(Boolean).join(' · ');
  return (
    <div className="roster">
      <AddPerson room={room} people={people} />
      {can.manageLobby && waiting.length > 0 && (
        <Group title={text.roster.waiting} count={waiting.length} action={waiting.length > 1
          && <Button size="small" kind="good" onClick={() => void room.admitAll()}>{text.roster.admitAll}</Button>}>
          {waiting.map((person) => (
            <Row key={person.key} person={person}>
              <Button size="small" kind="good" aria-label={text.roster.admitName(person.name)} onClick={() => void room.admit(person.rawId)}>{text.roster.admit}</Button>
              <Button size="small" aria-label={text.roster.rejectName(person.name)} onClick={() => void room.reject(person.rawId)}>{text.roster.reject}</Button>
            </Row>
          ))}
        </Group>
      )}
      <Group title={text.roster.inCall} count={inCall.length + 1} action={can.muteOthers && inCall.length > 0
        && <Button size="small" icon="micOff" onClick={() => void room.muteAll()}>{text.roster.muteAll}</Button>}>
        <li className="row">
          <PresentAvatar name={identity?.displayName ?? ''} rawId={identity?.rawId ?? ''} />
          <span className="row-words">
            <span className="row-name">{identity?.displayName} ({text.you})</span>
            <span className="quiet-words"><PresenceWords rawId={identity?.rawId ?? ''} after={own} /></span>
          </span>
        </li>
        {inCall.map((person) => <Row key={person.key} person={person}><PersonActions room={room} view={view} person={person} /></Row>)}
      </Group>
      {ringing.length > 0 && (
        <Group title={text.roster.ringing} count={ringing.length}>
          {ringing.map((person) => (
            <Row key={person.key} person={person}>
              <IconButton icon="close" label={text.roster.stopRinging(person.name)} onClick={() => void room.remove(person.key)} />
            </Row>
          ))}
        </Group>
      )}
      {view.isMeeting && <MeetingInfo room={room} />}
    </div>
  );
}

function PersonActions({ room, view: { can, isMeeting }, person }: { room: CallRoom; view: CallView; person: PersonView }) {
  const { key, rawId, name, isMuted, handPlace, isSpotlighted } = person;
  return (
    <>
      {can.muteOthers && handPlace > 0 && <IconButton icon="hand" label={text.roster.lowerHand(name)} onClick={() => void room.lowerHandOf(rawId)} />}
      {isMeeting && can.spotlightParticipant && (
        <IconButton icon="spotlight" isPressed={isSpotlighted} label={isSpotlighted ? text.roster.stopSpotlight(name) : text.roster.spotlight(name)}
          onClick={() => void room.spotlight(rawId, !isSpotlighted)} />
      )}
      {can.muteOthers && <IconButton icon="micOff" label={text.roster.mute(name)} disabled={isMuted} onClick={() => void room.mute(key)} />}
      {can.removeParticipant && <IconButton icon="close" label={text.roster.remove(name)} onClick={() => void room.remove(key)} />}
    </>
  );
}

function Group({ title, count, action, children }: { title: string; count: number; action?: ReactNode; children: ReactNode }) {
  return (
    <section className="roster-group">
      <div className="roster-head"><h3>{title} <span className="quiet-words">{count}</span></h3>{action}</div>
      <ul className="rows">{children}</ul>
    </section>
  );
}

function Row({ person, children }: { person: PersonView; children: ReactNode }) {
  const { rawId, name, role, isMuted, state, isSpeaking, handPlace } = person;
  const words = [
    text.roster.roles[role], isMuted && text.call.muted, state === 'Hold' && text.call.held, handPlace > 0 && text.call.handUp(handPlace),
  ].filter(Boolean).join(' · ');
  return (
    <li className={`row ${isSpeaking ? 'speaking' : ''}`}>
      <PresentAvatar name={name} rawId={rawId} />
      <span className="row-words"><span className="row-name">{name}</span><span className="quiet-words"><PresenceWords rawId={rawId} after={words} /></span></span>
      {isMuted && <span className="row-flag"><Icon name="micOff" /></span>}
      <span className="row-actions">{children}</span>
    </li>
  );
}

function AddPerson({ room, people }: { room: CallRoom; people: readonly PersonView[] }) {
  const users = useStore(directory, (state) => state.users);
  const [wanted, setWanted] = useState('');
  const free = namedOthers(users).filter(({ rawId, alias }) => alias && !people.some((person) => person.rawId === rawId));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (wanted.trim() === '') return;
    const { rawId, name } = await resolvePerson(wanted);
    room.add(rawId, name);
    setWanted('');
  };
  return (
    <form className="inline-form" aria-label={text.roster.add} onSubmit={submit}>
      <input aria-label={text.roster.addField} placeholder={text.roster.addField} value={wanted} list="add-names" autoComplete="off" autoCapitalize="none"
        onChange={({ target }) => setWanted(target.value)} />
      <datalist id="add-names">{free.map(({ rawId, alias, displayName }) => <option key={rawId} value={alias}>{displayName}</option>)}</datalist>
      <Button type="submit" icon="add">{text.roster.addGo}</Button>
    </form>
  );
}
