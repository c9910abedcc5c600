// One message, or one thing that happened to the conversation.

import { useState, type FormEvent } from 'react';

import { nameOf } from '../people/people';
import { text, listed } from '../strings';
import { Avatar, Button, IconButton } from '../ui/parts';
import { timeOfDay } from '../words';
import { edit, remove } from './chat';
import { isSaid, type ChatMessage, type Thread } from './thread';

interface Props {
  message: ChatMessage;
  thread: Thread;
  isOwn: boolean;
  /** Whether the same person said the one before. */
  isFollowing: boolean;
  readers: readonly string[];
}

export function MessageRow({ message, thread, isOwn, isFollowing, readers }: Props) {
  const [isEditing, setEditing] = useState(false);
  if (!isSaid(message)) return <p className="happened quiet-words">{happened(message, thread)}</p>;
  const { id, sender, isDeleted, isEdited } = message;
  const name = personIn(thread, sender, message.senderName);
  return (
    <div className={`message ${isOwn ? 'own' : ''} ${isFollowing ? 'following' : ''}`}>
      {!isFollowing && (
        <p className="message-head">
          {!isOwn && <Avatar name={name} rawId={sender} size="small" />}
          <span className="message-name">{name}</span>
          <time className="quiet-words" dateTime={new Date(Number(id)).toISOString()}>{timeOfDay(Number(id))}</time>
        </p>
      )}
      {isEditing ? <EditForm threadId={thread.id} message={message} onDone={() => setEditing(false)} />
        : <p className={`bubble ${isDeleted ? 'deleted' : ''}`}>{isDeleted ? text.chat.deleted : wordsOf(message)}{isEdited && !isDeleted && <span className="edited"> ({text.chat.edited})</span>}</p>}
      {isOwn && !isDeleted && !isEditing && (
        <div className="message-actions">
          <IconButton icon="edit" size="small" label={text.chat.edit} onClick={() => setEditing(true)} />
          <IconButton icon="close" size="small" label={text.chat.remove} onClick={() => void remove(thread.id, id)} />
        </div>
      )}
      {readers.length > 0 && <p className="read quiet-words">{text.chat.readBy(readers.map((rawId) => personIn(thread, rawId)))}</p>}
    </div>
  );
}

function EditForm({ threadId, message, onDone }: { threadId: string; message: ChatMessage; onDone: () => void }) {
  const [draft, setDraft] = useState(message.body);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (draft.trim() !== '' && draft !== message.body) void edit(threadId, message.id, draft.trim());
    onDone();
  };
  return (
    <form className="inline-form" onSubmit={submit}>
      <input aria-label={text.chat.edit} value={draft} autoFocus onChange={({ target }) => setDraft(target.value)}
        onKeyDown={({ key }) => { if (key === 'Escape') onDone(); }} />
      <Button type="submit" size="small">{text.chat.save}</Button>
    </form>
  );
}

/** The name of somebody as this thread knows it. */
export function personIn(thread: Thread, rawId: string, otherwise = ''): string {
  return nameOf(rawId, thread.members.find((member) => member.rawId === rawId)?.name || otherwise);
}

/** The words of a message; of one that has marks, what they mark. A parsed document runs nothing. */
function wordsOf({ type, body }: ChatMessage): string {
  return type === 'html' ? new DOMParser().parseFromString(body, 'text/html').body.textContent ?? '' : body;
}

function happened({ type, initiator, people, topic }: ChatMessage, thread: Thread): string {
  const by = initiator ? personIn(thread, initiator) : text.somebody;
  const others = people.filter(({ rawId }) => rawId !== initiator);
  const names = listed(others.map(({ rawId, name }) => personIn(thread, rawId, name)));
  switch (type) {
    case 'topicUpdated': return text.chat.named(by, topic);
    case 'participantAdded': return others.length > 0 ? text.chat.added(by, names) : text.chat.began(by);
    case 'participantRemoved': return others.length > 0 ? text.chat.removed(by, names) : text.chat.left(by);
    default: return text.chat.other;
  }
}
