// The captions under the pictures, and the signs that a call is recorded.

import { useEffect, useState } from 'react';

import { useStore } from '../store';
import { text } from '../strings';
import { IconButton } from '../ui/parts';
import type { CaptionLine } from './captions';
import type { CallRoom } from './room';
import type { CallView } from './view';

/** That it is over needs no more than being read. */
const OVER_SHOWN_MS = 8_000;

/** The last lines; what is final is read out once, what still changes is only shown. */
export function CaptionsRegion({ room }: { room: CallRoom }) {
  const { isWanted, lines, why } = useStore(room.captions.store, (state) => state);
  if (!isWanted) return null;
  return (
    <section className="captions" aria-label={text.captions.title}>
      {(why || lines.length === 0) && <p className="captions-note" role="status">{why || text.captions.none}</p>}
      <div role="log" aria-label={text.captions.title} aria-live="polite">{lines.filter(({ isFinal }) => isFinal).map(line)}</div>
      <div aria-live="off">{lines.filter(({ isFinal }) => !isFinal).map(line)}</div>
    </section>
  );
}

function line({ key, name, words, isFinal }: CaptionLine) {
  return <p key={key} className={isFinal ? undefined : 'partial'}><b>{name}:</b> {words}</p>;
}

/** Stays for as long as the call is recorded or transcribed. */
export function RecordingSign({ view: { isRecorded, isTranscribed } }: { view: CallView }) {
  const words = recordingWords(isRecorded, isTranscribed).sign;
  return words ? <span className="recording-sign"><span className="recording-dot" aria-hidden="true" />{words}</span> : null;
}

/** Says once that it begins, and that it ended; who has read it takes it away. */
export function RecordingBanner({ view: { isRecorded, isTranscribed } }: { view: CallView }) {
  const [wasTold, setTold] = useState(false);
  const [isDismissed, setDismissed] = useState(false);
  const { banner } = recordingWords(isRecorded, isTranscribed);
  useEffect(() => {
    setDismissed(false);
    if (banner) {
      setTold(true);
      return undefined;
    }
    const timer = setTimeout(() => setDismissed(true), OVER_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [banner]);
  const words = banner || (wasTold ? text.recording.over : '');
  return (
    <div role="status" className={words && !isDismissed ? `banner ${banner ? 'bad' : 'plain'}` : undefined}>
      {words && !isDismissed && <><p>{words}</p><IconButton icon="close" size="small" label={text.close} onClick={() => setDismissed(true)} /></>}
    </div>
  );
}

function recordingWords(isRecorded: boolean, isTranscribed: boolean): { sign: string; banner: string } {
  const { signs, banners } = text.recording;
  if (isRecorded && isTranscribed) return { sign: signs.both, banner: banners.both };
  if (isRecorded) return { sign: signs.recorded, banner: banners.recorded };
  return isTranscribed ? { sign: signs.transcribed, banner: banners.transcribed } : { sign: '', banner: '' };
}
