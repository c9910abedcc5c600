// Whether the address brings an answer of an issuer, and whether this tab has signed in with one: what is known before any
// of that is loaded.

const RETURN_KEY = 'trunkline.return';
const KEPT_KEY = 'trunkline.organisation';

/** Keeps where to be after the issuer's page. */
export function rememberPlace(): void {
  sessionStorage.setItem(RETURN_KEY, location.href);
}

/** Takes the issuer's answer out of the address, which becomes what it was; nothing when there is none. */
export function takeAnswer(): URLSearchParams | undefined {
  const answer = new URLSearchParams(location.search);
  if (!answer.has('state') || !(answer.has('code') || answer.has('error'))) return undefined;
  const before = sessionStorage.getItem(RETURN_KEY) ?? '';
  sessionStorage.removeItem(RETURN_KEY);
  const isOwn = URL.canParse(before) && new URL(before).origin === location.origin;
  history.replaceState(null, '', isOwn ? before : location.pathname);
  return answer;
}

/** Whether a reload goes on with what an issuer gave. */
export function hasOrganisation(): boolean {
  return sessionStorage.getItem(KEPT_KEY) !== null;
}

/** Forgets what the issuer gave. */
export function forgetOrganisation(): void {
  sessionStorage.removeItem(KEPT_KEY);
}
