// A call that rings here.

import type { CallImpl } from './call.js';
import { CallInfoImpl } from './call-info.js';
import { bindMethods, Emitter } from './emitter.js';
import { wrongState } from './errors.js';
import type { IncomingCall as WireIncoming } from './gen/trunkline/calling/v1/calling_service_pb.js';
import { identifierOf } from './identifiers.js';
import type { IncomingCall, TeamsIncomingCall } from './types/objects.js';
import type { AcceptCallOptions } from './types/options.js';
import type { CallEndReason, CallerInfo, CustomContext, IncomingCallKind } from './types/values.js';

export interface IncomingHost {
  accept(incoming: IncomingCallImpl, options: AcceptCallOptions): Promise<CallImpl>;
  reject(incoming: IncomingCallImpl): Promise<void>;
}

export class IncomingCallImpl extends Emitter implements IncomingCall, TeamsIncomingCall {
  readonly kind: IncomingCallKind;
  readonly id: string;
  readonly callerInfo: CallerInfo;
  readonly transferorInfo: CallerInfo | undefined;
  readonly customContext: CustomContext | undefined;
  readonly info: CallInfoImpl;
  callEndReason: CallEndReason | undefined;

  private readonly host: IncomingHost;
  private isAnswered = false;

  constructor(host: IncomingHost, kind: IncomingCallKind, wire: WireIncoming) {
    super();
    this.host = host;
    this.kind = kind;
    this.id = wire.callId;
    const rawId = wire.caller?.rawId ?? '';
    const displayName = wire.callerDisplayName;
    this.callerInfo = { identifier: rawId ? identifierOf(rawId) : undefined, ...(displayName && { displayName }) };
    this.info = new CallInfoImpl(async () => this.id);
    this.info.participantId = wire.participantId;
    this.info.threadId = wire.threadId || undefined;
    bindMethods(this);
  }

  async accept(options?: AcceptCallOptions): Promise<CallImpl> {
    this.take();
    return this.host.accept(this, options ?? {});
  }

  async reject(): Promise<void> {
    this.take();
    await this.host.reject(this);
    this.end({ code: 603, subCode: 0, message: 'declined here', resultCategories: ['Success'] });
  }

  /** @internal It rings no more, or the call that was accepted here is over. */
  end(reason: CallEndReason): void {
    if (this.callEndReason) return;
    this.isAnswered = true;
    this.callEndReason = reason;
    this.emit('callEnded', { callEndReason: reason, ...reason });
  }

  private take(): void {
    if (this.isAnswered) throw wrongState('the call does not ring any more');
    this.isAnswered = true;
  }
}
