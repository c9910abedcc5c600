// What the address of the page asks for. Every parameter is optional.

/**
 * Reads the parameters:
 * `as` (alias, raw id, or `app:<display name>` for a new app user) signs in at once;
 * `call` (alias or raw id) calls at once, `group` (UUID) joins at once, and so does `meeting` (a join
 * link, or twelve digits, then with `passcode`); a join link opened in the browser is this page;
 * `answer=auto` accepts every incoming call; `camera=off` starts without camera;
 * `tone` (Hz), `color` and `screen` (CSS colours) replace the devices by synthetic media.
 */
export function readParameters(search = location.search) {
  const query = new URLSearchParams(search);
  const tone = Number(query.get('tone'));
  const parameters = {
    as: query.get('as')?.trim() || null,
    call: query.get('call')?.trim() || null,
    group: query.get('group')?.trim() || null,
    meeting: meetingOf(query),
    answersAutomatically: query.get('answer') === 'auto',
    startsWithCamera: query.get('camera') !== 'off',
    tone: Number.isFinite(tone) && tone >= 20 && tone <= 20_000 ? tone : null,
    color: colorOrNull(query.get('color')),
    screen: colorOrNull(query.get('screen')),
  };
  parameters.isSynthetic = parameters.tone !== null || parameters.color !== null;
  return parameters;
}

/** The meeting that the address is about: the page may have been opened by its join link. */
function meetingOf(query) {
  if (location.pathname.startsWith('/l/meetup-join/')) return location.href;
  const meeting = query.get('meeting')?.trim();
  if (!meeting) return null;
  const passcode = query.get('passcode')?.trim();
  return passcode ? `${meeting} ${passcode}` : meeting;
}

/**
 * Reads what somebody types to join a meeting: a join link, or the twelve digits and the passcode after
 * them. `null` for anything else.
 */
export function parseMeeting(text) {
  const typed = text.trim();
  if (/^https:\/\//i.test(typed)) return { link: { joinLink: typed } };
  const parts = /^((?:\d[\s-]*){12})\s+(\S{6})$/.exec(typed);
  if (!parts) return null;
  return { code: { meetingId: parts[1].replace(/\D/g, ''), passcode: parts[2] } };
}

function colorOrNull(text) {
  return text && CSS.supports('color', text) ? text : null;
}
