// Runs in every tab before the page: hears and sees what the tab receives.

globalThis.probe = {
  sockets: [],
  analysers: new Map(),

  /** The strongest frequency and the level of everything that is received, voices added up. */
  heard() {
    const call = globalThis.trunkline.activeCall;
    if (!call) return null;
    this.context ??= new AudioContext();
    const spectra = [];
    let energy = 0;
    for (const { mid, kind, stream } of call.peer.receivers) {
      if (kind !== 'audio') continue;
      const key = stream.id;
      if (!this.analysers.has(key)) {
        const analyser = new AnalyserNode(this.context, { fftSize: 8192, smoothingTimeConstant: 0 });
        new MediaStreamAudioSourceNode(this.context, { mediaStream: stream }).connect(analyser);
        this.analysers.set(key, analyser);
      }
      const analyser = this.analysers.get(key);
      const samples = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      energy += samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const spectrum = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(spectrum);
      spectra.push(spectrum);
    }
    let best = { bin: 0, power: -Infinity };
    for (const spectrum of spectra) {
      spectrum.forEach((power, bin) => {
        if (power > best.power) best = { bin, power };
      });
    }
    const hertz = Math.round((best.bin * this.context.sampleRate) / 8192);
    return { hertz: best.power > -80 ? hertz : null, level: Math.sqrt(energy) };
  },

  /** The colour in the middle of a tile, as `[red, green, blue]`, or null without a picture. */
  seen(selector) {
    const video = document.querySelector(`${selector} video`);
    if (!video || !video.videoWidth || !video.closest('.tile').classList.contains('has-video')) return null;
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
    return sum.map((value) => Math.round(value / (data.length / 4)));
  },

  /** Bytes of media received so far. */
  async received() {
    const call = globalThis.trunkline.activeCall;
    if (!call) return null;
    const statistics = await call.peer.statistics();
    const sum = (kind) => statistics
      .filter((entry) => entry.type === 'inbound-rtp' && entry.kind === kind)
      .reduce((total, entry) => total + entry.packetsReceived, 0);
    return { audio: sum('audio'), video: sum('video') };
  },

  /** How the media path was set up. */
  async path() {
    const statistics = await globalThis.trunkline.activeCall.peer.statistics();
    const transport = statistics.find((entry) => entry.type === 'transport');
    return {
      srtpCipher: transport?.srtpCipher ?? null,
      dtlsState: transport?.dtlsState ?? null,
      connectMs: globalThis.trunkline.activeCall.peer.connectTime,
      exchange: globalThis.trunkline.activeCall.mediaReport,
    };
  },

  /** What the page says about the call. */
  call() {
    const call = globalThis.trunkline.activeCall;
    if (!call) return null;
    return {
      state: call.state,
      path: call.path,
      lit: document.querySelector('#trace .machine-state.current')?.dataset.state ?? null,
      travelled: [...document.querySelectorAll('#trace .machine-edge.travelled')].map(({ dataset }) => dataset.edge),
      heading: document.querySelector('.call-state')?.textContent ?? null,
      participants: [...call.model.participants.values()].map(({ id, name, state, isMuted, isSpeaking, isVideoOn, isScreenSharingOn }) => (
        { own: id === call.model.ownId, name, state, isMuted, isSpeaking, isVideoOn, isScreenSharingOn })),
      seqs: [...document.querySelectorAll('#trace .event-log li')].map(({ dataset }) => Number(dataset.seq)),
      isOver: call.isOver,
      reason: call.endReason,
    };
  },

  /** What the end page says. */
  ended() {
    const page = document.querySelector('.ended');
    if (!page) return null;
    return {
      title: page.querySelector('.ended-title').textContent,
      sentence: page.querySelector('.ended-sentence').textContent,
      code: page.querySelector('.facts code').textContent,
    };
  },

  /** Breaks the signaling connection as a network does. */
  cut() {
    for (const socket of this.sockets) socket.close();
  },
};

globalThis.WebSocket = class extends globalThis.WebSocket {
  constructor(...parameters) {
    super(...parameters);
    globalThis.probe.sockets.push(this);
  }
};
