// What this page receives from one participant, and from all together.

import { bindMethods, Emitter } from './emitter.js';
import { wrongState } from './errors.js';
import { StreamKind } from './gen/trunkline/calling/v1/calling_pb.js';
import type { RemoteAudioStream, RemoteVideoStream, Volume } from './types/objects.js';
import type { MediaStreamType, StreamSize } from './types/values.js';
import { VolumeImpl } from './volume.js';

/** Without a frame for this long nothing is received. */
const STALL_MS = 3_000;
/** How long a stream may take to be put on an m-line. */
const ATTACH_DEADLINE_MS = 10_000;

/** Who gives streams their m-lines. */
export interface Subscriptions {
  want(stream: RemoteVideoStreamImpl): void;
  release(stream: RemoteVideoStreamImpl): void;
}

let nextId = 1;

export class RemoteVideoStreamImpl extends Emitter implements RemoteVideoStream {
  readonly id = nextId++;
  readonly mediaStreamType: MediaStreamType;
  isAvailable = false;
  isReceiving = false;
  size: StreamSize = { width: 0, height: 0 };

  /** @internal Who sends it. */
  participantId: string;
  /** @internal */
  readonly kind: StreamKind;
  /** @internal Told of the MediaStream, or of `undefined` while there is none. */
  mediaListeners = new Set<(media: MediaStream | undefined) => void>();

  private readonly subscriptions: Subscriptions;
  private media: MediaStream | undefined;
  private viewers = 0;
  private isRead = false;
  private stallTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(kind: StreamKind.CAMERA | StreamKind.SCREEN, participantId: string, subscriptions: Subscriptions) {
    super();
    this.kind = kind;
    this.mediaStreamType = kind === StreamKind.SCREEN ? 'ScreenSharing' : 'Video';
    this.participantId = participantId;
    this.subscriptions = subscriptions;
    bindMethods(this);
  }

  /** Whoever reads it looks at it, once, until it is not available any more. */
  async getMediaStream(): Promise<MediaStream> {
    const media = await this.subscribe();
    if (this.isRead) this.unsubscribe();
    this.isRead = true;
    return media;
  }

  /** @internal Counts a viewer: the exchange sends what is looked at. Resolves once it is on an m-line. */
  subscribe(): Promise<MediaStream> {
    if (!this.isAvailable) return Promise.reject(wrongState('the stream is not available'));
    this.viewers += 1;
    if (this.viewers === 1) this.subscriptions.want(this);
    if (this.media) return Promise.resolve(this.media);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(undefined), ATTACH_DEADLINE_MS);
      const done = (media: MediaStream | undefined) => {
        clearTimeout(timer);
        this.mediaListeners.delete(done);
        if (media) {
          resolve(media);
        } else {
          this.unsubscribe();
          reject(wrongState('the stream is not received'));
        }
      };
      this.mediaListeners.add(done);
    });
  }

  /** @internal */
  unsubscribe(): void {
    if (this.viewers === 0) return;
    this.viewers -= 1;
    if (this.viewers === 0) this.subscriptions.release(this);
  }

  /** @internal */
  attach(media: MediaStream | undefined): void {
    if (media === this.media) return;
    this.media = media;
    if (!media) this.setReceiving(false);
    for (const listener of [...this.mediaListeners]) listener(media);
  }

  /** @internal A renderer drew a frame. */
  frameArrived(width: number, height: number): void {
    clearTimeout(this.stallTimer);
    this.stallTimer = setTimeout(() => this.setReceiving(false), STALL_MS);
    if (width > 0 && (width !== this.size.width || height !== this.size.height)) {
      this.size = { width, height };
      this.emit('sizeChanged');
    }
    this.setReceiving(true);
  }

  /** @internal */
  setAvailable(isAvailable: boolean): void {
    if (isAvailable === this.isAvailable) return;
    this.isAvailable = isAvailable;
    if (!isAvailable) {
      for (const listener of [...this.mediaListeners]) listener(undefined);
      this.media = undefined;
      if (this.isRead) this.unsubscribe();
      this.isRead = false;
    }
    this.emit('isAvailableChanged');
    if (!isAvailable) this.setReceiving(false);
  }

  private setReceiving(isReceiving: boolean): void {
    if (!isReceiving) clearTimeout(this.stallTimer);
    if (isReceiving === this.isReceiving) return;
    this.isReceiving = isReceiving;
    this.emit('isReceivingChanged');
  }
}

/** The voices of a call: the exchange sends the loudest ones, whoever they are. */
export class RemoteAudioStreamImpl implements RemoteAudioStream {
  private readonly media: MediaStream;

  constructor(tracks: MediaStreamTrack[]) {
    this.media = new MediaStream(tracks);
    bindMethods(this);
  }

  async getMediaStream(): Promise<MediaStream> {
    return this.media;
  }

  async getVolume(): Promise<Volume> {
    return new VolumeImpl(this.media);
  }
}
