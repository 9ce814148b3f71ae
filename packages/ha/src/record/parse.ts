/** The record as text: read field by field, because people edit ConfigMaps. */
import { type ErrorCode, isStackError, StackError } from '@polarstack/base';
import { guards } from '@polarstack/contracts';
import { CANDIDATES_KEPT, FAILOVERS_KEPT, failureVerdicts, GUARDS_KEPT, SIGNALS_KEPT } from './failover.ts';
import { HA_SCHEMA, type HaRecord, switchKinds, switchSteps } from './record.ts';

const { flag, integer, list, mapOf, object, oneOf, optional, text } = guards;

const id = text({ max: 253 });
const time = text({ pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/ });
const times = mapOf(time);
const sentence = text({ min: 0, max: 4_096 });
const trouble = { code: text(), message: sentence, remedy: sentence };
const lsn = text({ pattern: /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/ });

const request = object({
  id,
  kind: oneOf('switchover'),
  target: optional(id),
  reason: sentence,
  requester: sentence,
  at: time,
  deadline: time,
});

const evidence = object({
  kind: oneOf('F1'),
  instanceId: id,
  epoch: integer(1),
  bootId: text(),
  cleanStop: flag,
  systemId: optional(text()),
  timeline: optional(integer(1)),
  lsn: optional(lsn),
  walEnd: optional(lsn),
  at: time,
});

const cause = object({
  verdict: oneOf(...failureVerdicts),
  instance: id,
  seenAt: time,
  signals: list(object({ what: text({ max: 32 }), text: sentence, at: time }), SIGNALS_KEPT),
  guards: list(object({ guard: text({ max: 64 }), holds: flag, text: sentence }), GUARDS_KEPT),
});

const candidates = list(
  object({
    id,
    position: optional(lsn),
    missingBytes: optional(integer(0)),
    guard: optional(text({ max: 64 })),
    why: optional(sentence),
  }),
  CANDIDATES_KEPT,
);

const found = {
  cause: optional(cause),
  candidates: optional(candidates),
  lostBytes: optional(integer(0)),
};

const byWhom = object({ by: sentence, at: time });
const settings = object({
  mode: optional(oneOf('auto', 'manual')),
  maxLossBytes: optional(integer(0)),
  paused: optional(object({ failover: optional(byWhom) })),
  resumed: optional(object({ failover: optional(byWhom) })),
  minFailoverGapMs: optional(integer(0)),
  maxFailovers: optional(integer(0)),
});

const running = object({
  id,
  kind: oneOf(...switchKinds),
  step: oneOf(...switchSteps),
  from: id,
  to: id,
  epoch: integer(1),
  base: optional(integer(1)),
  origin: id,
  chosen: id,
  reason: sentence,
  requester: sentence,
  deadline: time,
  evidence: list(evidence),
  times,
  withdrawn: optional(object({ ...trouble, since: optional(time) })),
  turned: optional(object(trouble)),
  trouble: optional(object({ ...trouble, since: time })),
  ...found,
});

const result = object({
  id,
  kind: optional(oneOf(...switchKinds)),
  outcome: oneOf('done', 'refused', 'failed'),
  code: optional(text()),
  message: optional(sentence),
  remedy: optional(sentence),
  epoch: optional(integer(1)),
  from: optional(id),
  to: optional(id),
  pauseMs: optional(integer(0)),
  left: optional(mapOf(sentence)),
  times: optional(times),
  ...found,
  evidence: optional(list(evidence)),
  at: time,
});

const record = object({
  schema: integer(1),
  cluster: object({ namespace: id, name: id, uid: id }),
  epoch: integer(1),
  primary: id,
  members: mapOf(object({ pod: id, node: optional(id), electable: flag, since: time })),
  epochs: list(
    object({
      epoch: integer(1),
      primary: id,
      parent: optional(integer(1)),
      parentTimeline: optional(integer(1)),
      forkLsn: optional(lsn),
      lostBytes: optional(integer(0)),
      at: time,
    }),
  ),
  request: optional(request),
  switch: optional(running),
  results: list(result),
  settings: optional(settings),
  failovers: optional(list(object({ at: time, from: id, to: id }), FAILOVERS_KEPT)),
});

const fail = (code: ErrorCode, message: string, cause?: unknown): StackError =>
  new StackError(code, message, { ...(cause === undefined ? {} : { cause }) });

/** Reads a record; throws `HaRecordNewer` or `HaRecordInvalid`, naming the field. */
export function parseRecord(source: string): HaRecord {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw fail('HaRecordInvalid', `it is not JSON: ${(error as Error).message}`, error);
  }
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (typeof schema === 'number' && schema > HA_SCHEMA)
    throw fail('HaRecordNewer', `its schema is ${schema}; this version reads ${HA_SCHEMA} and older`);
  try {
    const read = record(value, '') as HaRecord;
    const { members, primary, epoch, epochs } = read;
    if (!Object.hasOwn(members, primary)) throw new TypeError(`the primary ${primary} is none of the members`);
    if (epochs.some((entry) => entry.epoch > epoch)) throw new TypeError('its history has epochs above its epoch');
    return read;
  } catch (error) {
    if (isStackError(error) || error instanceof TypeError) throw fail('HaRecordInvalid', error.message, error);
    throw error;
  }
}

export const renderRecord = (value: HaRecord): string => JSON.stringify(value);
