// Who is meant: the raw id is the key everywhere in the app.

import type { CommunicationIdentifier } from '@trunkline/calling';

/** The raw id of an identifier that the calling package gave. */
export function rawIdOf(identifier: CommunicationIdentifier): string {
  if ('rawId' in identifier && identifier.rawId) return identifier.rawId;
  if ('communicationUserId' in identifier) return identifier.communicationUserId;
  if ('microsoftTeamsUserId' in identifier) return `8:orgid:${identifier.microsoftTeamsUserId}`;
  if ('phoneNumber' in identifier) return `4:${identifier.phoneNumber}`;
  if ('teamsAppId' in identifier) return `28:orgid:${identifier.teamsAppId}`;
  if ('id' in identifier) return identifier.id;
  return '';
}

/** The identifier of a raw id, for the calling package. */
export function identifierOf(rawId: string): CommunicationIdentifier {
  if (rawId.startsWith('8:orgid:')) return { microsoftTeamsUserId: rawId.slice('8:orgid:'.length), rawId };
  if (rawId.startsWith('4:')) return { phoneNumber: rawId.slice(2), rawId };
  if (rawId.startsWith('8:acs:')) return { communicationUserId: rawId };
  return { id: rawId };
}

/** Whether a directory vouches for this person. */
export function isDirectoryUser(rawId: string): boolean {
  return rawId.startsWith('8:orgid:');
}
