// Values in words: durations, times, reasons, errors, initials.

import { categoryHeadlines, headlines, messages, text } from './strings';

/** `1:05`, or `1:02:05`. */
export function clockText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
  const hours = Math.floor(seconds / 3600);
  if (hours > 0) parts.unshift(hours);
  return parts.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** The time of day. */
export function timeOfDay(time: number, { withSeconds = false } = {}): string {
  return new Date(time).toLocaleTimeString(undefined, {
    hour: '2-digit', minute: '2-digit', hour12: false, ...(withSeconds && { second: '2-digit' }),
  });
}

/** The time of today, or the day. */
export function shortTime(time: number, now = new Date()): string {
  const then = new Date(time);
  return then.toDateString() === now.toDateString() ? timeOfDay(time)
    : then.toLocaleDateString(undefined, { day: 'numeric', month: 'short' });
}

/** `Today`, `Yesterday`, or the date. */
export function dayText(time: number, now = new Date()): string {
  const day = new Date(time).toDateString();
  if (day === now.toDateString()) return text.chat.today;
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (day === yesterday.toDateString()) return text.chat.yesterday;
  return new Date(time).toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
}

/** Why something ended. */
export interface Reason {
  readonly code: number;
  readonly subCode?: number | undefined;
  readonly message?: string | undefined;
  readonly resultCategories?: readonly string[] | undefined;
}

/** `487/10003`. */
export function reasonCode({ code, subCode = 0 }: Reason): string {
  return `${code}/${subCode}`;
}

/** The short title of a reason. */
export function reasonHeadline(reason: Reason): string {
  return headlines[reasonCode(reason)] ?? categoryHeadlines[reason.resultCategories?.[0] ?? ''] ?? text.ended.fallback;
}

/** Why a transfer failed, in a sentence; one without a reason says that. */
export function transferFailure(error: { readonly code: number; readonly subCode?: number } | undefined): string {
  if (!error) return text.transfer.unknown;
  const { byReason, byCode, other } = text.transfer;
  return byReason[reasonCode(error)] ?? byCode[error.code] ?? other(reasonCode(error));
}

/** The sentence of a reason. */
export function reasonSentence({ message }: Reason): string {
  return message ? sentence(message) : text.ended.fallback;
}

/** One sentence for whatever was thrown. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  return sentence(messages[message] ?? (message || text.errors.unknown));
}

function sentence(words: string): string {
  const trimmed = words.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/** Initials for an avatar. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = [...(words[0] ?? '?')][0] ?? '?';
  const last = words.length > 1 ? [...(words.at(-1) ?? '')][0] ?? '' : '';
  return (first + last).toUpperCase();
}

/** One of twelve hues, always the same for the same person. */
export function hueOf(key: string): number {
  let hash = 7;
  for (const character of key) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return hash % 12;
}

/** `655 239 670 094`. */
export function groupedDigits(digits: string): string {
  return digits.replace(/(\d{3})(?=\d)/g, '$1 ');
}
