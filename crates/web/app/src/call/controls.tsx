// The row of controls under the pictures.

import type { Reaction } from '@trunkline/calling';
import { useEffect, useRef, useState } from 'react';

import { useStore } from '../store';
import { text } from '../strings';
import { Icon, type IconName } from '../ui/icon';
import type { Pane } from './panes';
import type { CallRoom } from './room';
import type { CallView } from './view';

interface Props {
  room: CallRoom;
  view: CallView;
  pane: Pane | undefined;
  onPane: (pane: Pane) => void;
  onTransfer: () => void;
}

const REACTIONS: readonly Reaction[] = ['like', 'heart', 'applause', 'laugh', 'surprised'];

export function Controls({ room, view, pane, onPane, onTransfer }: Props) {
  const { isMuted, camera, isSharing, state, handPlace, can, waiting } = view;
  const hasCaptions = useStore(room.captions.store, (captions) => captions.isWanted);
  const isHeld = state === 'LocalHold';
  const isUp = state === 'Connected' || state === 'LocalHold' || state === 'RemoteHold';
  const someoneWaits = can.manageLobby && waiting.length > 0;
  return (
    <div className="controls" role="toolbar" aria-label={text.call.controls}>
      <div className="controls-group">
        <Control icon={isMuted ? 'micOff' : 'mic'} name={isMuted ? text.call.unmute : text.call.mute} isOff={isMuted}
          isDisabled={!isUp || (isMuted && !can.unmuteMic)} onPress={() => void room.toggleMute()} keys="m" />
        <Control icon={camera ? 'camera' : 'cameraOff'} name={camera ? text.call.cameraOff : text.call.cameraOn} short={text.call.camera} isOff={!camera}
          isDisabled={!isUp || (!camera && !can.turnVideoOn)} onPress={() => void room.toggleCamera()} keys="v" />
        <Control icon="screen" name={isSharing ? text.call.shareOff : text.call.shareOn} short={text.call.share} isOn={isSharing}
          isDisabled={!isUp || (!isSharing && !can.shareScreen)} onPress={() => void room.toggleShare()} keys="s" />
        <Control icon={isHeld ? 'play' : 'hold'} name={isHeld ? text.call.resume : text.call.hold} isOn={isHeld} isDisabled={!isUp}
          onPress={() => void room.toggleHold()} keys="h" />
      </div>
      <div className="controls-group">
        {can.raiseHand && (
          <Control icon="hand" name={handPlace > 0 ? text.call.lowerHand : text.call.raiseHand} short={text.call.hand} isOn={handPlace > 0} isDisabled={!isUp}
            onPress={() => void room.toggleHand()} keys="r" />
        )}
        {can.useReactions && <ReactionMenu room={room} />}
        {!view.isMeeting && <Control icon="transfer" name={text.transfer.open} isDisabled={!isUp} onPress={onTransfer} keys="t" />}
        <Control icon="people" name={text.call.people} isOn={pane === 'people'} badge={someoneWaits ? waiting.length : 0} onPress={() => onPane('people')} keys="p" />
        <Control icon="chat" name={text.call.chat} isOn={pane === 'chat'} onPress={() => onPane('chat')} keys="c" />
        <Control icon="captions" name={hasCaptions ? text.captions.off : text.captions.on} short={text.captions.title} isOn={hasCaptions} onPress={() => room.captions.toggle()} keys="l" />
        <Control icon="keypad" name={text.call.keypad} isOn={pane === 'keypad'} onPress={() => onPane('keypad')} />
        <Control icon="quality" name={text.call.quality} isOn={pane === 'quality'} onPress={() => onPane('quality')} />
        <Control icon="devices" name={text.call.devices} isOn={pane === 'devices'} onPress={() => onPane('devices')} />
      </div>
      <div className="controls-group">
        {view.isMeeting && can.hangUpForEveryOne && (
          <Control icon="close" name={text.call.endForAll} isDisabled={!isUp} onPress={() => void room.hangUp(true)} />
        )}
        <Control icon="end" name={text.call.hangUp} isEnd onPress={() => void room.hangUp()} keys="Control+Shift+h" />
      </div>
    </div>
  );
}

interface ControlProps {
  icon: IconName;
  name: string;
  short?: string;
  keys?: string;
  isOn?: boolean;
  isOff?: boolean;
  isEnd?: boolean;
  isDisabled?: boolean;
  badge?: number;
  onPress: () => void;
}

function Control({ icon, name, short, keys, isOn, isOff = false, isEnd = false, isDisabled = false, badge = 0, onPress }: ControlProps) {
  const classes = ['control', isOn && 'on', isOff && 'off', isEnd && 'end'].filter(Boolean).join(' ');
  return (
    <button type="button" className={classes} aria-label={name} title={keys ? `${name} (${keys})` : name} aria-keyshortcuts={keys} aria-pressed={isOn}
      disabled={isDisabled} onClick={onPress}>
      <Icon name={icon} />
      <span className="control-name" aria-hidden="true">{short ?? name}</span>
      {badge > 0 && <span className="count" aria-hidden="true">{badge}</span>}
    </button>
  );
}

function ReactionMenu({ room }: { room: CallRoom }) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const leave = (event: Event) => {
      const isEscape = event instanceof KeyboardEvent && event.key === 'Escape';
      const isOutside = event.type === 'pointerdown' && !place.current?.contains(event.target as Node);
      if (isEscape || isOutside) setOpen(false);
    };
    document.addEventListener('keydown', leave);
    document.addEventListener('pointerdown', leave);
    place.current?.querySelector<HTMLButtonElement>('.reaction-row button')?.focus();
    return () => {
      document.removeEventListener('keydown', leave);
      document.removeEventListener('pointerdown', leave);
    };
  }, [isOpen]);
  return (
    <div ref={place} className="controls-group">
      <button type="button" className={`control ${isOpen ? 'on' : ''}`} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name="like" /><span className="control-name">{text.call.react}</span>
      </button>
      {isOpen && (
        <div className="reaction-row" role="group" aria-label={text.call.react}>
          {REACTIONS.map((reaction) => (
            <button key={reaction} type="button" className="icon-button quiet normal" aria-label={text.call.reactions[reaction]} title={text.call.reactions[reaction]}
              onClick={() => { void room.react(reaction); setOpen(false); }}>
              <Icon name={reaction} />
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
