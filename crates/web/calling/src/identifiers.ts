// Identifiers: the raw id is the key everywhere; the rest of an identifier is read from it.

import { wrongArgument } from './errors.js';
import type { CommunicationIdentifier, CommunicationIdentifierKind } from './types/values.js';

const CLOUDS = { public: 'orgid', dod: 'dod', gcch: 'gcch' } as const;

/** Returns the raw id of an identifier, whether or not it says its kind. */
export function rawIdOf(identifier: CommunicationIdentifier | CommunicationIdentifierKind | string): string {
  if (typeof identifier === 'string') {
    if (identifier === '') throw wrongArgument('an identifier is empty');
    return identifier;
  }
  if (typeof identifier !== 'object' || identifier === null) throw wrongArgument('an identifier is missing');
  const given = (identifier as { rawId?: string }).rawId;
  if (given) return given;
  if ('communicationUserId' in identifier) return required(identifier.communicationUserId);
  if ('microsoftTeamsUserId' in identifier) {
    const id = required(identifier.microsoftTeamsUserId);
    if (id.startsWith('8:')) return id;
    return identifier.isAnonymous ? `8:teamsvisitor:${id}` : `8:${CLOUDS[identifier.cloud ?? 'public']}:${id}`;
  }
  if ('phoneNumber' in identifier) {
    const number = required(identifier.phoneNumber);
    return number.startsWith('4:') ? number : `4:${number}`;
  }
  if ('teamsAppId' in identifier) return `28:${CLOUDS[identifier.cloud ?? 'public']}:${required(identifier.teamsAppId)}`;
  if ('tenantId' in identifier && 'resourceId' in identifier) {
    return `8:acs:${required(identifier.resourceId)}_${required(identifier.tenantId)}_${required(identifier.userId)}`;
  }
  if ('id' in identifier) return required(identifier.id);
  throw wrongArgument('an identifier has none of the known properties');
}

/** Makes the whole identifier of a raw id. Always a new object: those who get it freeze it. */
export function identifierOf(rawId: string): CommunicationIdentifierKind {
  if (rawId.startsWith('4:')) return { kind: 'phoneNumber', phoneNumber: rawId.slice(2), rawId };
  const [realm, type, ...rest] = rawId.split(':');
  const id = rest.join(':');
  if (realm === '28' && id) {
    if (type === 'orgid') return { kind: 'microsoftTeamsApp', teamsAppId: id, cloud: 'public', rawId };
    if (type === 'dod' || type === 'gcch') return { kind: 'microsoftTeamsApp', teamsAppId: id, cloud: type, rawId };
  }
  if (realm === '8' && id) {
    switch (type) {
      case 'orgid':
        return { kind: 'microsoftTeamsUser', microsoftTeamsUserId: id, isAnonymous: false, cloud: 'public', rawId };
      case 'dod':
      case 'gcch':
        return { kind: 'microsoftTeamsUser', microsoftTeamsUserId: id, isAnonymous: false, cloud: type, rawId };
      case 'teamsvisitor':
        return { kind: 'microsoftTeamsUser', microsoftTeamsUserId: id, isAnonymous: true, rawId };
      case 'acs': {
        const [resourceId, tenantId, userId, more] = id.split('_');
        if (resourceId && tenantId && userId && more === undefined) {
          return { kind: 'teamsExtensionUser', userId, tenantId, resourceId, cloud: 'public', rawId };
        }
        return { kind: 'communicationUser', communicationUserId: rawId, rawId };
      }
      case 'spool':
      case 'dod-acs':
      case 'gcch-acs':
        return { kind: 'communicationUser', communicationUserId: rawId, rawId };
      default:
    }
  }
  return { kind: 'unknown', id: rawId, rawId };
}

function required(value: string | undefined): string {
  if (typeof value !== 'string' || value === '') throw wrongArgument('an identifier is empty');
  return value;
}
