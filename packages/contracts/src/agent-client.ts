import { Agent, request } from 'node:https';
import { createSecureContext } from 'node:tls';
import { type ErrorCode, errorTable, linkSignals, StackError } from '@polarstack/base';
import type { AgentApi, AgentStatus, AgentTask, EngineReport, FenceEvidence, Term } from './agent.ts';
import { MAX_TASK_WAIT_MS } from './agent-requests.ts';
import type { PulseSource } from './pulse.ts';
import { watchPulses } from './watch-pulses.ts';

export interface AgentClientOptions {
  /** Where the agent listens. */
  readonly host: string;
  readonly port: number;
  /** The name its certificate must bear: the pod's. */
  readonly serverName: string;
  readonly caPem: string;
  /** The caller's client certificate: its CN is the role it calls in. */
  readonly certPem: string;
  readonly keyPem: string;
  /** Time limit of an ordinary call, in milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
  /** After this long without a pulse a watch counts as broken. Default `SILENCE_MS`. */
  readonly silenceMs?: number;
}

export type AgentClient = AgentApi &
  PulseSource & {
    /** Ends the connections; calls under way fail, watches resolve. */
    close(): void;
  };

interface Call {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal | undefined;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A call may take this much longer than the time the agent was given for it. */
const GRACE_MS = 10_000;
const MAX_SOCKETS = 4;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error an agent answered with, as if it had been thrown here. */
function remoteError(answer: Answer, what: string): StackError {
  const body = parse(answer.text);
  if (typeof body !== 'object' || body === null || !('code' in body) || typeof body.code !== 'string')
    return new StackError('AgentUnreachable', `${what} answered ${answer.status} without an error of an agent`);
  const field = (name: string): string | undefined => {
    const value: unknown = (body as Record<string, unknown>)[name];
    return typeof value === 'string' ? value : undefined;
  };
  const known = Object.hasOwn(errorTable, body.code);
  const code = known ? (body.code as ErrorCode) : 'Internal';
  const remedy = field('remedy');
  const { details } = body as { details?: unknown };
  return new StackError(code, `${known ? '' : `${body.code}: `}${field('message') ?? 'no message'}`, {
    ...(remedy === undefined ? {} : { remedy }),
    ...(typeof details === 'object' && details !== null ? { details: details as Record<string, unknown> } : {}),
  });
}

/**
 * Calls the agent of one instance. Connections are kept and used again; a call on a kept one that the other side had
 * closed meanwhile is repeated once (all calls are idempotent).
 */
export function createAgentClient(options: AgentClientOptions): AgentClient {
  const { host, port, serverName, timeoutMs: usual = 10_000 } = options;
  // Made once: certificates and key would be read again for every connection.
  const secureContext = createSecureContext({
    ca: options.caPem,
    cert: options.certPem,
    key: options.keyPem,
    minVersion: 'TLSv1.2',
  });
  const agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    // Calls side by side are rare, and who keeps clients of thousands of agents pays for every idle connection.
    maxFreeSockets: 1,
    secureContext,
    servername: serverName,
  });
  const closed = new AbortController();
  const what = `the agent of ${serverName} at ${host}:${port}`;

  const once = async (call: Call): Promise<Answer | 'stale'> =>
    await new Promise((resolve, reject) => {
      const payload = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
      const limit = call.timeoutMs ?? usual;
      const req = request(
        {
          agent,
          host,
          port,
          method: call.method,
          path: call.path,
          headers: payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {},
        },
        (res) => {
          let text = '';
          res.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          res.once('end', () => settle(() => resolve({ status: res.statusCode ?? 0, text })));
          res.once('error', (error) => fail(error));
        },
      );
      const timer = setTimeout(() => {
        fail(
          new StackError('AgentUnreachable', `${what} did not answer ${call.method} ${call.path} within ${limit} ms`),
        );
      }, limit);
      const onAbort = (): void => fail(call.signal?.reason);
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        call.signal?.removeEventListener('abort', onAbort);
        end();
      };
      const fail = (error: unknown): void => {
        settle(() => {
          const { code } = error as NodeJS.ErrnoException;
          if (req.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')) resolve('stale');
          else if (call.signal?.aborted === true || error instanceof StackError) reject(error);
          else reject(new StackError('AgentUnreachable', `${what}: ${(error as Error).message}`, { cause: error }));
        });
        req.destroy();
      };
      req.once('error', fail);
      call.signal?.addEventListener('abort', onAbort, { once: true });
      req.end(payload);
    });

  const send = async <T>(call: Call): Promise<T> => {
    call.signal?.throwIfAborted();
    let answer = await once(call);
    if (answer === 'stale') answer = await once(call);
    if (answer === 'stale') throw new StackError('AgentUnreachable', `${what} closed the connection twice`);
    if (answer.status >= 300) throw remoteError(answer, what);
    return (answer.text === '' ? undefined : parse(answer.text)) as T;
  };
  const task = encodeURIComponent;

  return {
    status: async (signal) => await send<AgentStatus>({ method: 'GET', path: '/v1/status', signal }),
    setTerm: async (body, signal) => await send<Term>({ method: 'PUT', path: '/v1/term', body, signal }),
    bootstrap: async (id, body, signal) =>
      await send<AgentTask>({ method: 'POST', path: `/v1/bootstrap?task=${task(id)}`, body, signal }),
    task: async (id, { waitMs = 0 } = {}, signal) =>
      await send<AgentTask>({
        method: 'GET',
        path: `/v1/tasks/${task(id)}?waitMs=${Math.min(Math.max(0, Math.round(waitMs)), MAX_TASK_WAIT_MS)}`,
        timeoutMs: waitMs + GRACE_MS,
        signal,
      }),
    checkConfig: async (parameters, signal) => {
      await send({ method: 'POST', path: '/v1/config/check', body: { parameters }, timeoutMs: 30_000, signal });
    },
    setConfig: async (body, signal) =>
      await send({ method: 'PUT', path: '/v1/config', body, timeoutMs: 30_000, signal }),
    start: async (signal) =>
      await send<EngineReport>({ method: 'POST', path: '/v1/engine/start', timeoutMs: 120_000, signal }),
    stop: async (body, signal) =>
      await send<EngineReport>({
        method: 'POST',
        path: '/v1/engine/stop',
        body,
        timeoutMs: body.timeoutMs + 2 * GRACE_MS,
        signal,
      }),
    reload: async (signal) => await send<EngineReport>({ method: 'POST', path: '/v1/engine/reload', signal }),
    fence: async (body, signal) =>
      await send<FenceEvidence>({
        method: 'POST',
        path: '/v1/engine/fence',
        body,
        timeoutMs: body.timeoutMs + 2 * GRACE_MS,
        signal,
      }),
    checkpoint: async (signal) =>
      await send({ method: 'POST', path: '/v1/engine/checkpoint', timeoutMs: 120_000, signal }),
    promote: async (body = {}, signal) =>
      await send<EngineReport>({ method: 'POST', path: '/v1/engine/promote', body, timeoutMs: 90_000, signal }),
    rewind: async (id, signal) =>
      await send<AgentTask>({ method: 'POST', path: `/v1/engine/rewind?task=${task(id)}`, signal }),
    setRoles: async (roles, signal) => await send({ method: 'PUT', path: '/v1/roles', body: { roles }, signal }),
    setDatabases: async (databases, signal) =>
      await send({ method: 'PUT', path: '/v1/databases', body: { databases }, timeoutMs: 90_000, signal }),
    checkDatabases: async (names, signal) =>
      await send({ method: 'POST', path: '/v1/databases/check', body: { names }, signal }),
    setSlots: async (slots, signal) => await send({ method: 'PUT', path: '/v1/slots', body: { slots }, signal }),
    writeCanary: async (token, signal) =>
      await send({ method: 'POST', path: '/v1/canary/write', body: { token }, signal }),
    readCanary: async (signal) => await send({ method: 'POST', path: '/v1/canary/read', signal }),
    watch: async (onPulse, signal) => {
      const { silenceMs } = options;
      const watching = {
        ...{ host, port, serverName, secureContext, what },
        refusal: (answer: Answer) => remoteError(answer, what),
        ...(silenceMs === undefined ? {} : { silenceMs }),
      };
      const linked = linkSignals([signal, closed.signal]);
      try {
        await watchPulses(watching, onPulse, linked.signal);
      } finally {
        linked.end();
      }
    },
    close: () => {
      closed.abort();
      agent.destroy();
    },
  };
}
