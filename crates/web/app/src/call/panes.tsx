// The pane beside the pictures: people, chat, keypad, quality or devices.

import type { DtmfTone } from '@trunkline/calling';
import { useEffect, useRef, type ReactNode } from 'react';

import { CallChat } from '../chat/call-chat';
import { KEYS } from '../people/dial-pad';
import { currentLine } from '../session/session';
import { text } from '../strings';
import { IconButton } from '../ui/parts';
import { DevicePicker, useDevices } from './devices';
import { QualityPane } from './quality';
import type { CallRoom } from './room';
import { Roster } from './roster';
import type { CallView } from './view';


export type Pane = 'people' | 'chat' | 'keypad' | 'quality' | 'devices';

interface Props {
  pane: Pane;
  room: CallRoom;
  view: CallView;
  onClose: () => void;
}

export function SidePane({ pane, room, view, onClose }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    heading.current?.focus();
    return () => { if (before instanceof HTMLElement && before.isConnected) before.focus(); };
  }, []);
  return (
    <section className="side-pane" aria-labelledby="pane-title" onKeyDown={({ key }) => { if (key === 'Escape') onClose(); }}>
      <header className="pane-head">
        <h2 ref={heading} id="pane-title" tabIndex={-1}>{text.call[pane]}</h2>
        <IconButton icon="close" label={text.close} onClick={onClose} />
      </header>
      <div className="pane-body" role="group" aria-labelledby="pane-title" tabIndex={0}><PaneOf pane={pane} room={room} view={view} /></div>
    </section>
  );
}

function PaneOf({ pane, room, view }: Omit<Props, 'onClose'>): ReactNode {
  switch (pane) {
    case 'people': return <Roster room={room} view={view} />;
    case 'chat':
      return <CallChat threadId={view.threadId} people={view.people} />;
    case 'keypad': return <Keypad room={room} />;
    case 'quality': return <QualityPane room={room} view={view} />;
    case 'devices': return <Devices room={room} view={view} />;
  }
}

const TONES: Readonly<Record<string, DtmfTone>> = {
  '*': 'Star', '#': 'Pound', 0: 'Num0', 1: 'Num1', 2: 'Num2', 3: 'Num3', 4: 'Num4', 5: 'Num5', 6: 'Num6', 7: 'Num7', 8: 'Num8', 9: 'Num9',
};

function Keypad({ room }: { room: CallRoom }) {
  return (
    <div className="keys" role="group" aria-label={text.call.dtmf}>
      {KEYS.map(([key, letters]) => (
        <button key={key} type="button" className="key" onClick={() => { const tone = TONES[key]; if (tone) void room.sendTone(tone); }}>
          <span>{key}</span><span className="key-letters" aria-hidden="true">{letters}</span>
        </button>
      ))}
    </div>
  );
}

function Devices({ room, view }: { room: CallRoom; view: CallView }) {
  const { devices: manager } = currentLine();
  const devices = useDevices(manager);
  return (
    <div className="form">
      <DevicePicker label={text.preJoin.camera} devices={devices.cameras} chosen={view.camera?.source.id} onChoose={(device) => void room.chooseCamera(device)} />
      <DevicePicker label={text.preJoin.microphone} devices={devices.microphones} chosen={devices.microphone?.id} onChoose={(device) => void manager.selectMicrophone(device)} />
      {manager.isSpeakerSelectionAvailable && (
        <DevicePicker label={text.preJoin.speaker} devices={devices.speakers} chosen={devices.speaker?.id} onChoose={(device) => void manager.selectSpeaker(device)} />
      )}
      <p className="field-hint">{text.call.keys}</p>
    </div>
  );
}
