// The pictures of a call: all alike in a gallery, or one large with the others beside it.

import { useLayoutEffect, useRef, useState, type RefObject } from 'react';

import { session } from '../session/session';
import { useStore } from '../store';
import { text } from '../strings';
import { Tile, type TileOf } from './tile';
import { isInCall, isRinging, type CallView } from './view';

export type Layout = 'gallery' | 'speaker';

const RATIO = 16 / 9;
const GAP_PX = 10;

export function Stage({ view, layout, name }: { view: CallView; layout: Layout; name: string }) {
  const identity = useStore(session, (state) => state.identity);
  const speaker = useSpeaker(view);
  const own: TileOf = {
    key: 'self', rawId: identity?.rawId ?? '', name: text.you, initialsOf: identity?.displayName, camera: view.camera, isOwn: true, isMuted: view.isMuted, isHeld: view.state === 'LocalHold',
    isSpeaking: false, handPlace: view.handPlace, reaction: view.reaction, isRinging: false,
  };
  const others: TileOf[] = view.people.filter((person) => isInCall(person) || isRinging(person)).map((person) => ({
    key: person.key, rawId: person.rawId, name: person.name, camera: person.camera, isOwn: false, isMuted: person.isMuted, isHeld: person.state === 'Hold',
    isSpeaking: person.isSpeaking, handPlace: person.handPlace, reaction: person.reaction, isRinging: isRinging(person),
  }));
  const sharer = view.people.find(({ screen }) => screen);
  const spotlit = view.people.filter(({ isSpotlighted }) => isSpotlighted).map(({ key }) => key);
  const screen: TileOf | undefined = sharer && {
    key: 'screen', rawId: sharer.rawId, name: text.call.shares(sharer.name), camera: sharer.screen, isScreen: true, isOwn: false, isMuted: false, isHeld: false,
    isSpeaking: false, handPlace: 0, reaction: undefined, isRinging: false,
  };
  const large = screen ?? (spotlit.length > 0 ? others.find(({ key }) => key === spotlit[0]) : undefined)
    ?? (layout === 'speaker' ? others.find(({ key }) => key === speaker) ?? others[0] : undefined);
  const rest = [...others, own].filter((tile) => tile !== large);
  const gallery = useRef<HTMLDivElement>(null);
  const size = useTileSize(gallery, rest.length, large === undefined);
  return (
    <section className={`stage ${large ? 'with-large' : ''}`} aria-label={text.call.stage}>
      {large && <div className="stage-large"><Tile tile={large} isLarge /></div>}
      <div ref={gallery} className={large ? 'stage-strip' : 'stage-gallery'} style={large ? undefined : size}
        role={large && 'group'} aria-label={large && text.call.people} tabIndex={large && 0}>
        {rest.map((tile) => <Tile key={tile.key} tile={tile} />)}
      </div>
      {others.length === 0 && (
        <p className="stage-alone" role="status">{view.state === 'Connected' || name === '' ? text.call.alone : text.call.waitingFor(name)}</p>
      )}
    </section>
  );
}

/** Who spoke last: a picture does not jump back while everybody is silent. */
function useSpeaker(view: CallView): string | undefined {
  const last = useRef<string | undefined>(undefined);
  const speaking = view.people.filter((person) => person.isSpeaking && isInCall(person)).map(({ key }) => key);
  if (speaking.length > 0 && !speaking.includes(last.current ?? '')) last.current = speaking[0];
  return last.current;
}

/** The largest size at which so many pictures of one shape fit into the place. */
function useTileSize(place: RefObject<HTMLElement>, count: number, isWanted: boolean): Record<string, string> {
  const [box, setBox] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = place.current;
    if (!element || !isWanted) return undefined;
    const measure = () => setBox({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [place, isWanted]);
  if (count === 0 || box.width === 0) return {};
  let best = 0;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const byWidth = (box.width - GAP_PX * (columns - 1)) / columns;
    const byHeight = ((box.height - GAP_PX * (rows - 1)) / rows) * RATIO;
    best = Math.max(best, Math.min(byWidth, byHeight));
  }
  return { '--tile-width': `${Math.floor(best)}px` };
}
