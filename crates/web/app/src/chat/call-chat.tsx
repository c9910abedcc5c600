// The chat beside the pictures: that of the call, or between two the conversation that they have anyway.

import { useEffect, useState } from 'react';

import type { PersonView } from '../call/view';
import { useStore } from '../store';
import { text } from '../strings';
import { Button, Note, Problem } from '../ui/parts';
import { errorText } from '../words';
import { chat, openChat, startThread, threadWith } from './chat';
import { Conversation } from './conversation';

export function CallChat({ threadId, people }: { threadId: string; people: readonly PersonView[] }) {
  if (threadId) return <Conversation threadId={threadId} />;
  const [other] = people;
  return other && people.length === 1 ? <Between other={other} /> : <Note>{text.chat.noThread}</Note>;
}

function Between({ other: { rawId, name } }: { other: PersonView }) {
  const isComplete = useStore(chat, (state) => state.isComplete);
  const thread = useStore(chat, () => threadWith(rawId));
  const [problem, setProblem] = useState('');
  useEffect(openChat, []);
  if (thread) return <Conversation threadId={thread.id} />;
  if (!isComplete) return <Note>{text.loading}</Note>;
  const begin = () => { startThread(name, [{ rawId, name }]).catch((error: unknown) => setProblem(errorText(error))); };
  return (
    <div className="form">
      <Note>{text.chat.noThreadYet(name)}</Note>
      <Problem>{problem}</Problem>
      <Button kind="primary" icon="chat" onClick={begin}>{text.chat.create}</Button>
    </div>
  );
}
