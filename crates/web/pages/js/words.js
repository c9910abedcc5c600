// Turns wire names, reasons and failures into words for people.

const HEADLINES = new Map([
  ['0/4097', 'Ended for everyone'],
  ['0/5000', 'Removed from the call'],
  ['0/5854', 'Not let in'],
  ['200/5855', 'Nobody let you in'],
  ['403/8560', 'The meeting is locked'],
  ['0/5003', 'Declined'],
  ['0/5300', 'Removed from the call'],
  ['480/10037', 'Nobody is there'],
  ['487/0', 'Cancelled'],
  ['487/10003', 'Accepted elsewhere'],
  ['487/10004', 'No answer'],
  ['487/10024', 'Declined'],
  ['408/4506', 'No answer'],
  ['408/10057', 'Set-up took too long'],
  ['410/301004', 'Media could not be set up'],
  ['410/301005', 'Media was lost'],
  ['496/7', 'Network lost'],
  ['603/0', 'Declined'],
]);

const CATEGORY_HEADLINES = {
  Success: 'Call ended',
  ExpectedError: 'Call not completed',
  UnexpectedClientError: 'Something failed on your side',
  UnexpectedServerError: 'Something failed in the exchange',
};

const PREFIXES = [
  'PARTICIPANT_STATE_', 'CALL_DIRECTION_', 'CALL_STATE_', 'CALL_KIND_', 'STREAM_KIND_', 'MEDIA_STATE_',
];

/** Turns `CALL_STATE_LOCAL_HOLD` into `LocalHold`; what is absent or unspecified into `fallback`. */
export function wireName(value, fallback) {
  if (!value || typeof value !== 'string') return fallback;
  const prefix = PREFIXES.find((candidate) => value.startsWith(candidate)) ?? '';
  const name = value.slice(prefix.length)
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
  return name === 'Unspecified' ? fallback : name;
}

/** `LocalHold` → `local hold`. */
export function spaced(name) {
  return name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

/** A duration as `1:05`, or `1:02:05`. */
export function clockText(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
  const hours = Math.floor(seconds / 3600);
  if (hours > 0) parts.unshift(hours);
  return parts.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0')))
    .join(':');
}

/** The short title for an end reason. */
export function reasonHeadline(reason) {
  if (!reason) return 'Call ended';
  return HEADLINES.get(reasonCode(reason)) ?? CATEGORY_HEADLINES[reason.category] ?? 'Call ended';
}

/** The sentence for an end reason. */
export function reasonSentence(reason) {
  const meaning = reason?.meaning?.trim();
  if (!meaning) return 'The call is over.';
  const sentence = meaning.charAt(0).toUpperCase() + meaning.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Announces who came to the lobby. */
export function waitingWords(names) {
  if (names.length === 1) return `${names[0]} waits in the lobby.`;
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)} wait in the lobby.`;
}

const ROLE_WORDS = {
  ORGANIZER: 'organizer',
  CO_ORGANIZER: 'co-organizer',
  PRESENTER: 'presenter',
  CONSUMER: 'viewer',
};

/** The badge for a role; attendees wear none. */
export function roleWords(role) {
  return ROLE_WORDS[role] ?? '';
}

/** `487/10003`. */
export function reasonCode(reason) {
  return `${reason?.code ?? 0}/${reason?.subCode ?? 0}`;
}

/** One line for an error that came from the exchange or from this page. */
export function errorText(error) {
  const message = error?.message?.trim() || 'something went wrong';
  const sentence = message.charAt(0).toUpperCase() + message.slice(1);
  const reason = error?.reason ? ` (${reasonCode(error.reason)})` : '';
  return /[.!?]$/.test(sentence) ? sentence + reason : `${sentence}${reason}.`;
}

/** Says why a device could not be had, and what to do. */
export function deviceText(device, error) {
  switch (error?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return `The browser was not allowed to use the ${device}. Allow it in the address bar and try again.`;
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `No ${device} was found. You can still see and hear the others.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${device} is in use by another program, or failed to start.`;
    default:
      return `The ${device} cannot be used here. You can still see and hear the others.`;
  }
}

/** Initials for an avatar. */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  if (words.length === 0) return '?';
  const letters = words.length === 1 ? [...words[0]].slice(0, 1) : [words[0], words.at(-1)].map((word) => [...word][0]);
  return letters.join('').toUpperCase();
}

/** A hue that is always the same for the same person. */
export function hueOf(text) {
  let hash = 7;
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)) % 65_521;
  return (hash * 137) % 360;
}
