// Handing a call over to somebody else: what was asked and what came of it.

import { Features, type Call, type CallCommon, type Transfer } from '@trunkline/calling';

import { identifierOf } from '../identifiers';
import { Store } from '../store';
import { errorText, transferFailure } from '../words';

/** How far a transfer is; the call goes on unless it is `transferred`. */
export interface TransferView {
  readonly state: 'none' | 'transferring' | 'transferred' | 'failed';
  /** To whom. */
  readonly name: string;
  /** Why it failed, in words. */
  readonly why: string;
}

interface Handlers {
  onTransferred: (name: string) => void;
  /** This side was handed over: the call with whom it talks from here on. */
  onMoved: (call: CallCommon) => void;
}

/** The transfers of one call, one after another. */
export class TransferDesk {
  readonly store = new Store<TransferView>({ state: 'none', name: '', why: '' });
  private readonly call: Call;
  private readonly handlers: Handlers;
  private current: Transfer | undefined;

  constructor(call: Call, handlers: Handlers) {
    this.call = call;
    this.handlers = handlers;
    call.feature(Features.Transfer).on('transferAccepted', ({ targetCall }) => handlers.onMoved(targetCall));
  }

  /** Hands the call over. Whoever is waiting for one that is under way waits on. */
  transfer(rawId: string, name: string): void {
    if (this.store.get().state === 'transferring') return;
    try {
      const transfer = this.call.feature(Features.Transfer).transfer({ targetParticipant: identifierOf(rawId) as never });
      this.current = transfer;
      this.store.set({ state: 'transferring', name, why: '' });
      const look = () => { if (this.current === transfer) this.look(transfer, name); };
      transfer.on('stateChanged', look);
      look();
    } catch (error) {
      this.store.set({ state: 'failed', name, why: errorText(error) });
    }
  }

  /** Takes what came of a transfer off the page. */
  forget(): void {
    if (this.store.get().state !== 'transferring') this.store.set({ state: 'none', name: '', why: '' });
  }

  private look({ state, error }: Transfer, name: string): void {
    switch (state) {
      case 'None':
      case 'Transferring': break;
      case 'Failed': this.store.set({ state: 'failed', why: transferFailure(error) }); break;
      case 'Transferred':
        if (this.store.get().state === 'transferred') return;
        this.store.set({ state: 'transferred' });
        this.handlers.onTransferred(name);
        break;
    }
  }
}
