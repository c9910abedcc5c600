// Presence as it is drawn: a mark whose shape says as much as its colour, and words beside it.

import { session } from '../session/session';
import { useStore } from '../store';
import { text } from '../strings';
import { Menu } from '../ui/menu';
import { Avatar } from '../ui/parts';
import type { Availability } from '../wire/messages';
import { choosePresence, presence, presenceText, usePresence, type Choice } from './presence';

const CHOICES: readonly Choice[] = ['available', 'busy', 'doNotDisturb', 'beRightBack', 'away', 'offline'];

/** What is drawn on the mark, on a grid of 12; who is busy has it filled and nothing on it. */
const SIGNS: Readonly<Partial<Record<Availability, string>>> = {
  available: 'M3.5 6.2l1.7 1.7 3.3-3.6',
  away: 'M6 3.2V6l2 1.5',
  beRightBack: 'M6 3.2V6l2 1.5',
  doNotDisturb: 'M3.5 6h5',
  offline: 'M4.2 4.2l3.6 3.6M7.8 4.2L4.2 7.8',
};

/** The mark alone; what it means is said in words elsewhere. */
function Mark({ availability }: { availability: Availability }) {
  const sign = SIGNS[availability];
  return (
    <svg className={`presence-mark ${availability}`} viewBox="0 0 12 12" aria-hidden="true" focusable="false">
      <circle cx="6" cy="6" r="5.2" />
      {sign && <path d={sign} fill="none" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" />}
    </svg>
  );
}

/** The avatar of somebody with the mark of their presence. */
export function PresentAvatar({ name, rawId, size = 'normal' }: { name: string; rawId: string; size?: 'small' | 'normal' }) {
  const shown = usePresence(rawId);
  return (
    <span className="present">
      <Avatar name={name} rawId={rawId} size={size} />
      {shown && shown.availability !== 'unspecified' && <Mark availability={shown.availability} />}
    </span>
  );
}

/** The presence of somebody in words, after whatever else is said of them. */
export function PresenceWords({ rawId, after = '' }: { rawId: string; after?: string }) {
  const shown = usePresence(rawId);
  return <>{[after, shown && presenceText(shown)].filter(Boolean).join(' · ')}</>;
}

/** Oneself, with what one shows to others and a menu to choose it. */
export function OwnPresence() {
  const identity = useStore(session, (state) => state.identity);
  const problem = useStore(presence, (state) => state.problem);
  const rawId = identity?.rawId ?? '';
  const shown = usePresence(rawId);
  if (!identity) return null;
  const words = shown ? presenceText(shown) : '';
  const choices = CHOICES.map((choice) => ({
    key: choice, content: <><Mark availability={choice} />{choice === 'offline' ? text.presence.hide : text.presence.choices[choice]}</>,
    isChosen: shown?.availability === choice, onChoose: () => void choosePresence(choice),
  }));
  const reset = { key: 'reset', content: text.presence.reset, onChoose: () => void choosePresence(undefined) };
  return (
    <div className="self-place">
      <Menu className="self" label={text.presence.own(identity.displayName, words)} items={[...choices, reset]}>
        <PresentAvatar name={identity.displayName} rawId={rawId} size="small" />
        <span className="self-words"><span className="self-name">{identity.displayName}</span><span className="quiet-words">{words}</span></span>
      </Menu>
      <span className="hidden" role="status">{problem || text.presence.now(words)}</span>
    </div>
  );
}
