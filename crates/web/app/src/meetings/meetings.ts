// Making, listing and reading meetings.

import type { Purpose } from '../call/room';
import { currentLine } from '../session/session';
import { unary } from '../wire/grpc';
import { act, createMeeting, getMeeting, listMeetings, timeOf, type WireMeeting } from '../wire/messages';

const PAGE_SIZE = 50;
const MOST_PAGES = 4;

/** A meeting, as far as a list or an invitation shows it. */
export interface MeetingDetails {
  readonly id: string;
  readonly subject: string;
  readonly joinLink: string;
  /** The twelve digits and the passcode; only hosts know them. */
  readonly meetingId: string;
  readonly passcode: string;
  readonly createdAt: number;
  readonly isLocked: boolean;
  readonly isRunning: boolean;
  readonly isOver: boolean;
}

/** Makes a meeting that begins at once. Those of the organization present; guests take part. */
export async function makeMeeting(subject: string): Promise<MeetingDetails> {
  const { meeting } = await unary(currentLine().credential, createMeeting, { subject, settings: { allowedPresenters: 'organization' } });
  return detailsOf(meeting);
}

/** The own meetings, newest first. */
export async function readOwnMeetings(): Promise<MeetingDetails[]> {
  const found: WireMeeting[] = [];
  let pageToken = '';
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await unary(currentLine().credential, listMeetings, { pageSize: PAGE_SIZE, pageToken });
    found.push(...answer.meetings);
    pageToken = answer.nextPageToken;
    if (!pageToken) break;
  }
  return found.map(detailsOf).reverse();
}

/** The meeting that a call is about. */
export async function readMeetingOf(purpose: Purpose): Promise<MeetingDetails | undefined> {
  if (purpose.kind !== 'meeting') return undefined;
  const { meeting } = await unary(currentLine().credential, getMeeting, { meeting: purpose.link ?? purpose.meetingId ?? '' });
  return detailsOf(meeting);
}

/** Lets nobody else come, or lets others come again. */
export async function setLocked(id: string, isLocked: boolean): Promise<MeetingDetails> {
  const action = isLocked ? { lock: {}, unlock: undefined } : { lock: undefined, unlock: {} };
  return detailsOf((await unary(currentLine().credential, act, { meeting: id, action })).meeting);
}

function detailsOf(meeting: WireMeeting | undefined): MeetingDetails {
  return {
    id: meeting?.meetingId ?? '',
    subject: meeting?.subject ?? '',
    joinLink: meeting?.joinLink ?? '',
    meetingId: meeting?.code?.meetingId ?? '',
    passcode: meeting?.code?.passcode ?? '',
    createdAt: timeOf(meeting?.createdAt) ?? 0,
    isLocked: meeting?.isLocked ?? false,
    isRunning: Boolean(meeting?.callId),
    isOver: meeting?.endReason !== undefined,
  };
}
