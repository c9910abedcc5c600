// How a call ended, in words.

import { useEffect, useRef } from 'react';

import { useStore } from '../store';
import { text } from '../strings';
import { Button } from '../ui/parts';
import { clockText, reasonCode, reasonHeadline, reasonSentence } from '../words';
import { again, calls, dismissEnded } from './calls';

export function EndedPage() {
  const ended = useStore(calls, (state) => state.ended);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => { heading.current?.focus(); }, [ended]);
  if (!ended) return null;
  const { purpose, reason, lastedMs } = ended;
  return (
    <div className="page ended">
      <div className="panel ended-card">
        <h1 ref={heading} tabIndex={-1}>{reasonHeadline(reason)}</h1>
        <p className="ended-who">{purpose.name}</p>
        <p>{reasonSentence(reason)}{lastedMs !== undefined && ` ${text.ended.lasted(clockText(lastedMs))}`}</p>
        <p className="quiet-words">{text.ended.code} <code>{reasonCode(reason)}</code></p>
        <div className="ended-actions">
          <Button onClick={dismissEnded}>{text.ended.back}</Button>
          {(purpose.kind !== 'people' || purpose.rawIds.length > 0) && (
            <Button kind="primary" icon={purpose.kind === 'people' ? 'calls' : 'join'} onClick={() => again(purpose)}>
              {purpose.kind === 'people' ? text.ended.again : text.ended.rejoin}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}
