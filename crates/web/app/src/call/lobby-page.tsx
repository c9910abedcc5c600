// Waiting to be let in.

import { session } from '../session/session';
import { useStore } from '../store';
import { text } from '../strings';
import { Avatar, Button } from '../ui/parts';
import type { CallRoom } from './room';

export function LobbyPage({ room }: { room: CallRoom }) {
  const identity = useStore(session, (state) => state.identity);
  return (
    <div className="lobby">
      <div className="lobby-card">
        <span className="pulse"><Avatar name={identity?.displayName ?? ''} rawId={identity?.rawId ?? ''} size="large" /></span>
        <h1>{text.lobby.title}</h1>
        <p role="status">{text.lobby.lead}</p>
        <Button kind="bad" icon="end" onClick={() => void room.hangUp()}>{text.lobby.leave}</Button>
      </div>
    </div>
  );
}
