// The people of the directory, and whoever else can be named.

import { lineOrNone } from '../session/session';
import { listUsers, RequestError, type Identity } from '../session/tokens';
import { Store } from '../store';
import { text } from '../strings';
import { errorText } from '../words';

interface PeopleState {
  readonly users: readonly Identity[];
  readonly isLoaded: boolean;
  readonly problem: string;
  /** Whether this exchange gives development identities: then anybody may be anybody. */
  readonly isDevelopment: boolean;
}

export const people = new Store<PeopleState>({ users: [], isLoaded: false, problem: '', isDevelopment: true });

let reading: Promise<void> | undefined;

/** Reads the directory. */
export function readPeople(): Promise<void> {
  reading ??= listUsers()
    .then((users) => people.set({ users, isLoaded: true, problem: '', isDevelopment: true }))
    .catch((error: unknown) => {
      // Only a development exchange lists people; whoever is signed in otherwise goes without.
      const isDevelopment = !(error instanceof RequestError && error.status === 404);
      people.set({ isLoaded: true, problem: isDevelopment || !lineOrNone() ? errorText(error) : '', isDevelopment });
    })
    .finally(() => { reading = undefined; });
  return reading;
}

/** Those who have a name, other than whoever is signed in. */
export function namedOthers(users: readonly Identity[]): Identity[] {
  const own = lineOrNone()?.identity.rawId;
  return users.filter(({ rawId, displayName, alias }) => rawId !== own && (displayName !== '' || alias !== ''));
}

/** The name of somebody. */
export function nameOf(rawId: string, otherwise = ''): string {
  const line = lineOrNone();
  if (rawId === line?.identity.rawId) return text.you;
  const known = people.get().users.find((user) => user.rawId === rawId);
  return known?.displayName || otherwise || known?.alias || (rawId.startsWith('4:') ? rawId.slice(2) : text.guest);
}

/** Whoever a typed name, alias, raw id or number means. The exchange itself resolves aliases. */
export async function resolvePerson(typed: string): Promise<{ rawId: string; name: string }> {
  const wanted = typed.trim();
  if (!people.get().isLoaded) await readPeople();
  const lower = wanted.toLowerCase();
  const found = people.get().users.find(({ rawId, alias, displayName }) => (
    rawId === wanted || (alias !== '' && alias.toLowerCase() === lower) || (displayName !== '' && displayName.toLowerCase() === lower)));
  if (found) return { rawId: found.rawId, name: found.displayName || found.alias };
  const digits = wanted.replace(/[\s()-]/g, '');
  if (/^\+?\d{3,15}$/.test(digits)) return { rawId: `4:${digits.startsWith('+') ? digits : `+${digits}`}`, name: wanted };
  return { rawId: wanted, name: wanted };
}
