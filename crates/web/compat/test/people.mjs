// Who plays: each has a voice and a face of their own.

export const ZOE = { displayName: 'Zoe', tone: 440, color: 'red', screen: 'lime' };
export const YAN = { displayName: 'Yan', tone: 880, color: 'blue', screen: 'yellow' };
export const UMA = { displayName: 'Uma', tone: 660, color: 'lime', screen: 'yellow' };

/** The parameters that sign somebody in with their voice and face. */
export function as(person, { rawId, displayName = person.displayName }) {
  const { tone, color, screen } = person;
  return { as: rawId, name: displayName, tone, color, screen };
}
