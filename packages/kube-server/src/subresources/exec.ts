/**
 * `kubectl exec` over WebSockets (`v5.channel.k8s.io`, `v4.channel.k8s.io`): the first byte of a message is its channel
 * (0 stdin, 1 stdout, 2 stderr, 3 the final status, 4 the size of the terminal, 255 close of another channel).
 */
import { PassThrough, Writable } from 'node:stream';
import type { ContainerRef, PodConnector } from '@polarstack/api';
import type { RawData, WebSocket } from 'ws';
import { toStatus } from '../http/respond.ts';
import { errors, failure, type Status } from '../http/status.ts';
import type { ObjectStore, StoredObject } from '../store/object-store.ts';
import { chooseContainer, connectionLost, findPod, podFailure, requireConnector } from './pod.ts';

export const EXEC_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;

/** Everything that is checked before the connection is upgraded, so that a refusal is an ordinary answer. */
export interface ExecPlan {
  readonly pod: StoredObject;
  readonly ref: ContainerRef;
  readonly connector: PodConnector;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
}

export function planExec(
  store: ObjectStore,
  connector: () => PodConnector | undefined,
  namespace: string,
  name: string,
  query: URLSearchParams,
): ExecPlan {
  const pod = findPod(store, namespace, name);
  const container = chooseContainer(pod, query.get('container'));
  const command = query.getAll('command');
  if (command.length === 0) throw errors.badRequest('you must specify at least one command for the container');
  return {
    pod,
    ref: { namespace, pod: name, container },
    connector: requireConnector(connector),
    command,
    stdin: query.get('stdin') === 'true',
    tty: query.get('tty') === 'true',
  };
}

function channel(socket: WebSocket, number: number): Writable {
  const write = (chunk: Buffer, done: (error?: Error | null) => void): void => {
    // Done when the bytes are handed to the connection: a slow client slows the command down, and no memory grows.
    socket.send(Buffer.concat([Buffer.from([number]), chunk]), { binary: true }, (error) => done(error ?? null));
  };
  return new Writable({ write: (chunk: Buffer, _encoding, done) => write(Buffer.from(chunk), done) });
}

const bytes = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);

function readInput(socket: WebSocket, stdin: PassThrough): void {
  socket.on('message', (data) => {
    const message = bytes(data);
    if (message[0] === CLOSE && message[1] === STDIN) stdin.end();
    if (message[0] !== STDIN || stdin.writableEnded) return;
    if (!stdin.write(message.subarray(1))) {
      socket.pause();
      stdin.once('drain', () => socket.resume());
    }
  });
  socket.on('close', () => stdin.end());
}

function ended(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableFinished || stream.destroyed) resolve();
    else {
      stream.once('close', resolve);
      stream.once('error', () => resolve());
      stream.end(() => resolve());
    }
  });
}

function exitStatus(code: number): Partial<Status> {
  if (code === 0) return { metadata: {}, status: 'Success' };
  return failure(500, 'NonZeroExitCode', `command terminated with exit code ${code}`, {
    causes: [{ reason: 'ExitCode', message: String(code) }],
  }).status;
}

/** Runs the command of a plan over an open connection; resolves when the connection has its status. */
export async function runExec(socket: WebSocket, plan: ExecPlan, stopping: AbortSignal): Promise<void> {
  const { ref, command, connector } = plan;
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, stopping]);
  socket.once('close', () => leaving.abort(connectionLost()));
  socket.on('error', () => socket.terminate());
  const stdout = channel(socket, STDOUT);
  const stderr = channel(socket, plan.tty ? STDOUT : STDERR); // a terminal has one output
  for (const stream of [stdout, stderr]) stream.on('error', () => leaving.abort(connectionLost()));
  const stdin = new PassThrough();
  if (plan.stdin) readInput(socket, stdin);
  let status: Partial<Status>;
  try {
    const code = await connector.exec(ref, { command, stdout, stderr, ...(plan.stdin ? { stdin } : {}) }, signal);
    await Promise.all([ended(stdout), ended(stderr)]);
    status = exitStatus(code);
  } catch (error) {
    status = toStatus(podFailure(error, plan.pod, ref));
  }
  socket.send(Buffer.concat([Buffer.from([STATUS]), Buffer.from(JSON.stringify(status))]), { binary: true }, () =>
    socket.close(1000),
  );
}
