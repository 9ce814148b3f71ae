/**
 * `exec` over WebSockets (`v5.channel.k8s.io`, `v4.channel.k8s.io`): the first byte of a message is its channel (0 stdin,
 * 1 stdout, 2 stderr, 3 the final status, 4 the size of the terminal, 255 close of another channel).
 */
import { PassThrough, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { type ExecPlan, runPlan } from './exec.ts';
import { connectionLost } from './pod.ts';

export const EXEC_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;

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

/** Runs the command of a plan over an open connection; resolves when the connection has its status. */
export async function runExec(socket: WebSocket, plan: ExecPlan, stopping: AbortSignal): Promise<void> {
  const leaving = new AbortController();
  socket.once('close', () => leaving.abort(connectionLost()));
  socket.on('error', () => socket.terminate());
  const stdout = channel(socket, STDOUT);
  const stderr = channel(socket, plan.tty ? STDOUT : STDERR); // a terminal has one output
  for (const stream of [stdout, stderr]) stream.on('error', () => leaving.abort(connectionLost()));
  const stdin = plan.stdin ? new PassThrough() : undefined;
  if (stdin) readInput(socket, stdin);
  const status = await runPlan(plan, { stdin, stdout, stderr }, AbortSignal.any([leaving.signal, stopping]));
  socket.send(Buffer.concat([Buffer.from([STATUS]), Buffer.from(JSON.stringify(status))]), { binary: true }, () =>
    socket.close(1000),
  );
}
