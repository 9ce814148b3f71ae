/**
 * One TLS connection that speaks just enough HTTP/1.1 to load an API server: it costs so little that the server is what
 * is measured. Requests on a connection go one after the other.
 */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

export interface Target {
  readonly port: number;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface RawAnswer {
  readonly code: number;
  readonly body: Buffer;
}

export interface RawConnection {
  request(method: string, path: string, body?: string): Promise<RawAnswer>;
  /** Gives the bytes of an answer without end to `onBytes`, as they come; resolves when its head is there. */
  stream(path: string, onBytes: (bytes: Buffer) => void): Promise<void>;
  close(): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');

export async function connectRaw({ port, caPem, certPem, keyPem }: Target): Promise<RawConnection> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: caPem,
    cert: certPem,
    key: keyPem,
    ALPNProtocols: ['http/1.1'],
  });
  socket.setNoDelay(true);
  await once(socket, 'secureConnect');
  const send = (method: string, path: string, body?: string): void => {
    const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n`;
    if (body === undefined) socket.write(`${head}\r\n`);
    else
      socket.write(
        `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
  };
  return {
    request: async (method, path, body) => {
      const answered = readAnswer(socket);
      send(method, path, body);
      return await answered;
    },
    stream: async (path, onBytes) => {
      const begun = new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('the connection was closed')));
        let isBegun = false;
        socket.on('data', (bytes: Buffer) => {
          if (!isBegun) {
            isBegun = true;
            if (bytes.subarray(9, 12).toString('latin1') === '200') resolve();
            else reject(new Error(bytes.toString('utf8')));
          }
          onBytes(bytes);
        });
      });
      send('GET', path);
      await begun;
    },
    close: () => socket.destroy(),
  };
}

function readAnswer(socket: TLSSocket): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    /** Where the answer ends; unknown before the head is there, and for one that is sent in chunks. */
    let end = -1;
    let head: string | undefined;
    let bodyAt = 0;
    const leave = (): void => {
      socket.off('data', onData);
      socket.off('error', fail);
      socket.off('close', onClose);
    };
    const fail = (error: Error): void => {
      leave();
      reject(error);
    };
    const onClose = (): void => fail(new Error('the connection was closed before the answer was whole'));
    const readHead = (): void => {
      const all = Buffer.concat(chunks);
      chunks.splice(0, chunks.length, all);
      const at = all.indexOf(HEAD_END);
      if (at < 0) return;
      head = all.subarray(0, at).toString('latin1').toLowerCase();
      bodyAt = at + 4;
      const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
      if (length !== undefined) end = bodyAt + Number(length);
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (head === undefined) readHead();
      if (head === undefined) return;
      const isWhole = end >= 0 ? size >= end : endsChunked(chunks);
      if (!isWhole) return;
      leave();
      const all = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
      const body = end >= 0 ? all.subarray(bodyAt, end) : dechunk(all.subarray(bodyAt));
      resolve({ code: Number(head.slice(9, 12)), body });
    };
    socket.on('data', onData);
    socket.on('error', fail);
    socket.on('close', onClose);
  });
}

/** The last chunk has no bytes; JSON that ends in the same ones has none before it. */
function endsChunked(chunks: readonly Buffer[]): boolean {
  const last = chunks.at(-1);
  const tail = last && last.length >= 7 ? last.subarray(-7) : Buffer.concat(chunks.slice(-8)).subarray(-7);
  return tail.toString('latin1') === '\r\n0\r\n\r\n';
}

function dechunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (!(length > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}
