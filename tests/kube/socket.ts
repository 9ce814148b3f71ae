/** Watches over WebSockets, read by hand: what matters is what the server sends, not what a library makes of it. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Endpoint } from '@polarstack/testkit/kube-servers';

export interface SocketAnswer {
  /** 101 where the server changed the protocol. */
  readonly code: number;
  /** The protocol that the server chose. */
  readonly protocol: string | undefined;
  /** Kind of frame (1 text, 2 binary, 8 close) and content, in order. */
  readonly frames: readonly { readonly kind: number; readonly text: string }[];
}

/** Opens a WebSocket and reads until `enough` says so or the server closes it. */
export async function readSocket(
  { host, port, agent }: Endpoint,
  path: string,
  headers: Readonly<Record<string, string>>,
  enough: (frames: SocketAnswer['frames']) => boolean,
  meanwhile?: () => Promise<unknown>,
): Promise<SocketAnswer> {
  const opened = await new Promise<{ response: IncomingMessage; socket?: Duplex; head: Buffer }>((resolve, reject) => {
    const asked = request({
      ...agent.options,
      agent: false,
      host,
      port,
      path,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
        ...headers,
      },
    });
    asked.once('upgrade', (response, socket, head) => resolve({ response, socket, head }));
    asked.once('response', (response) => {
      response.resume();
      resolve({ response, head: Buffer.alloc(0) });
    });
    asked.once('error', reject);
    asked.end();
  });
  const { response, socket, head } = opened;
  const protocol = response.headers['sec-websocket-protocol'];
  const code = response.statusCode ?? 0;
  if (!socket) return { code, protocol, frames: [] };
  const frames: { kind: number; text: string }[] = [];
  try {
    await Promise.all([collect(socket, head, frames, enough), meanwhile?.()]);
  } finally {
    socket.destroy();
  }
  return { code, protocol, frames };
}

async function collect(
  socket: Duplex,
  head: Buffer,
  frames: { kind: number; text: string }[],
  enough: (frames: SocketAnswer['frames']) => boolean,
): Promise<void> {
  let buffer = head;
  const take = (): boolean => {
    for (;;) {
      const frame = firstFrame(buffer);
      if (!frame) return false;
      buffer = buffer.subarray(frame.end);
      frames.push({ kind: frame.kind, text: frame.kind === 8 ? '' : frame.payload.toString('utf8') });
      if (frame.kind === 8 || enough(frames)) return true;
    }
  };
  if (take()) return;
  for await (const chunk of socket) {
    buffer = Buffer.concat([buffer, chunk as Buffer]);
    if (take()) return;
  }
}

/** Frames of a server are never masked. */
function firstFrame(buffer: Buffer): { kind: number; payload: Buffer; end: number } | undefined {
  if (buffer.length < 2) return undefined;
  const kind = (buffer[0] ?? 0) & 0x0f;
  const short = (buffer[1] ?? 0) & 0x7f;
  const start = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (buffer.length < start) return undefined;
  const length = short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short;
  const end = start + length;
  return buffer.length < end ? undefined : { kind, payload: buffer.subarray(start, end), end };
}
