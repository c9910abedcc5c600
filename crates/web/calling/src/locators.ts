// What can be joined, and how the exchange is asked for it.

import { wrongArgument } from './errors.js';
import type { CommandFields } from './session.js';
import type { CallLocator } from './types/values.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A locator that was read and found whole. */
export type ParsedLocator =
  | { kind: 'group'; groupId: string }
  | { kind: 'room'; roomId: string }
  | { kind: 'link'; link: string }
  | { kind: 'code'; meetingId: string; passcode: string }
  | { kind: 'coordinates'; threadId: string; organizerId: string; tenantId: string; messageId: string };

/** Reads a locator; throws with words when it names nothing. */
export function parseLocator(locator: CallLocator): ParsedLocator {
  if (typeof locator !== 'object' || locator === null) throw wrongArgument('a locator is missing');
  if ('groupId' in locator) {
    if (!UUID.test(locator.groupId)) throw wrongArgument('the group id is no UUID');
    return { kind: 'group', groupId: locator.groupId };
  }
  if ('roomId' in locator) {
    if (!/^\d{5,20}$/.test(locator.roomId)) throw wrongArgument('the room id is no number');
    return { kind: 'room', roomId: locator.roomId };
  }
  if ('meetingLink' in locator) {
    if (!URL.canParse(locator.meetingLink)) throw wrongArgument('Invalid meeting link');
    return { kind: 'link', link: locator.meetingLink };
  }
  if ('meetingId' in locator) {
    const meetingId = locator.meetingId.replaceAll(/\s/g, '');
    if (!/^\d{9,15}$/.test(meetingId)) throw wrongArgument('the meeting id is no number');
    return { kind: 'code', meetingId, passcode: locator.passcode ?? '' };
  }
  if ('threadId' in locator && locator.threadId && locator.organizerId && locator.tenantId && locator.messageId) {
    const { threadId, organizerId, tenantId, messageId } = locator;
    return { kind: 'coordinates', threadId, organizerId, tenantId, messageId };
  }
  throw wrongArgument('the locator names no group, room or meeting');
}

/** What to put into the request that joins. The one place to extend when the exchange learns a new way. */
export function joinFields(locator: ParsedLocator): Partial<CommandFields<'joinCall'>> {
  switch (locator.kind) {
    case 'group':
      return { groupId: locator.groupId };
    case 'room':
      return { roomId: locator.roomId };
    case 'link':
      return { meeting: { kind: { case: 'link', value: { joinLink: locator.link } } } };
    case 'code':
      return { meeting: { kind: { case: 'code', value: { meetingId: locator.meetingId, passcode: locator.passcode } } } };
    case 'coordinates': {
      const { threadId, organizerId, tenantId, messageId } = locator;
      return { meeting: { kind: { case: 'coordinates', value: { threadId, organizerId, tenantId, messageId } } } };
    }
  }
}
