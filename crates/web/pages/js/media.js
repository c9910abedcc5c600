// This tab's microphone, camera and screen: asked for when first needed, and never again if given.

import { colorTrack, toneTrack } from './synthetic.js';
import { deviceText } from './words.js';

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const SCREEN = { frameRate: { ideal: 15, max: 30 } };

/** A device that could not be had, with words for the person. */
export class DeviceError extends Error {
  constructor(device, cause) {
    super(deviceText(device, cause), { cause });
    this.name = 'DeviceError';
    this.device = device;
  }
}

/** The media that this tab can send. Every track given out is the caller's to stop. */
export class LocalMedia {
  #parameters;
  #label;
  #microphone = null;

  constructor(parameters, label) {
    this.#parameters = parameters;
    this.#label = label;
  }

  /** A microphone track, or the synthetic tone. */
  async microphone() {
    if (this.#parameters.isSynthetic) return toneTrack(this.#parameters.tone ?? 440);
    if (this.#microphone?.readyState !== 'live') {
      const stream = await acquire('microphone', 'getUserMedia', { audio: MICROPHONE });
      [this.#microphone] = stream.getAudioTracks();
    }
    return this.#microphone.clone();
  }

  /** A camera track, or the synthetic picture. */
  async camera() {
    if (this.#parameters.isSynthetic) {
      return colorTrack({ color: this.#parameters.color ?? 'slategray', label: this.#label });
    }
    const stream = await acquire('camera', 'getUserMedia', { video: CAMERA });
    return stream.getVideoTracks()[0];
  }

  /** A screen track, or the synthetic one. */
  async screen() {
    if (this.#parameters.screen || this.#parameters.isSynthetic) {
      return colorTrack({
        color: this.#parameters.screen ?? 'green',
        label: `${this.#label}: screen`,
        width: 1280,
        height: 720,
        framesPerSecond: 10,
      });
    }
    const stream = await acquire('screen', 'getDisplayMedia', { video: SCREEN, audio: false });
    const [track] = stream.getVideoTracks();
    track.contentHint = 'detail';
    return track;
  }

  /** Lets the microphone go once no call uses it. */
  release() {
    this.#microphone?.stop();
    this.#microphone = null;
  }
}

async function acquire(device, method, constraints) {
  try {
    if (!navigator.mediaDevices?.[method]) throw new DOMException('no devices', 'NotSupportedError');
    return await navigator.mediaDevices[method](constraints);
  } catch (error) {
    throw new DeviceError(device, error);
  }
}
