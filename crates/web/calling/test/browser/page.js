// Runs in both tabs: people made of the package's public API alone, with a tone and a colour each.

import { CallClient, CallingError, Features, LocalAudioStream, LocalVideoStream, VideoStreamRenderer } from '@azure/communication-calling';

const log = [];

/** A tone that is what the person says. */
function tone(hertz) {
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { frequency: hertz });
  const gain = new GainNode(context, { gain: 0.4 });
  const destination = new MediaStreamAudioDestinationNode(context);
  oscillator.connect(gain).connect(destination);
  oscillator.start();
  return destination.stream;
}

/** A colour that is what the person shows. */
function picture(color, width = 640, height = 360) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  let frame = 0;
  const draw = () => {
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
    context.fillStyle = 'white';
    context.fillRect((frame * 4) % (width - 8), 0, 8, 8);
    frame += 1;
  };
  draw();
  setInterval(draw, 66);
  return canvas.captureStream(15);
}

globalThis.person = {
  log,
  calls: [],
  incoming: [],
  ended: [],
  views: new Map(),
  analysers: new Map(),
  asked: 0,

  /** Signs in; `tokens` are given out one after the other, the last one for ever. */
  async open({ who, hertz, color, isTeams = false, tokens = [] }) {
    const response = await fetch('/dev/token', {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(who.startsWith('app:') ? { displayName: who.slice(4) } : { user: who }),
    });
    const issued = await response.json();
    this.hertz = hertz;
    this.color = color;
    this.rawId = issued.identifier.rawId;
    this.client = new CallClient();
    this.devices = await this.client.getDeviceManager();
    const credential = { getToken: async () => {
      const token = tokens[Math.min(this.asked, tokens.length - 1)] ?? issued.token;
      this.asked += 1;
      return { token, expiresOnTimestamp: Date.parse(issued.expiresOn) };
    }, dispose() {} };
    this.agent = isTeams
      ? await this.client.createTeamsCallAgent(credential)
      : await this.client.createCallAgent(credential, { displayName: issued.displayName });
    this.agent.on('connectionStateChanged', ({ newValue, reason }) => log.push(`connection ${newValue} ${reason ?? ''}`.trim()));
    this.devices.on('videoDevicesUpdated', ({ added, removed }) => log.push(`cameras +${added.length} -${removed.length}`));
    this.agent.on('incomingCall', ({ incomingCall }) => {
      this.incoming.push(incomingCall);
      incomingCall.on('callEnded', ({ callEndReason }) => this.ended.push(callEndReason));
    });
    this.agent.on('callsUpdated', ({ added, removed }) => {
      for (const call of added) log.push(`added ${call.state}`);
      for (const call of removed) log.push(`removed ${call.state} ${call.callEndReason.code}/${call.callEndReason.subCode}`);
    });
    return { rawId: this.rawId, connection: this.agent.connectionState };
  },

  options() {
    return { audioOptions: { muted: false, localAudioStreams: [new LocalAudioStream(tone(this.hertz))] } };
  },

  track(call) {
    this.call = call;
    this.states = [call.state];
    this.call.on('stateChanged', () => this.states.push(call.state));
    this.call.on('mutedByOthers', () => log.push('mutedByOthers'));
    const { media, network } = call.feature(Features.UserFacingDiagnostics);
    network.on('diagnosticChanged', ({ diagnostic, value }) => log.push(`${diagnostic} ${value}`));
    media.on('diagnosticChanged', ({ diagnostic, value }) => log.push(`${diagnostic} ${value}`));
    return call.id;
  },

  start(identifiers) { return this.track(this.agent.startCall(identifiers, this.options())); },
  join(locator) { return this.track(this.agent.join(locator, this.options())); },
  async accept() { return this.track(await this.incoming.shift().accept(this.options())); },
  async reject() { await this.incoming.shift().reject(); },

  async startVideo() {
    this.video = new LocalVideoStream(picture(this.color));
    await this.call.startVideo(this.video);
  },
  async startCamera() {
    const [camera] = await this.devices.getCameras();
    this.video = new LocalVideoStream(camera);
    await this.call.startVideo(this.video);
  },

  /** Takes the camera away as the browser tells of it: the track ends, the list is shorter. */
  async unplug() {
    this.call.on('localVideoStreamsUpdated', ({ removed }) => log.push(`streams -${removed.length}`));
    const { mediaDevices } = navigator;
    const all = mediaDevices.enumerateDevices.bind(mediaDevices);
    mediaDevices.enumerateDevices = async () => (await all()).filter(({ kind }) => kind !== 'videoinput');
    const [track] = (await this.video.getMediaStream()).getVideoTracks();
    track.stop();
    track.dispatchEvent(new Event('ended'));
    mediaDevices.dispatchEvent(new Event('devicechange'));
  },

  /** The microphones that can be chosen, and the browser's name of the one that is open. */
  async microphones() {
    const list = await this.devices.getMicrophones();
    const [stream] = this.call.localAudioStreams;
    const [track] = stream ? (await stream.getMediaStream()).getAudioTracks() : [];
    return {
      ids: list.map(({ id }) => id), selected: this.devices.selectedMicrophone?.id ?? null, source: stream?.source.id ?? null,
      open: track ? `microphone:${track.getSettings().deviceId}` : null, label: track?.label ?? null, state: track?.readyState ?? null,
    };
  },
  async chooseMicrophone(id) { await this.devices.selectMicrophone({ id }); },

  /** Takes away the microphone that is open. */
  async pullOut() {
    const { mediaDevices } = navigator;
    const [track] = (await this.call.localAudioStreams[0].getMediaStream()).getAudioTracks();
    const { deviceId } = track.getSettings();
    const all = mediaDevices.enumerateDevices.bind(mediaDevices);
    mediaDevices.enumerateDevices = async () => (await all()).filter((device) => device.kind !== 'audioinput' || device.deviceId !== deviceId);
    track.stop();
    track.dispatchEvent(new Event('ended'));
    mediaDevices.dispatchEvent(new Event('devicechange'));
  },

  /** What the browser's refusal looks like to a page. */
  async refused() {
    const access = await this.devices.askDevicePermission({ audio: true, video: true });
    const tried = async (work) => {
      try {
        await work();
        return null;
      } catch ({ name, code, subCode, message, constructor }) {
        return { name, code, subCode, message, isTyped: constructor === CallingError };
      }
    };
    const camera = { id: 'camera:', name: 'Camera', deviceType: 'UsbCamera' };
    return {
      access: { audio: access.audio, video: access.video },
      video: await tried(() => this.call.startVideo(new LocalVideoStream(camera))),
      media: this.call.feature(Features.UserFacingDiagnostics).media.getLatest(),
    };
  },

  /** Joins with what the browser has for a microphone. */
  joinPlainly(locator) { return this.track(this.agent.join(locator)); },

  async stopVideo() { await this.call.stopVideo(this.video); },
  /** Shares what the browser's own question for a screen answers. */
  async shareScreen(color) {
    this.screen = picture(color, 1280, 720);
    navigator.mediaDevices.getDisplayMedia = async () => this.screen;
    await this.call.startScreenSharing();
  },
  screenState() { return this.screen.getTracks()[0].readyState; },
  async share(color) { await this.call.startScreenSharing(new LocalVideoStream(picture(color, 1280, 720))); },

  /** The colour that a remote stream of a kind shows; null without a picture. */
  async seen(type) {
    const stream = this.call.remoteParticipants.flatMap(({ videoStreams }) => videoStreams)
      .find(({ mediaStreamType, isAvailable }) => mediaStreamType === type && isAvailable);
    if (!stream) return null;
    if (!this.views.has(stream)) {
      const view = await new VideoStreamRenderer(stream).createView({ scalingMode: 'Fit' });
      view.target.style.cssText = 'width:320px;height:180px';
      document.body.append(view.target);
      this.views.set(stream, view);
    }
    const video = this.views.get(stream).target.querySelector('video');
    if (!video?.videoWidth || !stream.isReceiving) return null;
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 64, 36);
    const { data } = context.getImageData(32, 18, 1, 1);
    return { color: [...data.slice(0, 3)], size: stream.size };
  },

  /** The strongest frequency that is received, and how loud everything is. */
  async heard() {
    const [remote] = this.call.remoteAudioStreams;
    if (!remote) return null;
    const stream = await remote.getMediaStream();
    this.context ??= new AudioContext();
    let best = { power: -Infinity, bin: 0 };
    let energy = 0;
    for (const track of stream.getAudioTracks()) {
      if (!this.analysers.has(track)) {
        const analyser = new AnalyserNode(this.context, { fftSize: 8192, smoothingTimeConstant: 0 });
        new MediaStreamAudioSourceNode(this.context, { mediaStream: new MediaStream([track]) }).connect(analyser);
        this.analysers.set(track, analyser);
      }
      const analyser = this.analysers.get(track);
      const samples = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      energy += samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const spectrum = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(spectrum);
      spectrum.forEach((power, bin) => { if (power > best.power) best = { power, bin }; });
    }
    return { hertz: Math.round((best.bin * this.context.sampleRate) / 8192), level: Math.sqrt(energy) };
  },

  look() {
    const { call } = this;
    return call && {
      id: call.id, state: call.state, states: this.states, isMuted: call.isMuted, isScreenSharingOn: call.isScreenSharingOn,
      reason: call.callEndReason ?? null,
      streams: call.localVideoStreams.map(({ mediaStreamType }) => mediaStreamType),
      participants: call.remoteParticipants.map(({ displayName, state, isMuted, isSpeaking, identifier }) => (
        { displayName, state, isMuted, isSpeaking, kind: identifier.kind })),
      dominant: call.feature(Features.DominantSpeakers).dominantSpeakers.speakersList.length,
      callsLeft: this.agent.calls.length,
      threadId: call.info.threadId ?? null,
    };
  },

  sample() {
    return new Promise((resolve) => {
      const collector = this.call.feature(Features.MediaStats).createCollector();
      let count = 0;
      collector.on('sampleReported', (sample) => {
        count += 1;
        if (count < 2) return;
        collector.dispose();
        resolve(sample);
      });
    });
  },
};
globalThis.isReady = true;
