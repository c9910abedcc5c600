// What a call needs of the agent that it belongs to.

import type { CallImpl } from './call.js';
import type { DeviceManagerImpl } from './device-manager.js';
import type { CommandFields, Session } from './session.js';
import type { CommunicationIdentifier, IceServer } from './types/values.js';

/** What kind of request begins a call, and with what. */
export type Begin =
  | { kind: 'placeCall'; fields: Omit<CommandFields<'placeCall'>, 'media'> }
  | { kind: 'joinCall'; fields: Omit<CommandFields<'joinCall'>, 'media'> }
  | { kind: 'acceptCall'; fields: Omit<CommandFields<'acceptCall'>, 'media'> };

/** What a call needs of its agent. */
export interface CallHost {
  readonly session: Session;
  readonly devices: DeviceManagerImpl;
  readonly iceServers: IceServer[];
  readonly ownIdentifier: CommunicationIdentifier;
  handleBegun(call: CallImpl): void;
  handleEnded(call: CallImpl): void;
}
