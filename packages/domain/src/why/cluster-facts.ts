import { CLUSTER_FINALIZER, type Condition, type MPDCluster, type MPDOperation } from '@polarstack/api';
import { type ErrorCode, type ErrorEntry, errorTable } from '@polarstack/base';
import { isFinal } from '../plan/plan-operation.ts';
import { isCreated } from '../status/cluster-status.ts';
import { type ConditionType, conditionOf } from '../status/conditions.ts';
import type { WhyFact } from './why.ts';

/** The remedy of the error table, where a reason is one of its codes. */
export function remedyOf(code: string | undefined): string | undefined {
  if (code === undefined || !Object.hasOwn(errorTable, code)) return undefined;
  const entry: ErrorEntry = errorTable[code as ErrorCode];
  return entry.remedy;
}

/** A deletion that is under way, or that is refused. */
export function deletionFacts(cluster: MPDCluster, operations: readonly MPDOperation[]): readonly WhyFact[] {
  const since = cluster.metadata.deletionTimestamp;
  if (since === undefined) return [];
  const refused = conditionOf(cluster.status?.conditions, 'DeletionRefused');
  if (refused?.status === 'True') {
    return [
      {
        level: 'wrong',
        subject: 'deletion',
        what: `its deletion is refused: ${refused.message ?? refused.reason}`,
        since,
        help: remedyOf(refused.reason) ?? 'Set spec.deletionProtection to false if it is really to go.',
        ...(refused.reason && { code: refused.reason }),
      },
    ];
  }
  const foreign = (cluster.metadata.finalizers ?? []).filter((one) => one !== CLUSTER_FINALIZER);
  const current = operations.find((operation) => operation.spec.type === 'Delete' && !isFinal(operation));
  if (current) return [];
  const holds = foreign.length > 0 ? `, and held by ${foreign.join(', ')}` : '';
  const help = foreign.length > 0 ? 'Whoever set the finalizer must take it away.' : undefined;
  return [{ level: 'busy', subject: 'deletion', what: `it is being deleted${holds}`, since, ...(help && { help }) }];
}

/** What the conditions say is wrong. What an operation under way explains is its business. */
export function conditionFacts(cluster: MPDCluster, operations: readonly MPDOperation[]): readonly WhyFact[] {
  const { conditions } = cluster.status ?? {};
  const busy = operations.some(({ status }) => status?.phase === 'Running' || status?.phase === 'Waiting');
  const find = (type: ConditionType, status: string): Condition | undefined => {
    const found = conditionOf(conditions, type);
    return found?.status === status ? found : undefined;
  };
  const facts: WhyFact[] = [];
  const add = (condition: Condition | undefined, fact: Pick<WhyFact, 'level' | 'subject' | 'what'>, help: string) => {
    if (!condition) return;
    const { reason, lastTransitionTime: since } = condition;
    const code = reason !== undefined && Object.hasOwn(errorTable, reason) ? reason : undefined;
    facts.push({
      ...fact,
      ...(code && { code }),
      ...(since && { since }),
      help: remedyOf(code) ?? help,
    });
  };
  const available = isCreated(cluster) ? find('Available', 'False') : undefined;
  add(
    available,
    { level: busy ? 'busy' : 'wrong', subject: 'RW', what: `it takes no writes: ${available?.message ?? ''}` },
    'Look at the log of the RW (`polarstack logs`), or switch to a RO that works (`polarstack switchover`).',
  );
  const rejected = find('Accepted', 'False');
  add(
    rejected,
    { level: 'wrong', subject: 'spec', what: `its spec is not carried out: ${rejected?.message ?? ''}` },
    'Correct the field that the message names; the cluster runs on unchanged.',
  );
  const degraded = isCreated(cluster) ? find('Degraded', 'True') : undefined;
  if (degraded && degraded.message !== available?.message) {
    add(
      degraded,
      { level: busy ? 'busy' : 'wrong', subject: 'instances', what: `it is degraded: ${degraded.message ?? ''}` },
      'Look at the log of the instance (`polarstack logs`); `polarstack rebuild` makes a RO anew.',
    );
  }
  return facts;
}
