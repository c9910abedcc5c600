// A voice and a face for a chair: those of this machine, or made ones where there are none.

const WIDTH = 320;
const HEIGHT = 180;
const FRAMES_PER_S = 10;
/** Soft: it is there to be measured and to light up who speaks. */
const GAIN = 0.2;

/** What a chair sends, and what ends it. */
export interface ChairMedia {
  readonly stream: MediaStream;
  end(): void;
}

/** The microphone and the camera if they are wanted and to be had; else a tone and a coloured picture. */
export async function openMedia(wantsDevices: boolean, { hertz, color }: { hertz: number; color: string }): Promise<ChairMedia> {
  if (wantsDevices) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true }, video: { width: 640, height: 360 } });
      return { stream, end: () => stop(stream) };
    } catch {
      // No device or no permission: the call is shown all the same.
    }
  }
  return makeMedia(hertz, color);
}

function makeMedia(hertz: number, color: string): ChairMedia {
  const sound = new AudioContext();
  const out = new MediaStreamAudioDestinationNode(sound);
  const tone = new OscillatorNode(sound, { frequency: hertz });
  tone.connect(new GainNode(sound, { gain: GAIN })).connect(out);
  tone.start();
  const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext('2d');
  let frame = 0;
  const draw = () => {
    if (!context) return;
    context.fillStyle = color;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.fillStyle = '#fff';
    context.fillRect((frame * 6) % WIDTH, 16, 28, 28);
    frame += 1;
  };
  draw();
  const timer = setInterval(draw, 1000 / FRAMES_PER_S);
  const stream = new MediaStream([...out.stream.getAudioTracks(), ...canvas.captureStream(FRAMES_PER_S).getVideoTracks()]);
  return {
    stream,
    end() {
      clearInterval(timer);
      stop(stream);
      void sound.close();
    },
  };
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
