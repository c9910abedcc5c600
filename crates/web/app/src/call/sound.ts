// Ringing, made of sines: nothing to load.

interface Pattern { frequencies: number[]; on: number; off: number; gain: number }

const RING: Pattern = { frequencies: [523.25, 659.25], on: 0.8, off: 1.6, gain: 0.1 };
const RINGBACK: Pattern = { frequencies: [425], on: 1, off: 3, gain: 0.04 };
const RISE_S = 0.02;
const FALL_S = 0.05;

/** Rings for a call that comes in, until the returned function is called. */
export function ring(): () => void {
  return repeat(RING);
}

/** What a caller hears while the other side rings. */
export function ringback(): () => void {
  return repeat(RINGBACK);
}

function repeat({ frequencies, on, off, gain }: Pattern): () => void {
  const context = new AudioContext();
  const volume = new GainNode(context, { gain: 0 });
  volume.connect(context.destination);
  const oscillators = frequencies.map((frequency) => {
    const oscillator = new OscillatorNode(context, { frequency });
    oscillator.connect(volume);
    oscillator.start();
    return oscillator;
  });
  const pulse = () => {
    // A page that nobody has touched yet may make no sound; the first touch wakes it.
    if (context.state !== 'running') void context.resume().catch(() => {});
    const now = context.currentTime;
    volume.gain.cancelScheduledValues(now);
    volume.gain.setTargetAtTime(gain, now, RISE_S);
    volume.gain.setTargetAtTime(0, now + on, FALL_S);
  };
  pulse();
  const timer = setInterval(pulse, 1000 * (on + off));
  return () => {
    clearInterval(timer);
    for (const oscillator of oscillators) oscillator.stop();
    void context.close();
  };
}
