// Makes meetings through the exchange's gRPC interface, with no more of protobuf than that needs.

import http2 from 'node:http2';

/** Makes a meeting of the token's user; resolves with the three ways into it. */
export async function openMeeting(origin, { token, subject }) {
  const answer = await unary(origin, {
    path: '/trunkline.meetings.v1.MeetingsService/CreateMeeting', token, message: textField(2, subject),
  });
  const meeting = readField(answer, 1);
  const text = (message, number) => readField(message, number).toString('utf8');
  const [coordinates, code] = [readField(meeting, 4), readField(meeting, 6)];
  return {
    link: { meetingLink: text(meeting, 5) },
    coordinates: {
      threadId: text(coordinates, 1), organizerId: text(coordinates, 2), tenantId: text(coordinates, 3), messageId: text(coordinates, 4),
    },
    code: { meetingId: text(code, 1), passcode: text(code, 2) },
  };
}

/** Makes a meeting of the token's user; resolves with its link. */
export async function newMeeting(origin, options) {
  return (await openMeeting(origin, options)).link.meetingLink;
}

/** One gRPC call with one message each way. */
function unary(origin, { path, token, message }) {
  return new Promise((resolve, reject) => {
    // The development certificate is the exchange's own.
    const session = http2.connect(origin, { rejectUnauthorized: false });
    const fail = (error) => { session.destroy(); reject(error); };
    session.on('error', fail);
    const stream = session.request({
      ':method': 'POST', ':path': path, 'content-type': 'application/grpc+proto', te: 'trailers', authorization: `Bearer ${token}`,
    });
    stream.setTimeout(10_000, () => fail(new Error(`${path}: no answer within 10 s`)));
    const parts = [];
    let status;
    const note = (headers) => { status = headers['grpc-status'] ?? status; };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (part) => parts.push(part));
    stream.on('error', fail);
    stream.on('end', () => {
      session.close();
      if (status === '0') resolve(Buffer.concat(parts).subarray(5));
      else reject(new Error(`${path}: gRPC status ${status}`));
    });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
  });
}

/** A field of text, shorter than 128 bytes. */
function textField(number, text) {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** The bytes of the first field of this number. */
function readField(message, wanted) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at];
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) {
      varint();
    } else if (kind === 2) {
      const length = varint();
      if (tag >> 3 === wanted) return message.subarray(at, at + length);
      at += length;
    } else {
      throw new Error(`a field of kind ${kind} was not expected`);
    }
  }
  throw new Error(`there is no field ${wanted}`);
}
