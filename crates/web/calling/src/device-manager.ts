// The devices of this machine: lists, choices, permission, and what comes and goes.

import { bindMethods, Emitter } from './emitter.js';
import { wrongArgument } from './errors.js';
import type { DeviceManager } from './types/objects.js';
import type {
  AudioDeviceInfo, DeviceAccess, PermissionConstraints, StartPreheatDeviceParameters, StopPreheatDeviceParameters,
  VideoDeviceInfo,
} from './types/values.js';

type Kind = 'camera' | 'microphone' | 'speaker';
type AnyDevice = AudioDeviceInfo | VideoDeviceInfo;

const KINDS: Readonly<Record<MediaDeviceKind, Kind>> = {
  videoinput: 'camera', audioinput: 'microphone', audiooutput: 'speaker',
};
/** Entries that stand for another entry of the list. */
const ALIASES: ReadonlySet<string> = new Set(['default', 'communications']);

/** The browser's id of a device; empty for what has none. */
export function browserId(device: { id: string }): string {
  return device.id.slice(device.id.indexOf(':') + 1);
}

export class DeviceManagerImpl extends Emitter implements DeviceManager {
  selectedMicrophone: AudioDeviceInfo | undefined;
  selectedSpeaker: AudioDeviceInfo | undefined;
  readonly isSpeakerSelectionAvailable: boolean;

  private cameras: VideoDeviceInfo[] = [];
  private microphones: AudioDeviceInfo[] = [];
  private speakers: AudioDeviceInfo[] = [];
  private reading: Promise<void> | undefined;
  private preheated: MediaStream | undefined;

  constructor() {
    super();
    this.isSpeakerSelectionAvailable = typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype;
    bindMethods(this);
    globalThis.navigator?.mediaDevices?.addEventListener?.('devicechange', () => void this.read());
  }

  async getCameras(): Promise<VideoDeviceInfo[]> {
    await this.read();
    return [...this.cameras];
  }

  async getMicrophones(): Promise<AudioDeviceInfo[]> {
    await this.read();
    return [...this.microphones];
  }

  async getSpeakers(): Promise<AudioDeviceInfo[]> {
    await this.read();
    return [...this.speakers];
  }

  async selectMicrophone(device: AudioDeviceInfo): Promise<void> {
    await this.read();
    const found = this.microphones.find(({ id }) => id === device?.id);
    if (!found) throw wrongArgument('there is no such microphone');
    this.choose('selectedMicrophone', found);
  }

  async selectSpeaker(device: AudioDeviceInfo): Promise<void> {
    await this.read();
    const found = this.speakers.find(({ id }) => id === device?.id);
    if (!found) throw wrongArgument('there is no such speaker');
    this.choose('selectedSpeaker', found);
  }

  /** Asks for each kind by itself, so that a machine without camera can still allow its microphone. */
  async askDevicePermission(constraints: PermissionConstraints): Promise<DeviceAccess> {
    const ask = async (wanted: boolean, query: MediaStreamConstraints) => {
      if (!wanted) return false;
      try {
        const stream = await navigator.mediaDevices.getUserMedia(query);
        for (const track of stream.getTracks()) track.stop();
        return true;
      } catch {
        return false;
      }
    };
    // Together first: one question to the person rather than two.
    const both = constraints.audio && constraints.video && await ask(true, { audio: true, video: true });
    const audio = both || await ask(constraints.audio, { audio: true });
    const video = both || await ask(constraints.video, { video: true });
    await this.read();
    return { audio, video };
  }

  async startPreheatDevices({ microphoneDevice }: StartPreheatDeviceParameters): Promise<void> {
    this.stopPreheatDevices({});
    const deviceId = microphoneDevice && browserId(microphoneDevice);
    this.preheated = await navigator.mediaDevices.getUserMedia({ audio: deviceId ? { deviceId } : true });
  }

  stopPreheatDevices(_parameters: StopPreheatDeviceParameters): void {
    for (const track of this.preheated?.getTracks() ?? []) track.stop();
    this.preheated = undefined;
  }

  /** @internal Reads the devices after they were used: names and ids are there only from then on. */
  refresh(): void {
    void this.read();
  }

  private read(): Promise<void> {
    this.reading ??= this.readOnce().finally(() => { this.reading = undefined; });
    return this.reading;
  }

  private async readOnce(): Promise<void> {
    const all = await globalThis.navigator?.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
    const cameras = all.filter(({ kind }) => kind === 'videoinput').map(cameraInfo).filter(isNamed);
    const microphones = audioInfos(all, 'audioinput');
    const speakers = audioInfos(all, 'audiooutput');
    const changes = {
      video: difference(this.cameras, cameras),
      audio: difference<AudioDeviceInfo>([...this.microphones, ...this.speakers], [...microphones, ...speakers]),
    };
    if (isChange(changes.video)) this.cameras = cameras;
    if (isChange(changes.audio)) {
      this.microphones = microphones;
      this.speakers = speakers;
    }
    this.choose('selectedMicrophone', stillThere(this.selectedMicrophone, this.microphones));
    this.choose('selectedSpeaker', this.isSpeakerSelectionAvailable ? stillThere(this.selectedSpeaker, this.speakers) : undefined);
    if (isChange(changes.video)) this.emit('videoDevicesUpdated', changes.video);
    if (isChange(changes.audio)) this.emit('audioDevicesUpdated', changes.audio);
  }

  private choose(which: 'selectedMicrophone' | 'selectedSpeaker', device: AudioDeviceInfo | undefined): void {
    const isSame = this[which]?.id === device?.id;
    this[which] = device;
    if (!isSame) this.emit(`${which}Changed`);
  }
}

function cameraInfo({ deviceId, label }: MediaDeviceInfo): VideoDeviceInfo {
  const isVirtual = /virtual|obs|fake/i.test(label);
  return { name: label, id: `camera:${deviceId}`, deviceType: isVirtual ? 'Virtual' : 'UsbCamera' };
}

/** The real devices of a kind; the browser's stand-in for the system's choice only marks one of them. */
function audioInfos(all: MediaDeviceInfo[], kind: 'audioinput' | 'audiooutput'): AudioDeviceInfo[] {
  const devices = all.filter((device) => device.kind === kind && device.deviceId !== '');
  const standIn = devices.find(({ deviceId }) => deviceId === 'default');
  const real = devices.filter(({ deviceId }) => !ALIASES.has(deviceId));
  const listed = real.length > 0 ? real : devices;
  const byDefault = listed.find(({ groupId, label }) => standIn !== undefined && groupId === standIn.groupId && standIn.label.endsWith(label))
    ?? listed.find(({ groupId }) => groupId === standIn?.groupId)
    ?? listed[0];
  return listed
    .map((device): AudioDeviceInfo => ({
      name: device.label,
      id: `${KINDS[kind]}:${device.deviceId}`,
      isSystemDefault: device === byDefault,
      deviceType: kind === 'audioinput' ? 'Microphone' : 'Speaker',
    }))
    .filter(isNamed);
}

function isNamed({ name, id }: AnyDevice): boolean {
  return name !== '' && !id.endsWith(':');
}

function stillThere(chosen: AudioDeviceInfo | undefined, devices: AudioDeviceInfo[]): AudioDeviceInfo | undefined {
  return devices.find(({ id }) => id === chosen?.id) ?? devices.find(({ isSystemDefault }) => isSystemDefault) ?? devices[0];
}

function difference<T extends AnyDevice>(before: T[], after: T[]): { added: T[]; removed: T[] } {
  const has = (list: T[], device: T) => list.some(({ id, name }) => id === device.id && name === device.name);
  return { added: after.filter((device) => !has(before, device)), removed: before.filter((device) => !has(after, device)) };
}

function isChange({ added, removed }: { added: unknown[]; removed: unknown[] }): boolean {
  return added.length > 0 || removed.length > 0;
}
