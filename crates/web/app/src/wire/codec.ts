// Protobuf as far as the app reads and writes it: a codec for each message is put together from those of its fields.

/** Reads and writes one kind of value. */
export interface Codec<T> {
  /** How the value is on the wire: a number of variable length, or bytes of a stated length. */
  readonly form: 'varint' | 'bytes';
  /** What the field is while the wire says nothing. */
  readonly absent: T;
  read(raw: number | Uint8Array): T;
  write(value: T): number | Uint8Array;
}

/** A field of a message: its number and what it holds. */
export interface Field<T> {
  readonly number: number;
  readonly codec: Codec<T>;
  readonly isRepeated: boolean;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;
/** What a message holds. */
export type Message<F extends Fields> = { readonly [name in keyof F]: ValueOf<F[name]> };
/** What a codec reads. */
export type Read<C> = C extends Codec<infer T> ? NonNullable<T> : never;

export const string: Codec<string> = {
  form: 'bytes',
  absent: '',
  read: (raw) => (typeof raw === 'number' ? '' : new TextDecoder().decode(raw)),
  write: (value) => new TextEncoder().encode(value),
};

/** Whole numbers up to what a number holds exactly. */
export const uint: Codec<number> = { form: 'varint', absent: 0, read: Number, write: (value) => value };

/** A number that is told apart from its absence, also when it is zero. */
export const maybe: Codec<number | undefined> = { form: 'varint', absent: undefined, read: Number, write: (value) => value ?? 0 };

export const bool: Codec<boolean> = { form: 'varint', absent: false, read: (raw) => raw === 1, write: Number };

/** An enum by the names of its values from zero on; one that is not known reads as the first. */
export function enumeration<const Names extends readonly string[]>(names: Names): Codec<Names[number]> {
  const first = names[0] as Names[number];
  return {
    form: 'varint',
    absent: first,
    read: (raw) => names[Number(raw)] ?? first,
    write: (value) => names.indexOf(value),
  };
}

/** A message; absent while the wire does not have it. */
export function message<F extends Fields>(fields: F): Codec<Message<F> | undefined> {
  const byNumber = new Map(Object.entries(fields).map(([name, one]) => [one.number, { name, ...one }]));
  return {
    form: 'bytes',
    absent: undefined,
    read(raw) {
      const found: Record<string, unknown> = {};
      for (const { name, codec, isRepeated } of byNumber.values()) found[name] = isRepeated ? [] : codec.absent;
      for (const { number, value } of entries(raw as Uint8Array)) {
        const known = byNumber.get(number);
        if (!known || (typeof value === 'number') !== (known.codec.form === 'varint')) continue;
        const { name, codec, isRepeated } = known;
        if (isRepeated) (found[name] as unknown[]).push(codec.read(value));
        else found[name] = codec.read(value);
      }
      return found as Message<F>;
    },
    write(value) {
      const bytes: number[] = [];
      for (const [name, one] of Object.entries(fields)) {
        const { number, codec, isRepeated } = one;
        const held = (value as Record<string, unknown>)[name];
        for (const item of isRepeated ? held as unknown[] : [held]) {
          if (item === undefined || (!isRepeated && item === codec.absent)) continue;
          const written = codec.write(item);
          if (typeof written === 'number') bytes.push(...varint(number * 8), ...varint(written));
          else bytes.push(...varint(number * 8 + 2), ...varint(written.length), ...written);
        }
      }
      return Uint8Array.from(bytes);
    },
  };
}

export function field<T>(number: number, codec: Codec<T>): Field<T> {
  return { number, codec, isRepeated: false };
}

export function repeated<T>(number: number, codec: Codec<T>): Field<NonNullable<T>[]> {
  return { number, codec: codec as unknown as Codec<NonNullable<T>[]>, isRepeated: true };
}

/** Reads the fields of a message in their order; throws when it ends in the middle of one. */
function* entries(bytes: Uint8Array): Generator<{ number: number; value: number | Uint8Array }> {
  let place = 0;
  const next = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[place];
      if (byte === undefined) throw new RangeError('a message ends in the middle of a field');
      place += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    if (place + length > bytes.length) throw new RangeError('a message ends in the middle of a field');
    place += length;
    return bytes.subarray(place - length, place);
  };
  while (place < bytes.length) {
    const key = next();
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case 0: yield { number, value: next() }; break;
      case 1: take(8); break;
      case 2: yield { number, value: take(next()) }; break;
      case 5: take(4); break;
      default: throw new RangeError('a message has a field of an unknown form');
    }
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) + 0x80);
    left = Math.floor(left / 0x80);
  }
  return [...bytes, left];
}
