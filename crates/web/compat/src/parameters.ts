// What the address of the composite page says.

export type View = 'call' | 'chat' | 'call-with-chat';

export interface Parameters {
  as: string;
  name?: string;
  view: View;
  agent: 'app' | 'teams';
  group?: string;
  targets: string[];
  incoming: boolean;
  meeting?: string;
  thread?: string;
  form: 'desktop' | 'mobile';
}

/** Reads the parameters; a value that is none of the known ones is an error, not a default. */
export function readParameters(query: URLSearchParams): Parameters {
  const text = (name: string) => query.get(name)?.trim() || undefined;
  return {
    as: text('as') ?? 'app:Guest',
    name: text('name'),
    view: oneOf('view', text('view'), ['call', 'chat', 'call-with-chat']),
    agent: oneOf('agent', text('agent'), ['app', 'teams']),
    group: text('group'),
    targets: text('call')?.split(',').map((target) => target.trim()).filter(Boolean) ?? [],
    incoming: query.has('incoming'),
    meeting: text('meeting'),
    thread: text('thread'),
    form: oneOf('form', text('form'), ['desktop', 'mobile']),
  };
}

/** Returns the value, or the first of the known ones when there is none. */
function oneOf<T extends string>(name: string, value: string | undefined, known: [T, ...T[]]): T {
  if (value === undefined) return known[0];
  const found = known.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`${name}=${value}: choose one of ${known.join(', ')}`);
  return found;
}
