// Whether one side is heard: what was asked for here, what the exchange thinks, and who changed it.

import type { CallImpl } from './call.js';
import type { Participant } from './gen/trunkline/calling/v1/calling_pb.js';

/** Keeps `isMuted` and the exchange's idea of it together. */
export class CallMute {
  readonly #call: CallImpl;
  #wireMuted = false;
  #expectedMutes = 0;
  #muting: Promise<unknown> = Promise.resolve();

  constructor(call: CallImpl) {
    this.#call = call;
  }

  /** What `mute` and `unmute` do. */
  async switch(isMuted: boolean): Promise<void> {
    this.#call.assertLive();
    if (isMuted) this.#call.gate(true);
    if (!isMuted && this.#call.media && this.#call.localAudioStreams.length === 0) await this.#call.streams.openMicrophone();
    await this.#call.begun;
    await this.push(isMuted);
    this.#setMuted(isMuted);
  }

  /** What the exchange says of this side. */
  takeOwn(own: Participant): void {
    const isChange = own.isMuted !== this.#wireMuted;
    this.#wireMuted = own.isMuted;
    if (isChange && this.#expectedMutes > 0) {
      this.#expectedMutes -= 1;
    } else if (isChange && own.isMuted !== this.#call.isMuted && this.#call.isInCall) {
      this.#setMuted(own.isMuted);
      if (own.isMuted) this.#call.emit('mutedByOthers');
    }
  }

  /** Who waited in a lobby was muted there: what was chosen before holds from here on, if it may. */
  async agree(): Promise<void> {
    try {
      await this.push(this.#call.isMuted);
    } catch {
      if (!this.#call.isOver) this.#setMuted(this.#wireMuted);
    }
  }

  /** Tells the exchange, one change after the other, unless it thinks so already. */
  push(isMuted: boolean): Promise<void> {
    const tell = async () => {
      if (this.#wireMuted === isMuted && this.#expectedMutes === 0) return;
      this.#expectedMutes += 1;
      try {
        await this.#call.command(isMuted ? 'mute' : 'unmute', {});
      } catch (error) {
        this.#expectedMutes = Math.max(0, this.#expectedMutes - 1);
        this.#call.gate(this.#call.isMuted);
        throw error;
      }
    };
    const next = this.#muting.then(tell);
    this.#muting = next.catch(() => {});
    return next;
  }

  /** Whether this side hears the others. */
  setIncomingMuted(isMuted: boolean): void {
    this.#call.media?.setIncomingMuted(isMuted);
    if (isMuted === this.#call.isIncomingAudioMuted) return;
    this.#call.isIncomingAudioMuted = isMuted;
    this.#call.emit('isIncomingAudioMutedChanged');
  }

  #setMuted(isMuted: boolean): void {
    const isChange = isMuted !== this.#call.isMuted;
    this.#call.isMuted = isMuted;
    this.#call.gate(isMuted);
    if (!isChange) return;
    this.#call.emit('isMutedChanged');
    this.#call.inner.emit('muted', isMuted);
  }
}
