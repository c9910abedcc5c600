// The call on screen: pictures, controls, and one pane beside them.

import { useEffect, useState } from 'react';

import { addressOf } from '../routes';
import { useStore } from '../store';
import { listed, text } from '../strings';
import { Icon } from '../ui/icon';
import { Button, IconButton } from '../ui/parts';
import { clockText } from '../words';
import { Banners } from './banners';
import { calls, switchTo } from './calls';
import { CaptionsRegion, RecordingSign } from './captions-region';
import { Controls } from './controls';
import { isTyping } from './keys';
import { LobbyPage } from './lobby-page';
import { SidePane, type Pane } from './panes';
import type { CallRoom } from './room';
import { Stage, type Layout } from './stage';
import { TransferDialog } from './transfer-dialog';
import type { CallView } from './view';

export function CallPage() {
  const active = useStore(calls, (state) => state.active);
  return active ? <ActiveCall key={active.key} room={active} /> : null;
}

function ActiveCall({ room }: { room: CallRoom }) {
  const view = useStore(room.store, (state) => state);
  const [pane, setPane] = useState<Pane | undefined>(undefined);
  const [layout, setLayout] = useState<Layout>('gallery');
  const toggle = (wanted: Pane) => setPane((open) => (open === wanted ? undefined : wanted));
  const [isTransferOpen, setTransferOpen] = useState(false);
  const openTransfer = () => {
    room.transfer.forget();
    setTransferOpen(true);
  };
  useCallKeys(room, { toggle, openTransfer });
  if (view.state === 'InLobby') return <LobbyPage room={room} />;
  return (
    <div className={`call-page ${pane ? 'with-pane' : ''}`}>
      <header className="call-head">
        <a className="icon-button quiet" href={addressOf('calls')} aria-label={text.ended.back} title={text.ended.back}><Icon name="back" /></a>
        <div className="call-title">
          <h1>{titleOf(room, view)}</h1>
          <p className="quiet-words" role="status">{text.call.states[view.state]}</p>
        </div>
        <RecordingSign view={view} />
        <Duration since={view.connectedAt} />
        <OtherCalls room={room} />
        <div className="segments" role="group" aria-label={text.call.layout}>
          <IconButton icon="gallery" label={text.call.gallery} isPressed={layout === 'gallery'} onClick={() => setLayout('gallery')} />
          <IconButton icon="speaker" label={text.call.speaker} isPressed={layout === 'speaker'} onClick={() => setLayout('speaker')} />
        </div>
      </header>
      <div className="call-middle">
        <div className="call-stage">
          <Banners room={room} view={view} isTransferOpen={isTransferOpen} />
          <Stage view={view} layout={layout} name={room.purpose.name} />
          <CaptionsRegion room={room} />
        </div>
        {pane && <SidePane key={pane} pane={pane} room={room} view={view} onClose={() => setPane(undefined)} />}
      </div>
      <Controls room={room} view={view} pane={pane} onPane={toggle} onTransfer={openTransfer} />
      {isTransferOpen && <TransferDialog room={room} view={view} onClose={() => setTransferOpen(false)} />}
    </div>
  );
}

/** A call between people is named after whoever is in it; groups and meetings have a name of their own. */
function titleOf({ purpose }: CallRoom, { people }: CallView): string {
  if (purpose.kind !== 'people' || people.length === 0) return purpose.name || text.call.title;
  return listed(people.map(({ name }) => name));
}

function Duration({ since }: { since: number | undefined }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  if (since === undefined) return null;
  return <span className="duration" role="timer" aria-label={text.call.durationLabel}>{clockText(now - since)}</span>;
}

function OtherCalls({ room }: { room: CallRoom }) {
  const rooms = useStore(calls, (state) => state.rooms);
  return rooms.filter((other) => other !== room).map((other) => (
    <Button key={other.key} size="small" icon="calls" onClick={() => switchTo(other)}>{other.purpose.name}</Button>
  ));
}

function useCallKeys(room: CallRoom, { toggle, openTransfer }: { toggle: (pane: Pane) => void; openTransfer: () => void }): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === 'h') {
        event.preventDefault();
        void room.hangUp();
        return;
      }
      if (isTyping(event) || event.shiftKey || document.querySelector('dialog[open]')) return;
      const { can, isMeeting, state } = room.view;
      switch (event.key) {
        case 'm': void room.toggleMute(); break;
        case 'v': void room.toggleCamera(); break;
        case 's': void room.toggleShare(); break;
        case 'h': void room.toggleHold(); break;
        case 'r': if (can.raiseHand) void room.toggleHand(); break;
        case 'p': toggle('people'); break;
        case 'c': toggle('chat'); break;
        case 'l': room.captions.toggle(); break;
        case 't': if (!isMeeting && (state === 'Connected' || state === 'LocalHold')) openTransfer(); break;
        default: return;
      }
      event.preventDefault();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  });
}
