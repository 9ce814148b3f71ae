/** Asking for a switch: a durable wish in the record, answered by an entry of its results with the same id. */
import { errorTable, StackError } from '@polarstack/base';
import { type HaRecord, resultOf, type SwitchRequest, withResult } from './record.ts';

/**
 * The record with the request in it; the same record where this request is known or answered already. Throws `SwitchRunning`
 * where another one stands, `InstanceUnknown` where the target is no member.
 */
export function requestSwitch(record: HaRecord, request: SwitchRequest): HaRecord {
  const { id, target } = request;
  if (resultOf(record, id) || record.request?.id === id || record.switch?.id === id) return record;
  const other = record.switch?.id ?? record.request?.id;
  if (other !== undefined) throw new StackError('SwitchRunning', `switch ${other} is not finished`);
  if (target !== undefined && !Object.hasOwn(record.members, target))
    throw new StackError('InstanceUnknown', `${target} is none of ${Object.keys(record.members).join(', ')}`);
  return { ...record, request };
}

/** Takes a request back that nobody has begun. */
export function withdrawRequest(record: HaRecord, id: string): HaRecord {
  if (record.request?.id !== id) return record;
  const { request: _, ...rest } = record;
  return rest;
}

/**
 * Answers what needs no look at the cluster: a request beside a switch that stands (somebody edited the record), and one that was
 * answered before. The same record where there is nothing of the kind.
 */
export function settleRequest(record: HaRecord, now: Date): HaRecord {
  const { request } = record;
  if (request === undefined) return record;
  if (resultOf(record, request.id) || record.switch?.id === request.id) return withdrawRequest(record, request.id);
  if (record.switch === undefined) return record;
  const { remedy } = errorTable.SwitchRunning;
  return withResult(record, {
    id: request.id,
    kind: request.kind,
    outcome: 'refused',
    code: 'SwitchRunning',
    message: `switch ${record.switch.id} is at ${record.switch.step}`,
    remedy,
    at: now.toISOString(),
  });
}
