// One picture with what is to be known of whom it shows.

import type { LocalVideoStream, Reaction, RemoteVideoStream } from '@trunkline/calling';

import { text } from '../strings';
import { Icon } from '../ui/icon';
import { Avatar } from '../ui/parts';
import { Video } from './video';

/** What a tile shows. */
export interface TileOf {
  key: string;
  rawId: string;
  name: string;
  /** Whose initials stand for the picture, where the name is none. */
  initialsOf?: string | undefined;
  camera: LocalVideoStream | RemoteVideoStream | undefined;
  isScreen?: boolean;
  isOwn: boolean;
  isMuted: boolean;
  isHeld: boolean;
  isRinging: boolean;
  isSpeaking: boolean;
  handPlace: number;
  reaction: Reaction | undefined;
}

export function Tile({ tile, isLarge = false }: { tile: TileOf; isLarge?: boolean }) {
  const { rawId, name, initialsOf, camera, isScreen = false, isOwn, isMuted, isHeld, isRinging, isSpeaking, handPlace, reaction } = tile;
  const classes = ['tile', isSpeaking && 'speaking', isScreen && 'screen', isHeld && 'held', isRinging && 'ringing', isLarge && 'large'];
  return (
    <figure className={classes.filter(Boolean).join(' ')}>
      {camera ? <Video stream={camera} isMirrored={isOwn} isWhole={isScreen || isLarge} />
        : <div className="tile-empty"><Avatar name={initialsOf ?? name} rawId={rawId} size="large" /></div>}
      <figcaption className="tile-caption">
        {isMuted && <span className="tile-flag" title={text.call.muted}><Icon name="micOff" /><span className="hidden">{text.call.muted}</span></span>}
        {isHeld && <span className="tile-flag" title={text.call.held}><Icon name="hold" /><span className="hidden">{text.call.held}</span></span>}
        <span className="tile-name">{name}</span>
        {isRinging && <span className="tile-note">{text.call.states.Ringing}</span>}
      </figcaption>
      {handPlace > 0 && <span className="tile-hand" title={text.call.handUp(handPlace)}><Icon name="hand" /><span className="hidden">{text.call.handUp(handPlace)}</span></span>}
      {reaction && <span className="tile-reaction" title={text.call.reactions[reaction]}><Icon name={reaction} /><span className="hidden">{text.call.reactions[reaction]}</span></span>}
    </figure>
  );
}
