/** Sends made-up requests as they are, over a TLS connection of its own each. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Identity } from '@polarstack/testkit/kube-servers';
import { createHeaderCodec } from '../../packages/kube-server/src/spdy/header-block.ts';
import type { FuzzRequest, SpdyPiece } from './fuzz-requests.ts';

/** The most that is waited for an answer, in milliseconds. */
const PATIENCE_MS = 5_000;
/** The same where there may be none that ends: after an upgrade, and after a request that lies about its length. */
const SHORT_PATIENCE_MS = 100;

/** What came back, as text; nothing where the server just closed. */
export async function send(request: FuzzRequest, port: number, identity: Identity): Promise<string> {
  const { admin, caPem: ca } = identity;
  const wire = connectTcp(port, '127.0.0.1');
  wire.on('error', () => {});
  const socket = connect({ socket: wire, host: '127.0.0.1', ca, cert: admin.certPem, key: admin.keyPem });
  socket.on('error', () => {}); // whatever becomes of it, the server must live
  await Promise.race([once(socket, 'secureConnect'), new Promise((resolve) => socket.once('close', resolve))]);
  if (socket.destroyed) return '';
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    if (text.length < 100_000) text += chunk.toString('latin1');
  });
  switch (request.type) {
    case 'http':
      await sendHttp(socket, request, () => isWhole(text, request.method));
      break;
    case 'websocket': {
      const { path, protocol, frames } = request;
      socket.write(upgrade(path, ['Upgrade: websocket', `Sec-WebSocket-Protocol: ${protocol}`]));
      await answered(socket, () => text.includes('\r\n\r\n'));
      for (const frame of frames) socket.write(frame);
      if (text.includes(' 101 ')) await answered(socket, () => false, SHORT_PATIENCE_MS);
      break;
    }
    case 'spdy': {
      socket.write(upgrade(request.path, ['Upgrade: SPDY/3.1', 'X-Stream-Protocol-Version: portforward.k8s.io']));
      await answered(socket, () => text.includes('\r\n\r\n'));
      const codec = createHeaderCodec();
      for (const piece of request.frames) socket.write(await bytesOf(piece, codec));
      codec.close();
      if (text.includes(' 101 ')) await answered(socket, () => false, SHORT_PATIENCE_MS);
      break;
    }
  }
  if (request.leaves === 'rudely') wire.resetAndDestroy();
  else socket.destroy();
  return text;
}

async function bytesOf(piece: SpdyPiece, codec: ReturnType<typeof createHeaderCodec>): Promise<Buffer> {
  if (piece.type === 'bytes') return piece.bytes;
  const block = await codec.encode(piece.headers);
  const body = Buffer.alloc(10);
  body.writeUInt32BE(piece.stream, 0);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x80030001, 0);
  head.writeUIntBE(body.length + block.length, 5, 3);
  return Buffer.concat([head, body, block]);
}

function upgrade(path: string, headers: readonly string[]): Buffer {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...headers,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

async function sendHttp(
  socket: TLSSocket,
  request: Extract<FuzzRequest, { type: 'http' }>,
  isDone: () => boolean,
): Promise<void> {
  const body = Buffer.from(request.body);
  const framing =
    request.chunks.length > 0 ? 'transfer-encoding: chunked' : body.length > 0 ? `content-length: ${body.length}` : '';
  const head = [
    `${request.method} ${request.path} HTTP/1.1`,
    ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`),
    ...(framing === '' ? [] : [framing]),
  ].join('\r\n');
  const bytes = Buffer.concat([Buffer.from(`${head}\r\n\r\n`), framed(body, request.chunks)]);
  for (const [at, value] of request.flips) if (at < bytes.length) bytes[at] = value;
  const part = request.cut === undefined ? bytes : bytes.subarray(0, request.cut);
  socket.write(part);
  if (request.cut === undefined)
    await answered(socket, isDone, request.flips.length > 0 ? SHORT_PATIENCE_MS : PATIENCE_MS);
}

/** In chunks of the given sizes; what is left over goes into a last one. */
function framed(body: Buffer, sizes: readonly number[]): Buffer {
  if (sizes.length === 0) return body;
  const parts: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, body.length]) {
    const chunk = body.subarray(at, at + size);
    at += size;
    if (chunk.length > 0) parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

function isWhole(text: string, method: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0 || text.startsWith('HTTP/1.1 100')) return end >= 0 && text.indexOf('HTTP/1.1', end) > 0;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  // Of an answer without a length (a watch, a log) the head is enough.
  return length === undefined || method === 'HEAD' || text.length - end - 4 >= Number(length);
}

/** Resolves when the answer is there, the server closed, or patience ends. */
function answered(socket: TLSSocket, isDone: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (isDone()) done();
    };
    const done = (): void => {
      clearTimeout(timer);
      socket.off('data', look);
      socket.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, patienceMs);
    socket.on('data', look);
    socket.on('close', done);
    if (socket.destroyed) done();
  });
}
