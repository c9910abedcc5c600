// gRPC-web over fetch: one answer, or answers as they come.

import { text } from '../strings';
import type { Codec } from './codec';

const ANSWER_WITHIN_MS = 15_000;
const HEAD_BYTES = 5;
const TRAILERS = 0x80;

/** What a method takes and gives. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

/** A refusal, with the number of its gRPC status. */
export class GrpcError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.name = 'GrpcError';
    this.status = status;
  }
}

/** Who asks: somebody with a token, or whoever has an access key. */
export interface Asker {
  readonly scheme?: string;
  token(isFresh?: boolean): Promise<string>;
}

/** Asks and returns the one answer. */
export async function unary<Request, Response>(
  asker: Asker, method: Method<Request, Response>, request: NonNullable<Request>,
): Promise<NonNullable<Response>> {
  for await (const answer of stream(asker, method, request, AbortSignal.timeout(ANSWER_WITHIN_MS))) return answer;
  throw new GrpcError(text.errors.unreadable, 13);
}

/** Asks and gives the answers as they come, until the exchange ends the stream or `signal` does. */
export async function* stream<Request, Response>(
  asker: Asker, method: Method<Request, Response>, request: NonNullable<Request>, signal: AbortSignal,
): AsyncGenerator<NonNullable<Response>> {
  const response = await send(`${asker.scheme ?? 'Bearer'} ${await asker.token()}`, method, request, signal);
  refuseStatus(response.headers, response.ok);
  if (!response.body) throw new GrpcError(text.errors.unreadable, 13);
  for await (const { isTrailer, content } of frames(response.body)) {
    if (isTrailer) refuseStatus(trailersOf(content), true);
    else yield method.response.read(content) as NonNullable<Response>;
  }
}

async function send<Request>(authorization: string, { path, request: codec }: Method<Request, never> | Method<Request, unknown>, request: NonNullable<Request>, signal: AbortSignal) {
  const message = codec.write(request) as Uint8Array;
  const body = new Uint8Array(HEAD_BYTES + message.length);
  new DataView(body.buffer).setUint32(1, message.length);
  body.set(message, HEAD_BYTES);
  try {
    return await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/grpc-web+proto', 'X-Grpc-Web': '1', Authorization: authorization },
      body,
      cache: 'no-store',
      signal,
    });
  } catch {
    throw new GrpcError(text.errors.noAnswer, 14);
  }
}

async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<{ isTrailer: boolean; content: Uint8Array }> {
  const reader = body.getReader();
  let rest: Uint8Array = new Uint8Array();
  try {
    for (;;) {
      while (rest.length >= HEAD_BYTES) {
        const length = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
        if (rest.length < HEAD_BYTES + length) break;
        yield { isTrailer: ((rest[0] ?? 0) & TRAILERS) !== 0, content: rest.subarray(HEAD_BYTES, HEAD_BYTES + length) };
        rest = rest.subarray(HEAD_BYTES + length);
      }
      const { done, value } = await reader.read();
      if (done) return;
      const joined = new Uint8Array(rest.length + value.length);
      joined.set(rest);
      joined.set(value, rest.length);
      rest = joined;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function trailersOf(content: Uint8Array): Headers {
  const headers = new Headers();
  for (const line of new TextDecoder().decode(content).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return headers;
}

/** Throws what the status says, unless it is fine or not said yet. */
function refuseStatus(headers: Headers, isOk: boolean): void {
  const status = Number(headers.get('grpc-status') ?? (isOk ? 0 : 14));
  if (status === 0) return;
  const words = headers.get('grpc-message');
  throw new GrpcError(words ? decodeURIComponent(words) : text.errors.unknown, status);
}
