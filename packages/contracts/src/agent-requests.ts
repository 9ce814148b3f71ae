/** What an agent accepts: each request of {@link AgentApi} checked field by field. */
import { isIP } from 'node:net';
import { StackError } from '@polarstack/base';
import type { Bootstrap, Database, DatabaseRole, EngineConfig, StopMode, Term } from './agent.ts';
import { flag, type Guard, integer, list, mapOf, object, oneOf, optional, text } from './guard.ts';

/** PostgreSQL's limit for names, in bytes. */
const NAME_MAX = 63;
const name = text({ max: NAME_MAX });
const slot = text({ pattern: /^[a-z0-9_]+$/, max: NAME_MAX });
/** Ids travel in URLs, application names and log lines. */
const id = text({ pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/, max: 253 });
const port = integer(1, 65_535);

const termFields = object({
  epoch: integer(1),
  role: oneOf('primary', 'replica'),
  upstream: optional(object({ instanceId: id, host: text({ max: 253 }), port, serverName: text({ max: 253 }), slot })),
});

const term: Guard<Term> = (value, path) => {
  const checked = termFields(value, path);
  const field = path === '' ? 'upstream' : `${path}.upstream`;
  if (checked.role === 'replica' && checked.upstream === undefined)
    throw new StackError('InvalidRequest', `${field} is missing: a replica needs one`, { details: { field } });
  if (checked.role === 'primary' && checked.upstream !== undefined)
    throw new StackError('InvalidRequest', `${field} must not be set: a primary has none`, { details: { field } });
  const { host, serverName } = checked.upstream ?? { host: '', serverName: '' };
  if (host !== serverName && isIP(host) === 0)
    throw new StackError('InvalidRequest', `${field}.host must be an IP address, or the same name as serverName`, {
      details: { field: `${field}.host` },
    });
  return checked;
};

const config: Guard<EngineConfig> = object({
  version: integer(1),
  parameters: mapOf(text({ min: 0, max: 65_536 })),
});

const parameters = object({ parameters: mapOf(text({ min: 0, max: 65_536 })) });

const roles: Guard<readonly DatabaseRole[]> = list(
  object({
    name,
    verifier: optional(text()),
    superuser: optional(flag),
    replication: optional(flag),
    createdb: optional(flag),
    createrole: optional(flag),
  }),
);
const databases: Guard<readonly Database[]> = list(object({ name, owner: name }));
const slots = list(slot, 262_143);

const initdb = object({
  kind: oneOf('initdb'),
  term,
  config,
  initdb: object({
    encoding: text({ pattern: /^[A-Za-z0-9_-]+$/, max: 32 }),
    locale: text({ pattern: /^[A-Za-z0-9_.@-]+$/, max: 64 }),
    dataChecksums: flag,
  }),
  slots,
});
const basebackup = object({ kind: oneOf('basebackup'), term, config, slots });

const bootstrap: Guard<Bootstrap> = (value, path) => {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  const checked =
    oneOf('initdb', 'basebackup')(kind, 'kind') === 'initdb' ? initdb(value, path) : basebackup(value, path);
  const role = checked.kind === 'initdb' ? 'primary' : 'replica';
  if (checked.term.role !== role)
    throw new StackError('InvalidRequest', `term.role must be ${role} for a bootstrap by ${checked.kind}`, {
      details: { field: 'term.role' },
    });
  return checked;
};

/** An hour: longer than any shutdown checkpoint, short enough for a timer. */
const MAX_STOP_MS = 3_600_000;
const stop: Guard<{ readonly mode: StopMode; readonly timeoutMs: number }> = object({
  mode: oneOf('smart', 'fast', 'immediate'),
  timeoutMs: integer(0, MAX_STOP_MS),
});

const fence = object({
  epoch: integer(1),
  mode: oneOf('smart', 'fast', 'immediate'),
  timeoutMs: integer(0, MAX_STOP_MS),
});

/** Guards of the request bodies. */
export const agentRequests = {
  term,
  config,
  parameters,
  bootstrap,
  stop,
  fence,
  promote: object({ epoch: optional(integer(1)) }),
  roles: object({ roles }),
  databases: object({ databases }),
  databaseNames: object({ names: list(name) }),
  slots: object({ slots }),
  canaryWrite: object({ token: text({ max: 256 }) }),
  taskId: id,
} as const;

/** Longest wait of one `GET /v1/tasks/<id>?waitMs=`, in milliseconds. */
export const MAX_TASK_WAIT_MS = 30_000;
