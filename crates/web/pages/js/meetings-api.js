// Makes meetings over gRPC-web. The two messages it needs are written and read here, field by field.

const PATH = '/trunkline.meetings.v1.MeetingsService/CreateMeeting';
const ANSWER_WITHIN_MS = 15_000;
const PRESENTERS_OF_THE_ORGANIZATION = 2;
const TRAILERS = 0x80;

/** Makes a meeting that begins now; returns its `joinLink`, `meetingId` (the digits) and `passcode`. */
export async function createMeeting(credential, subject) {
  const settings = [...varintField(5, PRESENTERS_OF_THE_ORGANIZATION)];
  const request = [...bytesField(2, new TextEncoder().encode(subject)), ...bytesField(5, settings)];
  const token = await credential.token();
  let response;
  let body;
  try {
    response = await fetch(PATH, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/grpc-web+proto',
        'X-Grpc-Web': '1',
        Authorization: `Bearer ${token}`,
      },
      body: frame(request),
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    body = new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new Error('The exchange does not answer.');
  }
  const { message, trailers } = readFrames(body);
  const status = response.headers.get('grpc-status') ?? trailers.get('grpc-status') ?? (response.ok ? '' : '14');
  if (status !== '0' || !message) {
    const words = response.headers.get('grpc-message') ?? trailers.get('grpc-message');
    throw new Error(words ? decodeURIComponent(words) : 'The exchange made no meeting.');
  }
  const meeting = fieldsOf(fieldsOf(message).get(1) ?? new Uint8Array());
  const code = fieldsOf(meeting.get(6) ?? new Uint8Array());
  return { joinLink: text(meeting.get(5)), meetingId: text(code.get(1)), passcode: text(code.get(2)) };
}

/** The last value of every length-delimited field of a message. */
export function fieldsOf(bytes) {
  const fields = new Map();
  let place = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; place < bytes.length; shift += 7) {
      const byte = bytes[place];
      place += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (place < bytes.length) {
    const key = varint();
    const type = key % 8;
    if (type === 0) varint();
    else if (type === 1) place += 8;
    else if (type === 5) place += 4;
    else if (type === 2) {
      const length = varint();
      fields.set(Math.floor(key / 8), bytes.subarray(place, place + length));
      place += length;
    } else throw new Error('The exchange answered what this page cannot read.');
  }
  return fields;
}

function readFrames(bytes) {
  const trailers = new Map();
  let message = null;
  let place = 0;
  while (place + 5 <= bytes.length) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + place + 1, 4).getUint32(0);
    const content = bytes.subarray(place + 5, place + 5 + length);
    if (bytes[place] & TRAILERS) {
      for (const line of text(content).split('\r\n')) {
        const colon = line.indexOf(':');
        if (colon > 0) trailers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
      }
    } else message = content;
    place += 5 + length;
  }
  return { message, trailers };
}

function frame(message) {
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

function bytesField(number, bytes) {
  return [number * 8 + 2, ...varintBytes(bytes.length), ...bytes];
}

function varintField(number, value) {
  return [number * 8, ...varintBytes(value)];
}

function varintBytes(value) {
  const bytes = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) + 0x80);
    left = Math.floor(left / 0x80);
  }
  return [...bytes, left];
}

function text(bytes) {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}
