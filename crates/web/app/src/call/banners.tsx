// What stands in the way of the call, above the pictures.

import { useStore } from '../store';
import { text } from '../strings';
import { Button, IconButton } from '../ui/parts';
import { RecordingBanner } from './captions-region';
import type { CallRoom } from './room';
import type { CallView } from './view';

export function Banners({ room, view, isTransferOpen }: { room: CallRoom; view: CallView; isTransferOpen: boolean }) {
  const { state, troubles, problem, notice, isSharing, waiting, can } = view;
  return (
    <div className="banners">
      <RecordingBanner view={view} />
      {state === 'LocalHold' && (
        <div className="banner hold">
          <p role="status">{text.call.heldBanner}</p>
          <Button size="small" icon="play" onClick={() => void room.toggleHold()}>{text.call.resume}</Button>
        </div>
      )}
      {state === 'RemoteHold' && <p className="banner hold" role="status">{text.call.remoteHeldBanner}</p>}
      {isSharing && (
        <div className="banner accent">
          <p role="status">{text.call.youShare}</p>
          <Button size="small" onClick={() => void room.toggleShare()}>{text.call.shareOff}</Button>
        </div>
      )}
      {can.manageLobby && waiting.length > 0 && (
        <div className="banner accent">
          <p role="status">{text.roster.waits(waiting.map(({ name }) => name))}</p>
          <Button size="small" kind="good" onClick={() => void (waiting[0] && waiting.length === 1 ? room.admit(waiting[0].rawId) : room.admitAll())}>
            {waiting.length === 1 ? text.roster.admit : text.roster.admitAll}
          </Button>
        </div>
      )}
      {!isTransferOpen && <TransferBanner room={room} />}
      {troubles.map((trouble) => <p key={trouble} className="banner warn" role="status">{text.call[trouble]}</p>)}
      {notice && <p className="banner plain" role="status">{notice}</p>}
      {problem && (
        <div className="banner bad">
          <p role="alert">{problem}</p>
          <IconButton icon="close" size="small" label={text.close} onClick={() => room.forgetProblem()} />
        </div>
      )}
    </div>
  );
}

/** How far a transfer is, for whoever has closed its dialog. */
function TransferBanner({ room }: { room: CallRoom }) {
  const { state, name, why } = useStore(room.transfer.store, (all) => all);
  switch (state) {
    case 'none': return null;
    case 'transferring': return <p className="banner accent" role="status">{text.transfer.transferring(name)}</p>;
    case 'transferred': return <p className="banner good" role="status">{text.transfer.transferred(name)}</p>;
    case 'failed': return (
      <div className="banner bad">
        <p role="alert">{text.transfer.failed(name, why)}</p>
        <IconButton icon="close" size="small" label={text.close} onClick={() => room.transfer.forget()} />
      </div>
    );
  }
}
