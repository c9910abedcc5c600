// Runs in every tab before the page: gives the tab a voice and a face of its own, and tells what comes from the others.
// `tone=440&color=red&screen=lime` in the address chooses them.

(() => {
  const query = new URLSearchParams(location.search);
  const tone = Number(query.get('tone')) || 440;
  const color = query.get('color') ?? 'gray';
  const screen = query.get('screen') ?? 'lime';
  const connections = [];
  const sockets = [];
  const violations = [];
  let ears;

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
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => violations.push(`${violatedDirective} ${blockedURI}`));

  function picture(fill, width, height) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    let frame = 0;
    const draw = () => {
      const shade = context.createLinearGradient(0, 0, width, height);
      shade.addColorStop(0, fill);
      shade.addColorStop(1, fill);
      context.fillStyle = shade;
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

  function voice() {
    const sound = new AudioContext();
    const oscillator = new OscillatorNode(sound, { frequency: tone });
    const out = new MediaStreamAudioDestinationNode(sound);
    oscillator.connect(new GainNode(sound, { gain: 0.4 })).connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0];
  }

  // A page of no address has no devices.
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const real = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    // The browser's own devices are asked as well, so that permission and labels are theirs.
    const asked = await real(constraints);
    for (const track of asked.getTracks()) track.stop();
    return new MediaStream([...(constraints.audio ? [voice()] : []), ...(constraints.video ? [picture(color, 320, 180)] : [])]);
  };
  devices.getDisplayMedia = async () => new MediaStream([picture(screen, 640, 360)]);

  const analysers = new Map();

  globalThis.probe = {
    violations,

    /** The strongest frequency and the level of everything that is received. */
    heard() {
      ears ??= new AudioContext();
      let energy = 0;
      let best = { bin: 0, power: -Infinity };
      for (const { track } of connections.filter(({ connectionState }) => connectionState !== 'closed').flatMap((one) => one.getReceivers())) {
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
        spectrum.forEach((power, bin) => { if (power > best.power) best = { bin, power }; });
      }
      return { hertz: best.power > -80 ? Math.round((best.bin * ears.sampleRate) / 8192) : null, level: Math.sqrt(energy) };
    },

    /** The colour in the middle of every picture on the page. */
    seen() {
      return [...document.querySelectorAll('video')].filter(({ videoWidth }) => videoWidth > 0).map((video) => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
        const context = canvas.getContext('2d');
        context.drawImage(video, 0, 0, 64, 36);
        return [...context.getImageData(32, 18, 1, 1).data].slice(0, 3);
      });
    },

    /** Breaks the sockets as a network does. */
    cut() {
      for (const socket of sockets) socket.close();
    },
  };
})();
