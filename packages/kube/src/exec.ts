/**
 * Runs a command in a container through the API server (`v5.channel.k8s.io`, else `v4`).
 *
 * Frames start with a channel byte: 0 input, 1 output, 2 errors, 3 the final `Status`, and in v5 255 closes a channel.
 * With a v4 server the command does not see the end of its input.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import type { ContainerRef, ExecRequest } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import type { WebSocket } from 'ws';
import { currentCredentials, type KubeConnection, tlsOptions } from './connection.ts';
import { resourcePath } from './paths.ts';
import { Pods } from './resources.ts';
import { errorFromResponse, errorFromTransport } from './status-error.ts';

const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const INPUT = 0;
const OUTPUT = 1;
const ERRORS = 2;
const STATUS = 3;
const CLOSE = 255;

interface ExecStatus {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** Resolves with the command's exit code. Throws `NotFound` for an unknown pod, `ExecFailed` where it did not run. */
export async function execInPod(
  connection: KubeConnection,
  ref: ContainerRef,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const what = `exec in pod ${ref.namespace}/${ref.pod}`;
  const socket = await openRenewed(connection, ref, request, what, signal);
  const ended = new AbortController();
  const onAbort = (): void => socket.terminate();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const finished = receive(socket, request, what);
    if (request.stdin !== undefined) {
      // Input may still wait when the command is long done, so nobody waits for it.
      sendInput(socket, request.stdin, ended.signal).catch(() => socket.terminate());
    }
    return await finished;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    ended.abort();
    socket.terminate();
  }
}

/** Credentials that the server refuses are renewed once. */
async function openRenewed(...parameters: OpenParameters): Promise<WebSocket> {
  try {
    return await open(false, ...parameters);
  } catch (error) {
    if (!isStackError(error, 'Unauthorized') || parameters[0].credentials === undefined) throw error;
    return await open(true, ...parameters);
  }
}

type OpenParameters = readonly [
  connection: KubeConnection,
  ref: ContainerRef,
  request: ExecRequest,
  what: string,
  signal: AbortSignal,
];

async function open(renew: boolean, ...[connection, ref, request, what, signal]: OpenParameters): Promise<WebSocket> {
  const query = new URLSearchParams();
  for (const part of request.command) query.append('command', part);
  if (ref.container !== undefined) query.set('container', ref.container);
  query.set('stdin', String(request.stdin !== undefined));
  query.set('stdout', 'true');
  query.set('stderr', 'true');
  const path = resourcePath(Pods, { namespace: ref.namespace, name: ref.pod, subresource: 'exec' });
  const url = `${connection.server.replace(/\/+$/, '').replace(/^http/, 'ws')}${path}?${query.toString()}`;
  const credentials = await currentCredentials(connection, renew);
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(url, PROTOCOLS, {
    ...tlsOptions(connection, credentials),
    ...(credentials.token === undefined ? {} : { headers: { authorization: `Bearer ${credentials.token}` } }),
    handshakeTimeout: 15_000,
    perMessageDeflate: false,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        socket.terminate();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const settle = (work: () => void) => (): void => {
        signal.removeEventListener('abort', onAbort);
        work();
      };
      socket.once('open', settle(resolve));
      socket.once('error', (error) => settle(() => reject(errorFromTransport(error, connection.server, what)))());
      socket.once('unexpected-response', (_, response) => {
        signal.removeEventListener('abort', onAbort);
        readAnswer(response, what).then(reject, reject);
      });
    });
  } catch (error) {
    socket.on('error', () => {});
    socket.terminate();
    throw error;
  }
  return socket;
}

async function readAnswer(response: IncomingMessage, what: string): Promise<StackError> {
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  return errorFromResponse(response.statusCode ?? 500, body, what);
}

async function receive(socket: WebSocket, request: ExecRequest, what: string): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    let status: ExecStatus | undefined;
    socket.on('message', (data: Buffer) => {
      const payload = data.subarray(1);
      switch (data[0] ?? -1) {
        case OUTPUT:
          forward(socket, request.stdout, payload, reject);
          break;
        case ERRORS:
          forward(socket, request.stderr, payload, reject);
          break;
        case STATUS:
          status = JSON.parse(payload.toString('utf8')) as ExecStatus;
          break;
        default:
          // Channels we did not ask for (resize) and closes of output channels say nothing to us.
          break;
      }
    });
    socket.on('error', (error) => reject(new StackError('ExecFailed', `${what}: ${error.message}`, { cause: error })));
    socket.on('close', () => {
      if (status === undefined)
        reject(new StackError('ExecFailed', `${what}: the connection ended before the command`));
      else settleWithStatus(status, what, resolve, reject);
    });
  });
}

function settleWithStatus(
  status: ExecStatus,
  what: string,
  resolve: (code: number) => void,
  reject: (error: StackError) => void,
): void {
  if (status.status === 'Success') {
    resolve(0);
    return;
  }
  const exitCode = status.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && exitCode !== undefined) resolve(Number(exitCode));
  else reject(new StackError('ExecFailed', `${what}: ${status.message ?? 'it did not run'}`, { details: { status } }));
}

/** Writes on, and stops reading from the server while the receiver is full. */
function forward(socket: WebSocket, target: Writable, payload: Buffer, fail: (error: unknown) => void): void {
  if (payload.length === 0 || target.write(payload)) return;
  socket.pause();
  once(target, 'drain').then(() => socket.resume(), fail);
}

async function sendInput(
  socket: WebSocket,
  input: AsyncIterable<Uint8Array | string>,
  ended: AbortSignal,
): Promise<void> {
  const send = async (frame: Buffer): Promise<void> => {
    await new Promise<void>((resolve, reject) => {
      socket.send(frame, (error) => (error ? reject(error) : resolve()));
    });
  };
  for await (const chunk of input) {
    if (ended.aborted) return;
    await send(Buffer.concat([Buffer.from([INPUT]), Buffer.from(chunk as Uint8Array)]));
  }
  if (!ended.aborted && socket.protocol === PROTOCOLS[0]) await send(Buffer.from([CLOSE, INPUT]));
}
