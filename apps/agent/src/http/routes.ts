import { StackError } from '@polarstack/base';
import { type AgentApi, agentRequests, MAX_TASK_WAIT_MS } from '@polarstack/contracts';

export interface Call {
  readonly url: URL;
  /** The id in the path, decoded. */
  readonly id: string;
  /** Parses the body; only routes with one call it. */
  body(): Promise<unknown>;
  readonly signal: AbortSignal;
}

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: RegExp;
  readonly call: keyof AgentApi;
  /** Worth a line in the log. */
  readonly changes: boolean;
  run(api: AgentApi, call: Call): Promise<unknown>;
}

function query(url: URL, name: string): string {
  const value = url.searchParams.get(name);
  if (value === null)
    throw new StackError('InvalidRequest', `the query parameter ${name} is missing`, { details: { field: name } });
  return value;
}

const taskIdOf = ({ url }: Call): string => agentRequests.taskId(query(url, 'task'), 'task');

function waitMs(url: URL): number {
  const value = Number(url.searchParams.get('waitMs') ?? 0);
  if (!Number.isFinite(value) || value < 0)
    throw new StackError('InvalidRequest', 'waitMs must be a number of milliseconds', { details: { field: 'waitMs' } });
  return Math.min(value, MAX_TASK_WAIT_MS);
}

/** Every call of the agent's API but the two probes. */
export const routes: readonly Route[] = [
  { method: 'GET', path: /^\/v1\/status$/, call: 'status', changes: false, run: async (api) => await api.status() },
  {
    method: 'PUT',
    path: /^\/v1\/term$/,
    call: 'setTerm',
    changes: true,
    run: async (api, call) => await api.setTerm(agentRequests.term(await call.body(), '')),
  },
  {
    method: 'POST',
    path: /^\/v1\/bootstrap$/,
    call: 'bootstrap',
    changes: true,
    run: async (api, call) => await api.bootstrap(taskIdOf(call), agentRequests.bootstrap(await call.body(), '')),
  },
  {
    method: 'GET',
    path: /^\/v1\/tasks\/([^/]+)$/,
    call: 'task',
    changes: false,
    run: async (api, { id, url, signal }) => await api.task(id, { waitMs: waitMs(url) }, signal),
  },
  {
    method: 'POST',
    path: /^\/v1\/config\/check$/,
    call: 'checkConfig',
    changes: false,
    run: async (api, call) => await api.checkConfig(agentRequests.parameters(await call.body(), '').parameters),
  },
  {
    method: 'PUT',
    path: /^\/v1\/config$/,
    call: 'setConfig',
    changes: true,
    run: async (api, call) => await api.setConfig(agentRequests.config(await call.body(), '')),
  },
  {
    method: 'POST',
    path: /^\/v1\/engine\/start$/,
    call: 'start',
    changes: true,
    run: async (api) => await api.start(),
  },
  {
    method: 'POST',
    path: /^\/v1\/engine\/stop$/,
    call: 'stop',
    changes: true,
    run: async (api, call) => await api.stop(agentRequests.stop(await call.body(), '')),
  },
  {
    method: 'POST',
    path: /^\/v1\/engine\/fence$/,
    call: 'fence',
    changes: true,
    run: async (api, call) => await api.fence(agentRequests.fence(await call.body(), '')),
  },
  {
    method: 'POST',
    path: /^\/v1\/engine\/checkpoint$/,
    call: 'checkpoint',
    changes: true,
    run: async (api) => await api.checkpoint(),
  },
  {
    method: 'POST',
    path: /^\/v1\/engine\/reload$/,
    call: 'reload',
    changes: true,
    run: async (api) => await api.reload(),
  },
  {
    method: 'POST',
    path: /^\/v1\/engine\/promote$/,
    call: 'promote',
    changes: true,
    run: async (api, call) => await api.promote(agentRequests.promote(await call.body(), '')),
  },
  {
    method: 'POST',
    path: /^\/v1\/engine\/rewind$/,
    call: 'rewind',
    changes: true,
    run: async (api, call) => await api.rewind(taskIdOf(call)),
  },
  {
    method: 'PUT',
    path: /^\/v1\/roles$/,
    call: 'setRoles',
    changes: true,
    run: async (api, call) => await api.setRoles(agentRequests.roles(await call.body(), '').roles),
  },
  {
    method: 'PUT',
    path: /^\/v1\/databases$/,
    call: 'setDatabases',
    changes: true,
    run: async (api, call) => await api.setDatabases(agentRequests.databases(await call.body(), '').databases),
  },
  {
    method: 'POST',
    path: /^\/v1\/databases\/check$/,
    call: 'checkDatabases',
    changes: false,
    run: async (api, call) => await api.checkDatabases(agentRequests.databaseNames(await call.body(), '').names),
  },
  {
    method: 'PUT',
    path: /^\/v1\/slots$/,
    call: 'setSlots',
    changes: true,
    run: async (api, call) => await api.setSlots(agentRequests.slots(await call.body(), '').slots),
  },
  {
    method: 'POST',
    path: /^\/v1\/canary\/write$/,
    call: 'writeCanary',
    changes: true,
    run: async (api, call) => await api.writeCanary(agentRequests.canaryWrite(await call.body(), '').token),
  },
  {
    method: 'POST',
    path: /^\/v1\/canary\/read$/,
    call: 'readCanary',
    changes: false,
    run: async (api) => await api.readCanary(),
  },
];
