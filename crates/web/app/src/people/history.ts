// The calls that are over.

import { currentLine, lineOrNone } from '../session/session';
import { Store } from '../store';
import { errorText } from '../words';
import { unary } from '../wire/grpc';
import { listCallHistory, markCallsSeen, type PastCall } from '../wire/messages';

const PAGE_SIZE = 20;

interface HistoryState {
  readonly calls: readonly PastCall[];
  readonly nextPageToken: string;
  readonly unseenMissed: number;
  readonly missedOnly: boolean;
  readonly isLoaded: boolean;
  readonly problem: string;
}

export const history = new Store<HistoryState>({
  calls: [], nextPageToken: '', unseenMissed: 0, missedOnly: false, isLoaded: false, problem: '',
});

let reading = 0;

/** The exchange tells of the end of a call and then writes it down: what is read at once may lack it. */
const READ_AGAIN_MS = 1_500;

/** Reads the newest calls at once and once more; returns what ends that. */
export function followHistory(): () => void {
  void readHistory();
  const timer = setTimeout(() => void readHistory(), READ_AGAIN_MS);
  return () => clearTimeout(timer);
}

/** Reads the newest calls anew. */
export async function readHistory(missedOnly = history.get().missedOnly): Promise<void> {
  if (!lineOrNone()) return;
  reading += 1;
  const own = reading;
  try {
    const { calls, nextPageToken, unseenMissed } = await unary(
      currentLine().credential, listCallHistory, { pageSize: PAGE_SIZE, pageToken: '', missedOnly });
    if (own === reading) history.set({ calls, nextPageToken, unseenMissed, missedOnly, isLoaded: true, problem: '' });
  } catch (error) {
    if (own === reading) history.set({ isLoaded: true, problem: errorText(error) });
  }
}

/** Reads the calls before those that are shown. */
export async function readEarlier(): Promise<void> {
  const { nextPageToken: pageToken, missedOnly, calls: known } = history.get();
  if (!pageToken) return;
  const own = reading;
  try {
    const { calls, nextPageToken } = await unary(currentLine().credential, listCallHistory, { pageSize: PAGE_SIZE, pageToken, missedOnly });
    if (own === reading) history.set({ calls: [...known, ...calls], nextPageToken, problem: '' });
  } catch (error) {
    history.set({ problem: errorText(error) });
  }
}

/** Notes that the person has seen what was missed. */
export async function markSeen(): Promise<void> {
  const newest = history.get().calls[0];
  if (!newest || history.get().unseenMissed === 0) return;
  try {
    const { unseenMissed } = await unary(currentLine().credential, markCallsSeen, { place: newest.place });
    history.set({ unseenMissed });
  } catch {
    // The number stays as it is, and is asked for again with the next list.
  }
}
