// What the address of the page asks for. Every parameter is optional.

import { locatorOf } from './meeting-locator.js';

/**
 * Reads the parameters:
 * `as` (alias, raw id, or `app:<display name>` for a new app user) signs in at once;
 * `call` (alias or raw id) calls at once, `group` (UUID) joins at once;
 * `meeting` (join link, or twelve digits with `passcode`) leads to a meeting, as a join link itself does;
 * `answer=auto` accepts every incoming call; `camera=off` starts without camera;
 * `tone` (Hz), `color` and `screen` (CSS colours) replace the devices by synthetic media.
 */
export function readParameters(address = location) {
  const { search } = address;
  const query = new URLSearchParams(search);
  const tone = Number(query.get('tone'));
  const parameters = {
    as: query.get('as')?.trim() || null,
    call: query.get('call')?.trim() || null,
    group: query.get('group')?.trim() || null,
    meeting: locatorOf(address),
    answersAutomatically: query.get('answer') === 'auto',
    startsWithCamera: query.get('camera') !== 'off',
    tone: Number.isFinite(tone) && tone >= 20 && tone <= 20_000 ? tone : null,
    color: colorOrNull(query.get('color')),
    screen: colorOrNull(query.get('screen')),
  };
  parameters.isSynthetic = parameters.tone !== null || parameters.color !== null;
  return parameters;
}

function colorOrNull(text) {
  return text && CSS.supports('color', text) ? text : null;
}
