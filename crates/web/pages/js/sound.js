// Ringing, made of two sines: nothing to load, and it works offline.

const RING = { frequencies: [440, 480], on: 0.9, off: 1.4, gain: 0.12 };
const RINGBACK = { frequencies: [425], on: 1, off: 3, gain: 0.05 };

/** Rings for an incoming call until the returned function is called. */
export function ring() {
  return repeat(RING);
}

/** Plays the tone that a caller hears while the other side rings. */
export function ringback() {
  return repeat(RINGBACK);
}

function repeat({ frequencies, on, off, gain }) {
  let context;
  try {
    context = new AudioContext();
  } catch {
    return () => {};
  }
  const volume = new GainNode(context, { gain: 0 });
  volume.connect(context.destination);
  const oscillators = frequencies.map((frequency) => {
    const oscillator = new OscillatorNode(context, { frequency });
    oscillator.connect(volume);
    oscillator.start();
    return oscillator;
  });
  const pulse = () => {
    if (context.state !== 'running') return;
    const now = context.currentTime;
    volume.gain.cancelScheduledValues(now);
    volume.gain.setTargetAtTime(gain, now, 0.02);
    volume.gain.setTargetAtTime(0, now + on, 0.04);
  };
  pulse();
  const timer = setInterval(pulse, 1000 * (on + off));
  return () => {
    clearInterval(timer);
    for (const oscillator of oscillators) oscillator.stop();
    context.close();
  };
}
