// All conversations, and the one that is open.

import { useEffect, useState, type FormEvent } from 'react';

import { namedOthers, nameOf, people, resolvePerson } from '../people/people';
import { PresenceWords, PresentAvatar } from '../people/presence-mark';
import { addressOf, go, route } from '../routes';
import { session } from '../session/session';
import { useStore } from '../store';
import { listed, text } from '../strings';
import { Icon } from '../ui/icon';
import { Dialog } from '../ui/dialog';
import { Avatar, Button, Field, IconButton, Note, Problem } from '../ui/parts';
import { errorText, shortTime } from '../words';
import { chat, leaveThread, openChat, startThread, threadWith } from './chat';
import { Conversation } from './conversation';
import { personIn } from './message-row';
import { isSaid, unreadOf, type Member, type Thread } from './thread';

const WITH = 'with:';

export function ChatPage() {
  const { part } = useStore(route, (state) => state);
  const { threads, isLoaded, isComplete, problem } = useStore(chat, (state) => state);
  const [isStarting, setStarting] = useState(false);
  useEffect(openChat, []);
  const wanted = part.startsWith(WITH) ? part.slice(WITH.length) : undefined;
  useEffect(() => {
    if (!wanted || !isComplete) return;
    const known = threadWith(wanted);
    if (known) go('chat', known.id, { replace: true });
    else setStarting(true);
  }, [wanted, isComplete]);
  const open = threads.get(part);
  return (
    <div className={`page chat-page ${open ? 'has-open' : ''}`}>
      <section className="panel threads" aria-labelledby="threads-title">
        <div className="panel-head">
          <h1 id="threads-title">{text.chat.title}</h1>
          <IconButton icon="add" label={text.chat.start} onClick={() => setStarting(true)} />
        </div>
        <Problem>{problem}</Problem>
        {!isLoaded && <Note>{text.loading}</Note>}
        {isLoaded && !problem && threads.size === 0 && <Note>{text.chat.none}</Note>}
        <ul className="rows">
          {[...threads.values()].sort((one, other) => other.activeOn - one.activeOn).map((thread) => <ThreadRow key={thread.id} thread={thread} isOpen={thread.id === part} />)}
        </ul>
      </section>
      {open ? <OpenThread key={open.id} thread={open} /> : <section className="panel no-thread"><Note>{text.chat.choose}</Note></section>}
      {isStarting && <StartDialog person={wanted} onClose={() => { setStarting(false); if (wanted) go('chat', '', { replace: true }); }}
        onStarted={(id) => { setStarting(false); go('chat', id); }} />}
    </div>
  );
}

function ThreadRow({ thread, isOpen }: { thread: Thread; isOpen: boolean }) {
  const ownRawId = useStore(session, ({ identity }) => identity?.rawId ?? '');
  useStore(people, ({ users }) => users);
  const title = titleOf(thread, ownRawId);
  const last = thread.messages.findLast(isSaid);
  const unread = unreadOf(thread, ownRawId);
  const other = otherOf(thread, ownRawId);
  return (
    <li>
      <a className={`row thread ${isOpen ? 'open' : ''}`} href={addressOf('chat', thread.id)} aria-current={isOpen ? 'true' : undefined}>
        {other ? <PresentAvatar name={title} rawId={other.rawId} /> : <Avatar name={title} rawId={thread.id} />}
        <span className="row-words">
          <span className="row-name">{title}</span>
          <span className="quiet-words preview-words">{last ? `${personIn(thread, last.sender, last.senderName)}: ${last.isDeleted ? text.chat.deleted : last.body}` : ''}</span>
        </span>
        <span className="thread-end">
          <span className="quiet-words">{thread.activeOn > 0 && shortTime(thread.activeOn)}</span>
          {unread > 0 && <span className="count"><span aria-hidden="true">{unread}</span><span className="hidden">{text.chat.unread(unread)}</span></span>}
        </span>
      </a>
    </li>
  );
}

function OpenThread({ thread }: { thread: Thread }) {
  const ownRawId = useStore(session, ({ identity }) => identity?.rawId ?? '');
  const [isListing, setListing] = useState(false);
  const other = otherOf(thread, ownRawId);
  return (
    <section className="panel open-thread" aria-labelledby="thread-title">
      <header className="pane-head">
        <a className="icon-button quiet chat-back" href={addressOf('chat')} aria-label={text.chat.threads}><Icon name="back" /></a>
        <div className="call-title">
          <h2 id="thread-title">{titleOf(thread, ownRawId)}</h2>
          {other && <p className="quiet-words" role="status"><PresenceWords rawId={other.rawId} /></p>}
        </div>
        <Button size="small" kind="quiet" icon="people" onClick={() => setListing(true)}>{text.chat.members(thread.members.length)}</Button>
        <IconButton icon="signOut" label={text.chat.leave} onClick={() => void leaveThread(thread.id).then(() => go('chat'))} />
      </header>
      <Conversation threadId={thread.id} />
      {isListing && <MembersDialog thread={thread} onClose={() => setListing(false)} />}
    </section>
  );
}

function MembersDialog({ thread, onClose }: { thread: Thread; onClose: () => void }) {
  return (
    <Dialog title={text.chat.membersTitle} onClose={onClose}>
      <ul className="rows members">
        {thread.members.map(({ rawId, name }) => (
          <li key={rawId} className="row">
            <PresentAvatar name={name || nameOf(rawId)} rawId={rawId} />
            <span className="row-words"><span className="row-name">{nameOf(rawId, name)}</span><span className="quiet-words"><PresenceWords rawId={rawId} /></span></span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function StartDialog({ person, onClose, onStarted }: { person: string | undefined; onClose: () => void; onStarted: (id: string) => void }) {
  const users = useStore(people, (state) => state.users);
  const [chosen, setChosen] = useState<readonly string[]>(person ? [person] : []);
  const [other, setOther] = useState('');
  const [topic, setTopic] = useState('');
  const [problem, setProblem] = useState('');
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      const members = chosen.map((rawId) => ({ rawId, name: nameOf(rawId) }));
      if (other.trim() !== '') members.push(await resolvePerson(other));
      if (members.length === 0) return;
      const { id, notAdded } = await startThread(topic.trim() || listed(members.map(({ name }) => name)), members);
      if (notAdded.length > 0) setProblem(text.chat.notAdded(notAdded));
      else onStarted(id);
    } catch (error) {
      setProblem(errorText(error));
    }
  };
  const toggle = (rawId: string) => setChosen(chosen.includes(rawId) ? chosen.filter((known) => known !== rawId) : [...chosen, rawId]);
  return (
    <Dialog title={text.chat.start} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <Field label={text.chat.topic}><input value={topic} maxLength={250} onChange={({ target }) => setTopic(target.value)} /></Field>
        <fieldset className="choices">
          <legend>{text.chat.with}</legend>
          {namedOthers(users).map(({ rawId, displayName, alias }) => (
            <label key={rawId} className="choice"><input type="checkbox" checked={chosen.includes(rawId)} onChange={() => toggle(rawId)} />{displayName || alias}</label>
          ))}
        </fieldset>
        <Field label={text.roster.addField}><input value={other} autoCapitalize="none" autoComplete="off" onChange={({ target }) => setOther(target.value)} /></Field>
        <Problem>{problem}</Problem>
        <Button type="submit" kind="primary" disabled={chosen.length === 0 && other.trim() === ''}>{text.chat.create}</Button>
      </form>
    </Dialog>
  );
}

/** The other one of two. */
function otherOf(thread: Thread, ownRawId: string): Member | undefined {
  return thread.members.length === 2 ? thread.members.find(({ rawId }) => rawId !== ownRawId) : undefined;
}

function titleOf(thread: Thread, ownRawId: string): string {
  const others = thread.members.filter(({ rawId }) => rawId !== ownRawId);
  // Between two, each sees the name of the other whatever the conversation was called by the one who began it.
  const other = otherOf(thread, ownRawId);
  if (other) return nameOf(other.rawId, other.name);
  return thread.topic || listed(others.map(({ rawId, name }) => nameOf(rawId, name))) || text.chat.untitled;
}
