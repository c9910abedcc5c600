// The chat of a call, beside its pictures.

import { Conversation } from './conversation';

export default function CallChat({ threadId }: { threadId: string }) {
  return <Conversation threadId={threadId} />;
}
