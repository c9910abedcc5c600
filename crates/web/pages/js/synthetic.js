// Media without devices: a tone for the microphone, a moving picture of one colour for the camera.

const TONE_GAIN = 0.4;

/** A track that carries a sine of the given frequency. */
export function toneTrack(frequency) {
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { type: 'sine', frequency });
  const gain = new GainNode(context, { gain: TONE_GAIN });
  const destination = context.createMediaStreamDestination();
  oscillator.connect(gain).connect(destination);
  oscillator.start();
  if (context.state === 'suspended') {
    const wake = () => context.resume();
    document.addEventListener('pointerdown', wake, { once: true });
    document.addEventListener('keydown', wake, { once: true });
    wake();
  }
  const [track] = destination.stream.getAudioTracks();
  track.addEventListener('ended', () => context.close());
  return track;
}

/** A track that shows one colour, a label, and something that moves. */
export function colorTrack({ color, label, width = 640, height = 360, framesPerSecond = 15 }) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { alpha: false });
  let frame = 0;
  const draw = () => {
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
    context.fillStyle = 'rgb(255 255 255 / 0.85)';
    context.font = `600 ${Math.round(height / 16)}px system-ui, sans-serif`;
    context.fillText(label, height / 16, height / 8);
    const travelled = ((frame * 4) % (width + height / 6)) - height / 6;
    context.fillRect(travelled, height * 0.92, height / 6, height * 0.03);
    frame += 1;
  };
  draw();
  const [track] = canvas.captureStream(framesPerSecond).getVideoTracks();
  const timer = setInterval(() => {
    draw();
    if (track.readyState === 'ended') clearInterval(timer);
  }, 1000 / framesPerSecond);
  return track;
}
