// What names a meeting: a join link, or twelve digits with a passcode.

const LINK_PATH = '/l/meetup-join/';

/** Reads what a person typed: returns a MeetingLocator for the wire, or `null` when it names no meeting. */
export function readLocator(text, passcode = '') {
  const typed = text.trim();
  const digits = typed.replace(/[\s-]/g, '');
  if (/^\d{12}$/.test(digits)) {
    return passcode.trim() ? { code: { meetingId: digits, passcode: passcode.trim() } } : null;
  }
  let url;
  try {
    url = new URL(typed);
  } catch {
    return null;
  }
  const context = url.searchParams.get('context');
  if (!url.pathname.includes(LINK_PATH) || context === null) return null;
  // Whatever else the address carries is for this page.
  const joinLink = `${url.origin}${url.pathname}?context=${encodeURIComponent(context)}`;
  return { link: { joinLink } };
}

/** Whether what was typed wants a passcode beside it. */
export function wantsPasscode(text) {
  return /^[\d\s-]{4,}$/.test(text.trim());
}

/** The meeting that an address leads to: a join link itself, or the page with `meeting`. */
export function locatorOf({ href, pathname, search }) {
  if (pathname.startsWith(LINK_PATH)) return readLocator(href);
  const query = new URLSearchParams(search);
  return query.has('meeting') ? readLocator(query.get('meeting'), query.get('passcode') ?? '') : null;
}

/** `655 239 670 094`. */
export function groupedDigits(digits) {
  return digits.replace(/(\d{3})(?=\d)/g, '$1 ');
}
