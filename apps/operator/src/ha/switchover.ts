/** Asking the cluster manager for a switch of the primary, and waiting for its answer. The operator never promotes. */
import { type ErrorCode, errorTable, isStackError, StackError, withDeadline } from '@polarstack/base';
import { type HaRecord, requestSwitch, resultOf, type SwitchResult, withdrawRequest } from '@polarstack/ha';
import type { ClusterKey } from '../kube/cluster-status-writer.ts';
import type { Services } from '../steps/services.ts';
import { changeRecord } from './ha-record.ts';

export interface SwitchoverWish {
  /** The same id again is the same request: `<namespace>/<operation>/<step>/<failures>`. */
  readonly id: string;
  /** Instance id; absent: the best replica. */
  readonly target?: string;
  readonly reason: string;
  readonly requester?: string;
  /** How long the switch may wait to be begun, in milliseconds. Default 30 000. */
  readonly beginWithinMs?: number;
}

type Needs = Pick<Services, 'client' | 'clock' | 'records'>;

const BEGIN_MS = 30_000;
/** Beyond the deadline of its beginning the cluster manager itself has to answer: after this it does not run. */
const ANSWER_MS = 15_000;

/**
 * Puts the wish into the cluster's HA record; changes nothing where it is there, or was answered. Throws `SwitchRunning`,
 * `InstanceUnknown`, `HaRecordMissing`.
 */
export async function requestSwitchover(
  { client, clock }: Pick<Needs, 'client' | 'clock'>,
  cluster: ClusterKey,
  { id, target, reason, requester = 'polarstack-operator', beginWithinMs = BEGIN_MS }: SwitchoverWish,
  signal: AbortSignal,
): Promise<void> {
  const now = clock.now();
  const request = {
    id,
    kind: 'switchover',
    ...(target === undefined ? {} : { target }),
    reason,
    requester,
    at: now.toISOString(),
    deadline: new Date(now.getTime() + beginWithinMs).toISOString(),
  } as const;
  await changeRecord(client, cluster, (record) => requestSwitch(record, request), signal);
}

/** What became of a wish; undefined while it is not decided. */
export function switchoverResult(
  { records }: Pick<Needs, 'records'>,
  cluster: ClusterKey,
  id: string,
): SwitchResult | undefined {
  const record = records.of(cluster);
  return record && resultOf(record, id);
}

/** Takes a wish back that the cluster manager has not begun; answers the record as it is then. */
export async function withdrawSwitchover(
  { client }: Pick<Needs, 'client'>,
  cluster: ClusterKey,
  id: string,
  signal: AbortSignal,
): Promise<HaRecord> {
  return await changeRecord(client, cluster, (record) => withdrawRequest(record, id), signal);
}

/**
 * Asks for a switch and waits for its end. Answers the result of a switch that was done; throws what it was refused with or
 * failed with (`SwitchTargetUnfit`, `NoSwitchTarget`, `PrimaryUnfit`, `SwitchWithdrawn`, `SwitchReturned`, `SwitchDeadline`,
 * ...), and `ClusterManagerSilent` where nobody begins it. A switch that has begun is waited for without limit.
 */
export async function switchover(
  services: Needs,
  cluster: ClusterKey,
  wish: SwitchoverWish,
  signal: AbortSignal,
): Promise<SwitchResult> {
  await requestSwitchover(services, cluster, wish, signal);
  const { beginWithinMs = BEGIN_MS, id } = wish;
  const begun = async (limited: AbortSignal): Promise<void> => {
    await services.records.until(
      cluster,
      (record) => (record && (resultOf(record, id) || record.switch?.id === id) ? true : undefined),
      limited,
    );
  };
  try {
    await withDeadline(beginWithinMs + ANSWER_MS, signal, begun);
  } catch (error) {
    signal.throwIfAborted();
    if (isStackError(error)) throw error;
    // It may have been begun at this very moment: then it is waited for.
    const { switch: running, results } = await withdrawSwitchover(services, cluster, id, signal);
    if (running?.id !== id && !resultOf({ results }, id)) {
      const waited = beginWithinMs + ANSWER_MS;
      throw new StackError('ClusterManagerSilent', `nobody took up the request ${id} within ${waited} ms`);
    }
  }
  const result = await services.records.until(cluster, (record) => (record ? resultOf(record, id) : undefined), signal);
  if (result.outcome === 'done') return result;
  const code = Object.hasOwn(errorTable, result.code ?? '') ? (result.code as ErrorCode) : 'SwitchWithdrawn';
  throw new StackError(code, result.message ?? `the switch ${result.outcome}`, {
    ...(result.remedy === undefined ? {} : { remedy: result.remedy }),
    details: { switch: id, outcome: result.outcome },
  });
}
