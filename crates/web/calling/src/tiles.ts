// Which remote stream is on which receive m-line: what is looked at is asked for, and nothing else.

import { StreamKind, TrackRole } from './gen/trunkline/calling/v1/calling_pb.js';
import type { MediaAssignment } from './gen/trunkline/signaling/v1/signaling_service_pb.js';
import type { Receiver } from './peer.js';
import type { RemoteVideoStreamImpl, Subscriptions } from './remote-streams.js';

export interface Tile { mid: string; participantId: string; kind: StreamKind }

/** Gives streams their m-lines, in the order in which they were wanted. */
export class Tiles implements Subscriptions {
  readonly #places: { receiver: Receiver; stream: RemoteVideoStreamImpl | undefined }[];
  #waiting: RemoteVideoStreamImpl[] = [];
  readonly #choose: (tiles: Tile[]) => void;

  constructor(receivers: Receiver[], choose: (tiles: Tile[]) => void) {
    this.#places = receivers.map((receiver) => ({ receiver, stream: undefined }));
    this.#choose = choose;
  }

  /** Tells the exchange that nothing is looked at yet, and what is wanted already. */
  start(): void {
    this.#choose(this.#places.map(({ receiver: { mid }, stream }) => ({
      mid, participantId: stream?.participantId ?? '', kind: stream?.kind ?? StreamKind.CAMERA,
    })));
  }

  want(stream: RemoteVideoStreamImpl): void {
    const role = stream.kind === StreamKind.SCREEN ? TrackRole.RECEIVE_SCREEN : TrackRole.RECEIVE_VIDEO;
    const place = this.#places.find(({ receiver, stream: shown }) => receiver.role === role && !shown);
    if (!place) {
      this.#waiting.push(stream);
      return;
    }
    place.stream = stream;
    this.#choose([{ mid: place.receiver.mid, participantId: stream.participantId, kind: stream.kind }]);
  }

  release(stream: RemoteVideoStreamImpl): void {
    this.#waiting = this.#waiting.filter((other) => other !== stream);
    const place = this.#places.find(({ stream: shown }) => shown === stream);
    if (!place) return;
    place.stream = undefined;
    stream.attach(undefined);
    const index = this.#waiting.findIndex(({ kind }) => kind === stream.kind);
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    place.stream = next;
    this.#choose([{ mid: place.receiver.mid, participantId: next?.participantId ?? '', kind: stream.kind }]);
  }

  /** Takes the exchange's word for what is on an m-line. */
  assign(assignments: MediaAssignment[]): void {
    for (const { mid, participantId, kind } of assignments) {
      const place = this.#places.find(({ receiver }) => receiver.mid === mid);
      const stream = place?.stream;
      if (!stream) continue;
      const isShown = stream.participantId === participantId && stream.kind === kind;
      stream.attach(isShown ? place.receiver.stream : undefined);
    }
  }
}
