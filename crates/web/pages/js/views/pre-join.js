// The step before a meeting: who one is, what one looks and sounds like, what is sent.

import { find, setState, setText } from '../dom.js';
import { errorText } from '../words.js';

const LEVEL_EVERY_MS = 100;

/** Microphone levels of speech lie here, in decibels of full scale. */
const QUIETEST_DB = -60;

/** The preview section of the page. */
export class PreJoin {
  #root;
  #video;
  #level;
  #tracks = { microphone: null, camera: null };
  #wants = { microphone: true, camera: true };
  #media = null;
  #context = null;
  #timer = null;
  #done = null;

  constructor(root) {
    this.#root = root;
    this.#video = find('video', root);
    this.#level = find('[data-level]', root);
    find('form', root).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#join();
    });
    for (const device of ['microphone', 'camera']) {
      find(`[data-device="${device}"]`, root).addEventListener('click', () => this.#toggle(device));
    }
    find('[data-action="pre-join-back"]', root).addEventListener('click', () => this.#finish(null));
  }

  /**
   * Shows the step; resolves with `{name, withCamera, isMuted}`, or `null` when the person turns back.
   * `name` is the name of who is signed in, or `null` to ask for one.
   */
  ask({ media, name, withCamera }) {
    this.#stop();
    this.#media = media;
    this.#wants = { microphone: true, camera: withCamera };
    this.#root.hidden = false;
    setText(find('[data-problem]', this.#root), '');
    const field = find('#guest-name', this.#root);
    find('[data-guest]', this.#root).hidden = name !== null;
    setText(find('[data-known]', this.#root), name === null ? '' : `You join as ${name}.`);
    for (const device of ['microphone', 'camera']) this.#open(device);
    if (name === null) field.focus({ preventScroll: true });
    else find('[data-action="join-now"]', this.#root).focus({ preventScroll: true });
    return new Promise((resolve) => {
      this.#done?.(null);
      this.#done = resolve;
    });
  }

  /** Says why joining did not work, with the step still there. */
  complain(words) {
    this.#root.hidden = false;
    setText(find('[data-problem]', this.#root), words);
  }

  #join() {
    const name = find('#guest-name', this.#root).value.trim();
    this.#finish({ name, withCamera: this.#wants.camera, isMuted: !this.#wants.microphone });
  }

  #finish(choice) {
    this.#stop();
    this.#root.hidden = true;
    const done = this.#done;
    this.#done = null;
    done?.(choice);
  }

  #toggle(device) {
    this.#wants[device] = !this.#wants[device];
    if (this.#wants[device]) this.#open(device);
    else this.#close(device);
    this.#draw();
  }

  async #open(device) {
    this.#draw();
    if (!this.#wants[device]) return;
    try {
      const track = await this.#media[device]();
      if (!this.#wants[device] || this.#root.hidden || this.#tracks[device]) {
        track.stop();
        return;
      }
      this.#tracks[device] = track;
      if (device === 'microphone') this.#measure(track);
      else this.#video.srcObject = new MediaStream([track]);
    } catch (error) {
      this.#wants[device] = false;
      this.complain(errorText(error));
    }
    this.#draw();
  }

  #close(device) {
    this.#tracks[device]?.stop();
    this.#tracks[device] = null;
    if (device === 'camera') this.#video.srcObject = null;
    else this.#stopMeasuring();
  }

  #measure(track) {
    this.#stopMeasuring();
    this.#context = new AudioContext();
    const analyser = new AnalyserNode(this.#context, { fftSize: 2048 });
    new MediaStreamAudioSourceNode(this.#context, { mediaStream: new MediaStream([track]) }).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const energy = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const decibels = 10 * Math.log10(energy + 1e-9);
      this.#level.value = Math.max(0, Math.min(1, 1 - decibels / QUIETEST_DB));
    }, LEVEL_EVERY_MS);
  }

  #stopMeasuring() {
    clearInterval(this.#timer);
    this.#context?.close();
    this.#context = null;
    this.#level.value = 0;
  }

  #stop() {
    for (const device of ['microphone', 'camera']) this.#close(device);
    this.#media?.release();
  }

  #draw() {
    const words = { microphone: ['Microphone off', 'Microphone on'], camera: ['Camera off', 'Camera on'] };
    const icons = { microphone: ['mic-off', 'mic'], camera: ['camera-off', 'camera'] };
    for (const device of ['microphone', 'camera']) {
      const isOn = this.#wants[device];
      const button = find(`[data-device="${device}"]`, this.#root);
      setState(button, 'aria-pressed', isOn);
      setText(button.querySelector('span'), words[device][Number(isOn)]);
      button.querySelector('use').setAttribute('href', `/icons.svg#${icons[device][Number(isOn)]}`);
    }
    find('[data-no-picture]', this.#root).hidden = this.#tracks.camera !== null;
    setText(find('[data-no-picture]', this.#root), this.#wants.camera ? 'Starting the camera…' : 'Your camera is off');
  }
}
