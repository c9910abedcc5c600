// One conversation: what was said, who writes, and the field to write in.

import { useEffect, useLayoutEffect, useRef, useState, type FormEvent, type KeyboardEvent } from 'react';

import { nameOf, people } from '../people/people';
import { session } from '../session/session';
import { useStore } from '../store';
import { text } from '../strings';
import { Button, IconButton, Note, Problem } from '../ui/parts';
import { dayText } from '../words';
import { chat, discard, load, loadOlder, markRead, openChat, send, sendAgain, typing } from './chat';
import { MessageRow } from './message-row';
import { isSaid, onTheWay, readersByMessage, type Outgoing, type Thread } from './thread';

const NEAR_END_PX = 80;

/** Opens a thread by its id and shows it. */
export function Conversation({ threadId }: { threadId: string }) {
  const thread = useStore(chat, ({ threads }) => threads.get(threadId));
  const { state, problem } = useStore(chat, (all) => all);
  useStore(people, ({ users }) => users);
  useEffect(openChat, []);
  const isKnown = thread !== undefined && thread.loading !== 'none';
  useEffect(() => { if (!isKnown) void load(threadId); }, [threadId, isKnown]);
  if (!thread) return <Note>{text.loading}</Note>;
  return (
    <div className="conversation">
      {(state === 'reconnecting' || state === 'closed') && <p className="banner bad" role="status">{problem || text.chat.state[state]}</p>}
      <Messages thread={thread} />
      <Problem>{thread.problem}</Problem>
      <Writers thread={thread} />
      <Composer threadId={threadId} />
    </div>
  );
}

function Messages({ thread }: { thread: Thread }) {
  const ownRawId = useStore(session, ({ identity }) => identity?.rawId ?? '');
  const list = useRef<HTMLDivElement>(null);
  const isNearEnd = useRef(true);
  const { messages, outgoing, older, loading, id } = thread;
  useLayoutEffect(() => {
    if (isNearEnd.current && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [messages, outgoing]);
  useEffect(() => {
    if (document.visibilityState === 'visible' && isNearEnd.current) markRead(id);
  }, [messages, id]);
  const readers = readersByMessage(thread, ownRawId);
  let day = '';
  let before = '';
  return (
    <div ref={list} className="messages" role="log" aria-label={text.chat.messages} tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => { isNearEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX; }}>
      {older && <Button size="small" kind="quiet" onClick={() => void loadOlder(id)}>{text.chat.older}</Button>}
      {loading === 'loaded' && messages.length === 0 && outgoing.length === 0 && <Note>{text.chat.nobodyYet}</Note>}
      {messages.map((message) => {
        const today = dayText(Number(message.id));
        const isNewDay = today !== day;
        const isFollowing = !isNewDay && isSaid(message) && before === message.sender;
        day = today;
        before = isSaid(message) ? message.sender : '';
        return (
          <div key={message.id} className="message-place">
            {isNewDay && <p className="day"><span>{today}</span></p>}
            <MessageRow message={message} thread={thread} isOwn={message.sender === ownRawId} isFollowing={isFollowing} readers={readers.get(message.id) ?? []} />
          </div>
        );
      })}
      {onTheWay(thread, ownRawId).map((one) => <OutgoingRow key={one.requestId} threadId={id} outgoing={one} />)}
    </div>
  );
}

function OutgoingRow({ threadId, outgoing: { requestId, content, state, problem } }: { threadId: string; outgoing: Outgoing }) {
  return (
    <div className="message own">
      <p className="bubble">{content}</p>
      <p className="quiet-words" role={state === 'refused' ? 'alert' : undefined}>{state === 'refused' ? text.chat.refused(problem) : text.chat[state]}</p>
      {state === 'refused' && (
        <div className="message-actions shown">
          <Button size="small" onClick={() => sendAgain(threadId, requestId)}>{text.chat.again}</Button>
          <Button size="small" kind="quiet" onClick={() => discard(threadId, requestId)}>{text.chat.drop}</Button>
        </div>
      )}
    </div>
  );
}

function Writers({ thread }: { thread: Thread }) {
  const names = Object.entries(thread.typing).map(([rawId, { name }]) => nameOf(rawId, name));
  return <p className="writers quiet-words" role="status">{names.length > 0 ? text.chat.typing(names) : ''}</p>;
}

function Composer({ threadId }: { threadId: string }) {
  const [draft, setDraft] = useState('');
  const go = () => {
    if (draft.trim() === '') return;
    send(threadId, draft.trim());
    setDraft('');
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    go();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    go();
  };
  return (
    <form className="composer" onSubmit={submit}>
      <textarea aria-label={text.chat.write} placeholder={text.chat.write} rows={1} value={draft} maxLength={28_000}
        onChange={({ target }) => { setDraft(target.value); if (target.value !== '') typing(threadId); }} onKeyDown={press} />
      <IconButton type="submit" icon="send" label={text.chat.send} className="send" disabled={draft.trim() === ''} />
    </form>
  );
}
