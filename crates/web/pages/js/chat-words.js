// Chat in words: system messages, times, who writes, who has read.

/** What a system message says. `name` gives the name of a raw id. */
export function systemWords(message, name) {
  const by = message.initiator ? name(message.initiator) : 'Somebody';
  const others = message.people.filter(({ rawId }) => rawId !== message.initiator);
  const people = listed(others.map((person) => {
    const known = name(person.rawId);
    return known === 'You' ? 'you' : person.name || known;
  }));
  switch (message.type) {
    case 'topicUpdated':
      return `${by} named the conversation “${message.topic}”`;
    case 'participantAdded':
      return others.length > 0 ? `${by} added ${people}` : `${by} began the conversation`;
    case 'participantRemoved':
      return others.length > 0 ? `${by} removed ${people}` : `${by} left`;
    default:
      return 'Something happened that this page has no words for';
  }
}

/** `Bob is writing…` */
export function typingWords(names) {
  if (names.length === 0) return '';
  if (names.length > 3) return 'Several people are writing…';
  return `${listed(names)} ${names.length === 1 ? 'is' : 'are'} writing…`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names) {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** The time of today, or the day. */
export function timeText(milliseconds, now = new Date()) {
  const time = new Date(milliseconds);
  return time.toDateString() === now.toDateString()
    ? clock(time)
    : time.toLocaleDateString('en', { day: 'numeric', month: 'short' });
}

/** The time of day. */
export function clock(time) {
  return new Date(time).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false });
}

/** `Today`, `Yesterday`, or the date. */
export function dayText(milliseconds, now = new Date()) {
  const day = new Date(milliseconds).toDateString();
  if (day === now.toDateString()) return 'Today';
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (day === yesterday.toDateString()) return 'Yesterday';
  return new Date(milliseconds).toLocaleDateString('en', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
}
