// What the address of the page asks for. Every parameter is optional.

/** The parameters, as far as they are there. */
export interface Parameters {
  /** An alias, a raw id, or `app:<name>` for a new guest. */
  as?: string | undefined;
  /** Whom to call at once. */
  call?: string | undefined;
  /** A group to join. */
  group?: string | undefined;
  /** A join link, or the digits of a meeting. */
  meeting?: string | undefined;
  passcode?: string | undefined;
  /** Whether to take every call that rings. */
  answersAutomatically: boolean;
}

/** Reads the query of the address; a join link's own path and query name a meeting, too. */
export function readParameters({ pathname, search, origin }: Location): Parameters {
  const query = new URLSearchParams(search);
  const text = (name: string) => query.get(name)?.trim() || undefined;
  const context = text('context');
  const isJoinLink = pathname.startsWith('/l/meetup-join/') && context !== undefined;
  return {
    as: text('as'),
    call: text('call'),
    group: text('group'),
    meeting: isJoinLink ? `${origin}${pathname}?context=${encodeURIComponent(context)}` : text('meeting'),
    passcode: text('passcode'),
    answersAutomatically: text('answer') === 'auto',
  };
}
