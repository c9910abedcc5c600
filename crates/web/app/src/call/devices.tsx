// Which devices there are, and choosing one.

import type { AudioDeviceInfo, DeviceManager, VideoDeviceInfo } from '@trunkline/calling';
import { useEffect, useState } from 'react';

import { text } from '../strings';
import { Field } from '../ui/parts';

interface Devices {
  readonly cameras: readonly VideoDeviceInfo[];
  readonly microphones: readonly AudioDeviceInfo[];
  readonly speakers: readonly AudioDeviceInfo[];
  readonly microphone: AudioDeviceInfo | undefined;
  readonly speaker: AudioDeviceInfo | undefined;
}

const CHOICES = ['selectedMicrophoneChanged', 'selectedSpeakerChanged'] as const;

/** The devices of this machine, as they come and go. */
export function useDevices(manager: DeviceManager): Devices {
  const [devices, setDevices] = useState<Devices>({ cameras: [], microphones: [], speakers: [], microphone: undefined, speaker: undefined });
  useEffect(() => {
    let isGone = false;
    const read = async () => {
      const [cameras, microphones, speakers] = await Promise.all([manager.getCameras(), manager.getMicrophones(), manager.getSpeakers()]);
      if (!isGone) setDevices({ cameras, microphones, speakers, microphone: manager.selectedMicrophone, speaker: manager.selectedSpeaker });
    };
    const changed = () => void read();
    changed();
    manager.on('videoDevicesUpdated', changed);
    manager.on('audioDevicesUpdated', changed);
    for (const event of CHOICES) manager.on(event, changed);
    return () => {
      isGone = true;
      manager.off('videoDevicesUpdated', changed);
      manager.off('audioDevicesUpdated', changed);
      for (const event of CHOICES) manager.off(event, changed);
    };
  }, [manager]);
  return devices;
}

interface PickerProps<Device> {
  label: string;
  devices: readonly Device[];
  chosen: string | undefined;
  onChoose: (device: Device) => void;
}

export function DevicePicker<Device extends { id: string; name: string }>({ label, devices, chosen, onChoose }: PickerProps<Device>) {
  return (
    <Field label={label}>
      <select value={devices.some(({ id }) => id === chosen) ? chosen : devices[0]?.id ?? ''} disabled={devices.length === 0}
        onChange={({ target }) => {
          const device = devices.find(({ id }) => id === target.value);
          if (device) onChoose(device);
        }}>
        {devices.length === 0 && <option value="">{text.preJoin.none}</option>}
        {devices.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
      </select>
    </Field>
  );
}
