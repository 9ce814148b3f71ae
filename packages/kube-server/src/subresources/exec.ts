/**
 * `kubectl exec`: what is checked before a connection is upgraded, and the run of the command. How its streams travel is
 * told by exec-websocket.ts and exec-spdy.ts.
 */
import type { Readable, Writable } from 'node:stream';
import type { ContainerRef, PodConnector } from '@polarstack/api';
import { toStatus } from '../http/respond.ts';
import { errors, failure, type Status } from '../http/status.ts';
import type { ObjectStore, StoredObject } from '../store/object-store.ts';
import { chooseContainer, findPod, podFailure, requireConnector } from './pod.ts';

/** Everything that is checked before the connection is upgraded, so that a refusal is an ordinary answer. */
export interface ExecPlan {
  readonly pod: StoredObject;
  readonly ref: ContainerRef;
  readonly connector: PodConnector;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
  /** What a client opens a stream for where each has one of its own. */
  readonly streams: readonly string[];
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
  const ref = { namespace, pod: name, container };
  return { pod, ref, connector: requireConnector(connector), command, ...readStreams(query) };
}

/** The streams that a client asks for in its query. */
export function readStreams(query: URLSearchParams): Pick<ExecPlan, 'stdin' | 'tty' | 'streams'> {
  const asks = (flag: string): boolean => /^(true|1)$/.test(query.get(flag) ?? '');
  const tty = asks('tty');
  const streams = [
    'error',
    ...['stdin', 'stdout', 'stderr'].filter((flag) => asks(flag) && !(flag === 'stderr' && tty)),
    ...(tty ? ['resize'] : []),
  ];
  return { stdin: asks('stdin'), tty, streams };
}

/** Where the input of a command comes from, and where its output goes. */
export interface ExecStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable;
  readonly stderr: Writable;
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

/** Runs the command of a plan; resolves, when all of its output is on its way, with what became of it. */
export async function runPlan(
  plan: ExecPlan,
  { stdin, stdout, stderr }: ExecStreams,
  signal: AbortSignal,
): Promise<Partial<Status>> {
  const { ref, command, connector } = plan;
  try {
    const code = await connector.exec(ref, { command, stdout, stderr, ...(stdin ? { stdin } : {}) }, signal);
    await Promise.all([ended(stdout), ended(stderr)]);
    return exitStatus(code);
  } catch (error) {
    return toStatus(podFailure(error, plan.pod, ref));
  }
}
