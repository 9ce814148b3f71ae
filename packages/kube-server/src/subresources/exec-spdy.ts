/**
 * `exec` over SPDY (`v4.channel.k8s.io`), the way of clients before WebSockets: the client opens one stream for each of
 * error, stdin, stdout, stderr and resize, as it asked for in its query; the status travels on the error stream.
 */
import { PassThrough, Writable } from 'node:stream';
import { type SpdyReceiver, type SpdyStream, type SpdyTransport, serveSpdy } from '../spdy/session.ts';
import { drained } from './drained.ts';
import { type ExecPlan, runPlan } from './exec.ts';
import { connectionLost } from './pod.ts';

/** Within an upgrade to SPDY. */
export const SPDY_EXEC_PROTOCOL = 'v4.channel.k8s.io';

type Role = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';
const roles: readonly string[] = ['error', 'stdin', 'stdout', 'stderr', 'resize'] satisfies readonly Role[];

function isRole(text: string | undefined): text is Role {
  return text !== undefined && roles.includes(text);
}

function output(stream: SpdyStream | undefined): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      // Without a stream the client did not ask for this output.
      (stream?.write(Buffer.from(chunk)) ?? Promise.resolve()).then(() => done(), done);
    },
  });
}

/** Serves the connection of one command; resolves when it has ended and its client was told, or left. */
export async function serveSpdyExec(plan: ExecPlan, transport: SpdyTransport, stopping: AbortSignal): Promise<void> {
  const streams = new Map<Role, SpdyStream>();
  const stdin = new PassThrough();
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, stopping]);
  let running: Promise<void> | undefined;

  const work = async (): Promise<void> => {
    const stdout = output(streams.get('stdout'));
    const stderr = output(streams.get(plan.tty ? 'stdout' : 'stderr')); // a terminal has one output
    for (const stream of [stdout, stderr]) stream.on('error', () => leaving.abort(connectionLost()));
    const status = await runPlan(plan, { stdin: plan.stdin ? stdin : undefined, stdout, stderr }, signal);
    const error = streams.get('error');
    await error?.write(Buffer.from(JSON.stringify(status)));
    for (const stream of streams.values()) await stream.end();
  };

  const accept = (stream: SpdyStream): SpdyReceiver | undefined => {
    const { streamtype: role } = stream.headers;
    if (!isRole(role) || streams.has(role) || running) return undefined;
    streams.set(role, stream);
    // Everything that is written waits for the answer to its stream: the command may begin with the last one.
    if (plan.streams.every((name) => streams.has(name as Role))) running = work();
    running?.catch(() => leaving.abort(connectionLost()));
    return {
      data: async (bytes) => {
        if (role === 'stdin' && !stdin.writableEnded && !stdin.write(bytes)) await drained(stdin);
      },
      ended: () => {
        if (role === 'stdin') stdin.end();
      },
      reset: () => {
        if (role === 'stdin') stdin.end();
        else if (role !== 'resize') leaving.abort(connectionLost());
      },
    };
  };

  try {
    await serveSpdy(transport, accept);
  } finally {
    stdin.end();
    leaving.abort(connectionLost());
    await running?.catch(() => {}); // the client is gone: nobody is left to be told
  }
}
