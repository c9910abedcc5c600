// Runs in every tab before the page: gives the tab a voice and a face of its own, and notes what
// comes from the other side. `?tone=440&color=red&screen=lime` in the address chooses them.

(() => {
  const query = new URLSearchParams(location.search);
  const tone = Number(query.get('tone'));
  const color = query.get('color');
  const screen = query.get('screen') ?? 'lime';
  const connections = [];
  const sockets = [];
  const violations = [];

  globalThis.RTCPeerConnection = class extends globalThis.RTCPeerConnection {
    constructor(...parameters) {
      super(...parameters);
      connections.push(this);
    }
  };
  globalThis.WebSocket = class extends globalThis.WebSocket {
    constructor(...parameters) {
      super(...parameters);
      sockets.push(this);
    }
  };
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
    violations.push(`${violatedDirective} ${blockedURI}`);
  });

  /** A picture of one colour with a square that moves, so that frames differ. */
  function picture(fill, width = 320, height = 180) {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const context = canvas.getContext('2d');
    let frame = 0;
    const draw = () => {
      context.fillStyle = fill;
      context.fillRect(0, 0, width, height);
      context.fillStyle = 'white';
      context.fillRect((frame * 8) % (width - 24), 8, 24, 24);
      frame += 1;
    };
    draw();
    // Few frames: a software encoder and decoder for every one of them shares the machine.
    setInterval(draw, 200);
    return canvas.captureStream(5).getVideoTracks()[0];
  }

  let sound;
  function voice() {
    sound ??= new AudioContext();
    sound.resume();
    const oscillator = new OscillatorNode(sound, { frequency: tone });
    const gain = new GainNode(sound, { gain: 0.4 });
    const out = new MediaStreamAudioDestinationNode(sound);
    oscillator.connect(gain).connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0];
  }

  if (tone || color) {
    const devices = navigator.mediaDevices;
    const real = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      // The real devices are asked as well, so that permission and labels are theirs.
      const asked = await real(constraints);
      asked.getTracks().forEach((track) => track.stop());
      const tracks = [];
      if (constraints.audio) tracks.push(voice());
      if (constraints.video) tracks.push(picture(color ?? 'gray'));
      return new MediaStream(tracks);
    };
    devices.getDisplayMedia = async () => new MediaStream([picture(screen, 640, 360)]);
  }

  const analysers = new Map();
  let ears;

  globalThis.probe = {
    connections,
    sockets,
    violations,

    /** The strongest frequency and the level of everything that is received. */
    heard() {
      ears ??= new AudioContext();
      let energy = 0;
      let best = { bin: 0, power: -Infinity };
      for (const connection of connections) {
        if (connection.connectionState === 'closed') continue;
        for (const { track } of connection.getReceivers()) {
          if (track.kind !== 'audio') continue;
          if (!analysers.has(track)) {
            const analyser = new AnalyserNode(ears, { fftSize: 8192, smoothingTimeConstant: 0 });
            new MediaStreamAudioSourceNode(ears, { mediaStream: new MediaStream([track]) }).connect(analyser);
            analysers.set(track, analyser);
          }
          const analyser = analysers.get(track);
          const samples = new Float32Array(analyser.fftSize);
          analyser.getFloatTimeDomainData(samples);
          energy += samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
          const spectrum = new Float32Array(analyser.frequencyBinCount);
          analyser.getFloatFrequencyData(spectrum);
          spectrum.forEach((power, bin) => {
            if (power > best.power) best = { bin, power };
          });
        }
      }
      const hertz = Math.round((best.bin * ears.sampleRate) / 8192);
      return { hertz: best.power > -80 ? hertz : null, level: Math.sqrt(energy) };
    },

    /** What plays: audio elements that have a live track. */
    playing() {
      return [...document.querySelectorAll('audio')].filter((element) => (
        !element.paused && element.srcObject?.getAudioTracks().some(({ readyState }) => readyState === 'live'))).length;
    },

    /** Every picture on the page: its size, the place it has, and the colour in its middle. */
    seen() {
      return [...document.querySelectorAll('video')].map((video) => {
        const { width, height, x, y } = video.getBoundingClientRect();
        const found = { width: Math.round(width), height: Math.round(height), x: Math.round(x), y: Math.round(y), source: [video.videoWidth, video.videoHeight], color: null };
        if (!video.videoWidth) return found;
        const canvas = document.createElement('canvas');
        canvas.width = 64;
        canvas.height = 36;
        const context = canvas.getContext('2d');
        context.drawImage(video, 0, 0, 64, 36);
        const { data } = context.getImageData(28, 16, 8, 4);
        const sum = [0, 0, 0];
        for (let index = 0; index < data.length; index += 4) {
          for (let part = 0; part < 3; part += 1) sum[part] += data[index + part];
        }
        found.color = sum.map((value) => Math.round(value / (data.length / 4)));
        return found;
      });
    },

    /** What came in so far, over all connections. */
    async received() {
      const sum = { audioPackets: 0, audioEnergy: 0, videoFrames: 0, videoPackets: 0 };
      for (const connection of connections) {
        if (connection.connectionState === 'closed') continue;
        for (const entry of (await connection.getStats()).values()) {
          if (entry.type !== 'inbound-rtp') continue;
          if (entry.kind === 'audio') {
            sum.audioPackets += entry.packetsReceived;
            sum.audioEnergy += entry.totalAudioEnergy ?? 0;
          } else {
            sum.videoPackets += entry.packetsReceived;
            sum.videoFrames += entry.framesDecoded ?? 0;
          }
        }
      }
      return sum;
    },

    /** Breaks the sockets as a network does. */
    cut() {
      for (const socket of sockets) socket.close();
    },

    /** What the adapter of the composite says. */
    state() {
      const adapter = globalThis.adapter;
      if (!adapter) return null;
      const { page, call, endedCall, latestErrors, devices } = adapter.getState();
      return {
        page,
        callId: call?.id,
        state: call?.state,
        isMuted: call?.isMuted,
        isScreenSharingOn: call?.isScreenSharingOn,
        remote: Object.values(call?.remoteParticipants ?? {}).map(({ displayName, state, isMuted, isSpeaking, videoStreams, raisedHand }) => ({
          displayName, state, isMuted, isSpeaking, hasRaisedHand: Boolean(raisedHand),
          streams: Object.values(videoStreams).map(({ mediaStreamType, isAvailable, isReceiving, streamSize }) => ({ mediaStreamType, isAvailable, isReceiving, streamSize })),
        })),
        endReason: endedCall?.callEndReason,
        errors: Object.entries(latestErrors ?? {}).filter(([, error]) => error).map(([target, error]) => `${target}: ${error.message} <- ${error.innerError}`),
        cameras: devices?.cameras.map(({ name }) => name),
      };
    },
  };
})();
