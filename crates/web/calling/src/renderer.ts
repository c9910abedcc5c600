// Draws a stream into an element. A view that is made asks for the stream, one that is thrown away lets it go.

import { bindMethods } from './emitter.js';
import { wrongState } from './errors.js';
import { LocalVideoStream } from './local-streams.js';
import { RemoteVideoStreamImpl } from './remote-streams.js';
import type { RemoteVideoStream, RemoteVideoStreamCommon, VideoStreamRendererView } from './types/objects.js';
import type { CreateViewOptions, ScalingMode, StreamSize } from './types/values.js';

const OBJECT_FIT: Readonly<Record<ScalingMode, string>> = { Stretch: 'fill', Crop: 'cover', Fit: 'contain' };

class View implements VideoStreamRendererView {
  scalingMode: ScalingMode;
  isMirrored: boolean;
  readonly target: HTMLElement;
  /** @internal */
  readonly video: HTMLVideoElement;
  private readonly release: () => void;
  private isDisposed = false;

  constructor(options: CreateViewOptions, release: () => void) {
    this.scalingMode = options.scalingMode ?? 'Crop';
    this.isMirrored = options.isMirrored ?? false;
    this.release = release;
    this.video = document.createElement('video');
    Object.assign(this.video, { autoplay: true, playsInline: true, muted: true, disablePictureInPicture: true });
    Object.assign(this.video.style, {
      width: '100%', height: '100%', display: 'block', objectFit: OBJECT_FIT[this.scalingMode],
      transform: this.isMirrored ? 'scaleX(-1)' : '',
    });
    this.target = document.createElement('div');
    Object.assign(this.target.style, { width: '100%', height: '100%', position: 'relative' });
    this.target.append(this.video);
    bindMethods(this);
  }

  async updateScalingMode(scalingMode: ScalingMode): Promise<void> {
    this.scalingMode = scalingMode;
    this.video.style.objectFit = OBJECT_FIT[scalingMode];
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.video.srcObject = null;
    this.target.remove();
    this.release();
  }

  /** @internal */
  show(media: MediaStream | undefined): void {
    if (this.isDisposed) return;
    this.video.srcObject = media ?? null;
    if (media) void this.video.play().catch(() => {});
  }

  /** @internal Calls with the size of every frame that is drawn. */
  watchFrames(told: (width: number, height: number) => void): void {
    const { video } = this;
    const again = () => {
      if (this.isDisposed) return;
      told(video.videoWidth, video.videoHeight);
      video.requestVideoFrameCallback(again);
    };
    if ('requestVideoFrameCallback' in video) {
      video.requestVideoFrameCallback(again);
    } else {
      (video as HTMLVideoElement).addEventListener('timeupdate', () => told(this.video.videoWidth, this.video.videoHeight));
    }
  }
}

export class VideoStreamRenderer {
  size: StreamSize = { width: 0, height: 0 };
  private readonly stream: LocalVideoStream | RemoteVideoStreamImpl;
  private readonly views = new Set<View>();
  private isDisposed = false;

  constructor(stream: LocalVideoStream | RemoteVideoStream | RemoteVideoStreamCommon) {
    if (!(stream instanceof LocalVideoStream) && !(stream instanceof RemoteVideoStreamImpl)) {
      throw wrongState('only streams of this package can be rendered');
    }
    this.stream = stream;
    bindMethods(this);
  }

  async createView(options: CreateViewOptions = {}): Promise<VideoStreamRendererView> {
    if (this.isDisposed) throw wrongState('the renderer was disposed');
    const { stream } = this;
    const isLocal = stream instanceof LocalVideoStream;
    const media = await (isLocal ? stream.acquire() : stream.subscribe());
    const showOther = (next: MediaStream | undefined) => view.show(next);
    const view = new View(options, () => {
      this.views.delete(view);
      if (isLocal) {
        stream.release();
      } else {
        stream.mediaListeners.delete(showOther);
        stream.unsubscribe();
      }
    });
    if (this.isDisposed) {
      view.dispose();
      throw wrongState('the renderer was disposed');
    }
    this.views.add(view);
    if (!isLocal) stream.mediaListeners.add(showOther);
    view.watchFrames((width, height) => {
      if (width !== this.size.width || height !== this.size.height) this.size = { width, height };
      if (!isLocal) stream.frameArrived(width, height);
    });
    view.show(media);
    return view;
  }

  dispose(): void {
    this.isDisposed = true;
    for (const view of [...this.views]) view.dispose();
  }
}
