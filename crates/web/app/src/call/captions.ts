// What is said in a call, in writing: the last lines of it, as the captions come.

import { Features, type Call, type Captions, type CaptionsCommon, type CaptionsInfo, type TeamsCaptionsInfo } from '@trunkline/calling';

import { rawIdOf } from '../identifiers';
import { Store } from '../store';
import { text } from '../strings';
import { errorText } from '../words';

const KEY = 'trunkline.captions';
/** More would hide the pictures; what was said before is no more to be read while somebody speaks. */
const LINES_SHOWN = 4;

/** What somebody said; not `isFinal` while it may still change. */
export interface CaptionLine {
  readonly key: number;
  readonly rawId: string;
  readonly name: string;
  readonly words: string;
  readonly isFinal: boolean;
}

interface CaptionsState {
  readonly isWanted: boolean;
  readonly lines: readonly CaptionLine[];
  /** Why there are none, in words. */
  readonly why: string;
}

/** The captions of one call. Whoever wants them is asked once: the choice holds for the calls after it, too. */
export class CaptionsDesk {
  readonly store = new Store<CaptionsState>({ isWanted: readChoice(), lines: [], why: '' });
  private readonly call: Call;
  private source: CaptionsCommon | undefined;
  private isAsked = false;
  private nextKey = 1;
  private readonly take = (told: CaptionsInfo | TeamsCaptionsInfo) => this.add(told);

  constructor(call: Call) {
    this.call = call;
    const feature = call.feature(Features.Captions);
    feature.on('CaptionsKindChanged', () => this.follow(feature.captions));
    this.follow(feature.captions);
  }

  /** Begins once the call is up, if they are wanted. */
  begin(): void {
    if (this.isAsked || !this.store.get().isWanted || this.call.state !== 'Connected') return;
    this.isAsked = true;
    void this.start();
  }

  toggle(): void {
    const isWanted = !this.store.get().isWanted;
    this.store.set({ isWanted, why: '', lines: [] });
    keepChoice(isWanted);
    this.isAsked = isWanted;
    if (isWanted) void this.start();
    else void this.source?.stopCaptions().catch(() => {});
  }

  private follow(source: CaptionsCommon): void {
    (this.source as Captions | undefined)?.off('CaptionsReceived', this.take);
    this.source = source;
    (source as Captions).on('CaptionsReceived', this.take);
  }

  private async start(): Promise<void> {
    const { source } = this;
    if (!source || source.isCaptionsFeatureActive) return;
    const own = navigator.language.toLowerCase();
    const spokenLanguage = source.supportedSpokenLanguages.find((language) => language.toLowerCase() === own) ?? source.supportedSpokenLanguages[0] ?? own;
    try {
      await source.startCaptions({ spokenLanguage });
    } catch (error) {
      if (this.store.get().isWanted) this.store.set({ why: text.captions.absent(errorText(error)) });
    }
  }

  private add(told: CaptionsInfo | TeamsCaptionsInfo): void {
    const { isWanted, lines } = this.store.get();
    if (!isWanted) return;
    const { speaker, resultType } = told;
    const rawId = speaker.identifier ? rawIdOf(speaker.identifier) : '';
    const words = 'captionText' in told ? told.captionText : told.spokenText;
    // What a speaker is still saying is replaced until it is final.
    const before = lines.find((line) => line.rawId === rawId && !line.isFinal);
    const line = { key: before?.key ?? this.nextKey, rawId, name: speaker.displayName || text.somebody, words, isFinal: resultType === 'Final' };
    if (!before) this.nextKey += 1;
    const next = before ? lines.map((one) => (one === before ? line : one)) : [...lines, line];
    this.store.set({ lines: next.slice(-LINES_SHOWN), why: '' });
  }
}

function readChoice(): boolean {
  try {
    return localStorage.getItem(KEY) === 'on';
  } catch {
    return false;
  }
}

function keepChoice(isWanted: boolean): void {
  try {
    localStorage.setItem(KEY, isWanted ? 'on' : 'off');
  } catch {
    // A browser that keeps nothing has the choice for this call.
  }
}
