// What is known of a call besides its people: its ids, its thread, its group.

import { bindMethods, Emitter } from './emitter.js';
import type { CallInfo } from './types/objects.js';

export class CallInfoImpl extends Emitter implements CallInfo {
  threadId: string | undefined;
  groupId: string | undefined;
  participantId = '';
  private readonly serverCallId: () => Promise<string>;

  constructor(serverCallId: () => Promise<string>) {
    super();
    this.serverCallId = serverCallId;
    bindMethods(this);
  }

  getServerCallId(): Promise<string> {
    return this.serverCallId();
  }

  onCallInfoChanged(event: 'callInfoChanged', listener: () => void): void {
    this.on(event, listener);
  }

  offCallInfoChanged(event: 'callInfoChanged', listener: () => void): void {
    this.off(event, listener);
  }

  /** @internal */
  update(values: Partial<Pick<CallInfoImpl, 'threadId' | 'groupId' | 'participantId'>>): void {
    const isChange = Object.entries(values).some(([name, value]) => value && this[name as 'threadId'] !== value);
    if (!isChange) return;
    for (const [name, value] of Object.entries(values)) if (value) this[name as 'threadId'] = value;
    this.emit('callInfoChanged');
  }
}
