// Plays the voices of a call: one hidden element for every receive m-line, on the chosen speaker.

import { browserId, type DeviceManagerImpl } from './device-manager.js';

type SinkElement = HTMLAudioElement & { setSinkId?(id: string): Promise<void> };

export class AudioOutput {
  private readonly elements: SinkElement[];
  private readonly devices: DeviceManagerImpl;
  private readonly speakerChanged = () => this.route();

  constructor(streams: MediaStream[], devices: DeviceManagerImpl) {
    this.devices = devices;
    this.elements = typeof document === 'undefined' ? [] : streams.map((stream) => {
      const element: SinkElement = document.createElement('audio');
      element.autoplay = true;
      element.hidden = true;
      element.srcObject = stream;
      document.body?.append(element);
      void element.play().catch(() => {});
      return element;
    });
    devices.on('selectedSpeakerChanged', this.speakerChanged);
    this.route();
  }

  setMuted(isMuted: boolean): void {
    for (const element of this.elements) element.muted = isMuted;
  }

  close(): void {
    this.devices.off('selectedSpeakerChanged', this.speakerChanged);
    for (const element of this.elements) {
      element.srcObject = null;
      element.remove();
    }
  }

  private route(): void {
    const speaker = this.devices.selectedSpeaker;
    if (!speaker) return;
    const id = speaker.isSystemDefault ? '' : browserId(speaker);
    for (const element of this.elements) void element.setSinkId?.(id).catch(() => {});
  }
}
