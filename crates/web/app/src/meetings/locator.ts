// What names a meeting: a join link, or twelve digits with a passcode.

import type { Purpose } from '../call/room';
import { text } from '../strings';

/** A meeting to join. */
export type MeetingPurpose = Extract<Purpose, { kind: 'meeting' }>;

const LINK_PATH = '/l/meetup-join/';

/** Reads what a person typed: what to join, or the words that say why nothing. */
export function readMeeting(typed: string, passcode: string): MeetingPurpose | { problem: string } {
  const trimmed = typed.trim();
  const digits = trimmed.replace(/[\s-]/g, '');
  if (/^\d{12}$/.test(digits)) {
    if (!passcode.trim()) return { problem: text.errors.passcodeMissing };
    return { kind: 'meeting', meetingId: digits, passcode: passcode.trim(), name: text.join.meeting };
  }
  if (!URL.canParse(trimmed)) return { problem: text.errors.noSuchMeeting };
  const url = new URL(trimmed);
  const context = url.searchParams.get('context');
  if (!url.pathname.includes(LINK_PATH) || context === null) return { problem: text.errors.noSuchMeeting };
  // Whatever else the address carries is for the page that it opens.
  const link = `${url.origin}${url.pathname}?context=${encodeURIComponent(context)}`;
  return { kind: 'meeting', link, name: text.join.meeting };
}

/** Whether what was typed wants a passcode beside it. */
export function wantsPasscode(typed: string): boolean {
  return /^[\d\s-]{4,}$/.test(typed.trim());
}
