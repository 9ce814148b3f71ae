/**
 * The client of the contract suite: plain requests, so that nothing of a client library comes between a case and the
 * server. What it was answered is kept as a transcript; the transcripts of two servers are compared.
 */

import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Endpoint } from '@polarstack/testkit/kube-servers';
import { type JsonObject, parseObject } from './json.ts';
import { readSocket, type SocketAnswer } from './socket.ts';

export interface Answer {
  readonly code: number;
  readonly body: JsonObject;
  readonly text: string;
  readonly warnings: readonly string[];
  /** The header Retry-After. */
  readonly retryAfter: string | undefined;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

/** One thing that a server did, in the order of the case. */
export interface Entry {
  readonly asked: string;
  readonly answered: unknown;
}

export interface Api {
  /** Namespace of this case, made before it and deleted after it. */
  readonly namespace: string;
  /** `/api/v1/namespaces/<namespace>/<rest>` */
  core(rest: string): string;
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Like `call`, but not part of the transcript: for waiting and cleaning. */
  quiet(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Like `call`, but only code and reason are part of the transcript: for answers that are long and not the point. */
  brief(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /**
   * Opens a watch, does `meanwhile` when the server has begun to answer, and resolves when `enough` says so or the
   * server ends it.
   */
  watch(
    path: string,
    enough: (events: readonly WatchEvent[]) => boolean,
    meanwhile?: () => Promise<unknown>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<readonly WatchEvent[]>;
  /** Like `watch`, but not part of the transcript. */
  watchQuietly: Api['watch'];
  /** Like `watch`, over a WebSocket. */
  socket(
    path: string,
    enough: (frames: SocketAnswer['frames']) => boolean,
    meanwhile?: () => Promise<unknown>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<SocketAnswer>;
  /** From now on the server can tell nothing of what was before. */
  forget(): Promise<void>;
  /** Asks until `holds`; the answer that did is part of the transcript. */
  until(path: string, holds: (answer: Answer) => boolean): Promise<Answer>;
  /** Adds something that the case has seen to the transcript. */
  note(what: string, value: unknown): void;
}

export const mergePatch = { 'content-type': 'application/merge-patch+json' };
export const jsonPatch = { 'content-type': 'application/json-patch+json' };
export const strategicPatch = { 'content-type': 'application/strategic-merge-patch+json' };
export const applyPatch = { 'content-type': 'application/apply-patch+yaml' };
export const asTable = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

const PATIENCE_MS = 30_000;

export function createApi(
  endpoint: Endpoint,
  namespace: string,
  transcript: Entry[],
  forget: () => Promise<void>,
): Api {
  const keep = (asked: string, answered: unknown): void => {
    transcript.push({ asked, answered });
  };
  const quiet: Api['quiet'] = (method, path, body, headers = {}) => call(endpoint, method, path, body, headers);
  return {
    namespace,
    core: (rest) => `/api/v1/namespaces/${namespace}/${rest}`,
    quiet,
    call: async (method, path, body, headers = {}) => {
      const answer = await call(endpoint, method, path, body, headers);
      const { code, body: object, text, warnings, retryAfter } = answer;
      keep(`${method} ${path}`, { code, body: isOneObject(text) ? object : text, warnings, retryAfter });
      return answer;
    },
    brief: async (method, path, body, headers = {}) => {
      const answer = await call(endpoint, method, path, body, headers);
      keep(`${method} ${path}`, { code: answer.code, reason: answer.body.reason });
      return answer;
    },
    watch: async (path, enough, meanwhile, headers = {}) => {
      const { code, events } = await watch(endpoint, path, enough, meanwhile, headers);
      keep(`WATCH ${path}`, { code, events });
      return events;
    },
    watchQuietly: async (path, enough, meanwhile, headers = {}) =>
      (await watch(endpoint, path, enough, meanwhile, headers)).events,
    socket: async (path, enough, meanwhile, headers = {}) => {
      const answer = await readSocket(endpoint, path, headers, enough, meanwhile);
      const frames = answer.frames.map(({ kind, text }) => ({
        kind,
        content: text.startsWith('{') ? parseObject(text) : text,
      }));
      keep(`SOCKET ${path}`, { ...answer, frames });
      return answer;
    },
    forget,
    until: async (path, holds) => {
      const deadline = Date.now() + PATIENCE_MS;
      for (;;) {
        const answer = await quiet('GET', path);
        if (holds(answer)) {
          keep(`UNTIL ${path}`, { code: answer.code, body: answer.body });
          return answer;
        }
        if (Date.now() > deadline) throw new Error(`${path} did not become what was awaited: ${answer.text}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    note: keep,
  };
}

function open(
  { host, port, agent }: Endpoint,
  method: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): { readonly sent: ClientRequest; readonly answered: Promise<IncomingMessage> } {
  const isText = typeof body === 'string' || Buffer.isBuffer(body);
  const text = body === undefined ? undefined : isText ? body : JSON.stringify(body);
  const sent = request({
    agent,
    host,
    port,
    method,
    path,
    headers: {
      accept: 'application/json',
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
      ...headers,
    },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('error', reject);
  });
  sent.setTimeout(PATIENCE_MS, () => sent.destroy(new Error(`${method} ${path}: no answer`)));
  sent.end(text);
  return { sent, answered };
}

async function call(
  endpoint: Endpoint,
  method: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const response = await open(endpoint, method, path, body, headers).answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const warnings = Array.from(
    (response.headers.warning ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g),
    ([, w]) => w ?? '',
  );
  return {
    code: response.statusCode ?? 0,
    text,
    body: isOneObject(text) ? parseObject(text) : {},
    warnings,
    retryAfter: response.headers['retry-after'],
  };
}

/** The events of a watch are several. */
const isOneObject = (text: string): boolean => text.startsWith('{') && !/\}\n\{/.test(text);

async function watch(
  endpoint: Endpoint,
  path: string,
  enough: (events: readonly WatchEvent[]) => boolean,
  meanwhile: (() => Promise<unknown>) | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly events: readonly WatchEvent[] }> {
  const { sent, answered } = open(endpoint, 'GET', path, undefined, headers);
  // A server may send the head of its answer with the first event only, as ours and Kubernetes do not.
  const response = await answered;
  const events: WatchEvent[] = [];
  let rest = '';
  const reading = (async () => {
    for await (const chunk of response) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter((each) => each !== '')) {
        const { type, object, ...status } = parseObject(line) as { type?: string; object?: JsonObject };
        events.push(type === undefined ? { type: 'REFUSED', object: status } : { type, object: object ?? {} });
        if (enough(events)) return;
      }
    }
    if (rest !== '') events.push({ type: 'REFUSED', object: parseObject(rest) });
  })();
  try {
    await Promise.all([reading, meanwhile?.()]);
  } finally {
    sent.destroy();
  }
  return { code: response.statusCode ?? 0, events };
}
