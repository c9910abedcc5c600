// A value to copy.

import { useState } from 'react';

import { text } from '../strings';
import { IconButton } from './parts';

const SHOWN_MS = 2_000;

export function CopyLine({ label, value }: { label: string; value: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(value);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <p className="copy-line">
      <span className="quiet-words">{label}</span>
      <code>{value}</code>
      <IconButton icon={isCopied ? 'accept' : 'copy'} size="small" label={isCopied ? text.copied : `${text.copy}: ${label}`} onClick={() => void copy()} />
    </p>
  );
}
