// The states of a call as the API names them.

import { CallState as WireState } from './gen/trunkline/calling/v1/calling_pb.js';
import type { CallState } from './types/values.js';

/** The API's name for each state of the exchange. */
export const STATES: Readonly<Record<WireState, CallState>> = {
  [WireState.UNSPECIFIED]: 'None',
  [WireState.NONE]: 'None',
  [WireState.CONNECTING]: 'Connecting',
  [WireState.RINGING]: 'Ringing',
  [WireState.EARLY_MEDIA]: 'EarlyMedia',
  [WireState.CONNECTED]: 'Connected',
  [WireState.LOCAL_HOLD]: 'LocalHold',
  [WireState.REMOTE_HOLD]: 'RemoteHold',
  [WireState.IN_LOBBY]: 'InLobby',
  [WireState.DISCONNECTING]: 'Disconnecting',
  [WireState.DISCONNECTED]: 'Disconnected',
};
/** No media flows. */
export const HELD: ReadonlySet<CallState> = new Set(['LocalHold', 'RemoteHold']);
/** Was let in and did not leave. */
export const IN_CALL: ReadonlySet<CallState> = new Set(['Connected', 'LocalHold', 'RemoteHold']);
