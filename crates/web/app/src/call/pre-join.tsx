// Before joining: how one looks and sounds, and which devices are used.

import { LocalAudioStream, LocalVideoStream, type AudioDeviceInfo, type VideoDeviceInfo, type Volume } from '@trunkline/calling';
import { useEffect, useRef, useState } from 'react';

import { currentLine } from '../session/session';
import { text } from '../strings';
import { Icon } from '../ui/icon';
import { Avatar, Button, IconButton, Note } from '../ui/parts';
import { begin } from './calls';
import { DevicePicker, useDevices } from './devices';
import type { Purpose } from './room';
import { Video } from './video';

const ANY_CAMERA: VideoDeviceInfo = { name: '', id: 'camera:', deviceType: 'Unknown' };
const ANY_MICROPHONE: AudioDeviceInfo = { name: '', id: 'microphone:', isSystemDefault: true, deviceType: 'Microphone' };

export function PreJoin({ about }: { about: Purpose }) {
  const { identity, devices: manager } = currentLine();
  const devices = useDevices(manager);
  const [camera, setCamera] = useState<LocalVideoStream | undefined>(() => new LocalVideoStream(ANY_CAMERA));
  const [hasCameraFailed, setCameraFailed] = useState(false);
  const [isMuted, setMuted] = useState(false);
  const [microphone] = useState(() => new LocalAudioStream(ANY_MICROPHONE));
  const level = useLevel(microphone);
  const turnCamera = () => {
    setCameraFailed(false);
    setCamera(camera ? undefined : new LocalVideoStream(devices.cameras[0] ?? ANY_CAMERA));
  };
  const failed = () => {
    setCamera(undefined);
    setCameraFailed(true);
  };
  const isJoining = useRef(false);
  useEffect(() => () => { if (!isJoining.current) microphone.dispose(); }, [microphone]);
  const join = () => {
    isJoining.current = true;
    begin(about, { camera, microphone, isMuted });
  };
  return (
    <div className="page pre-join">
      <header className="page-head"><h1>{text.preJoin.title}</h1><p className="quiet-words">{about.name}</p></header>
      <div className="pre-join-columns">
        <div className="preview">
          {camera ? <Video stream={camera} isMirrored onFailed={failed} />
            : <div className="preview-off"><Avatar name={identity.displayName} rawId={identity.rawId} size="large" /><p>{hasCameraFailed ? text.preJoin.cameraFailed : text.preJoin.cameraOff}</p></div>}
          <div className="preview-controls">
            <IconButton icon={isMuted ? 'micOff' : 'mic'} kind={isMuted ? 'bad' : 'plain'} label={text.preJoin.microphoneOn} isPressed={!isMuted} onClick={() => setMuted(!isMuted)} />
            <IconButton icon={camera ? 'camera' : 'cameraOff'} kind={camera ? 'plain' : 'bad'} label={text.preJoin.cameraOn} isPressed={camera !== undefined} onClick={turnCamera} />
          </div>
        </div>
        <div className="panel pre-join-side">
          <DevicePicker label={text.preJoin.camera} devices={devices.cameras} chosen={camera?.source.id}
            onChoose={(device) => setCamera(new LocalVideoStream(device))} />
          <DevicePicker label={text.preJoin.microphone} devices={devices.microphones} chosen={devices.microphone?.id}
            onChoose={(device) => void manager.selectMicrophone(device).then(() => microphone.switchSource(device))} />
          <div className="meter-line">
            <Icon name="mic" />
            <meter aria-label={text.preJoin.level} min={0} max={100} value={isMuted ? 0 : level.value}>{level.value}</meter>
          </div>
          {level.hasFailed && <Note>{text.preJoin.microphoneFailed}</Note>}
          {manager.isSpeakerSelectionAvailable && (
            <DevicePicker label={text.preJoin.speaker} devices={devices.speakers} chosen={devices.speaker?.id} onChoose={(device) => void manager.selectSpeaker(device)} />
          )}
          <Button kind="primary" icon="join" className="wide" onClick={join}>{text.preJoin.join}</Button>
        </div>
      </div>
    </div>
  );
}

/** How loud the microphone is, and whether there is one. */
function useLevel(microphone: LocalAudioStream): { value: number; hasFailed: boolean } {
  const [level, setLevel] = useState({ value: 0, hasFailed: false });
  useEffect(() => {
    let isGone = false;
    let volume: Volume | undefined;
    const show = () => setLevel({ value: Math.round(volume?.level ?? 0), hasFailed: false });
    microphone.getVolume().then(
      (found) => {
        if (isGone) return;
        volume = found;
        volume.on('levelChanged', show);
        currentLine().devices.getMicrophones().catch(() => {});
        currentLine().devices.getCameras().catch(() => {});
      },
      () => { if (!isGone) setLevel({ value: 0, hasFailed: true }); },
    );
    return () => {
      isGone = true;
      volume?.off('levelChanged', show);
    };
  }, [microphone]);
  return level;
}
