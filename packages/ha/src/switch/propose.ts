/** S0: what a request, or a suspicion, makes of a record in which no switch stands. */
import { type ErrorCode, errorTable } from '@polarstack/base';
import { AUTOMATIC, bounded, causeOf, failoverGuards, likeliest } from '../failover/suspicion.ts';
import type { Judgement } from '../failover/verdict.ts';
import type { Reason } from '../record/failover.ts';
import { type HaRecord, resultOf, type Switch, type SwitchRequest, withResult } from '../record/record.ts';
import { withdrawRequest } from '../record/request.ts';
import { chooseTarget, failing, primaryGuards, requestGuards, targetGuards } from './checks.ts';
import type { ClusterLook } from './look.ts';
import { type Outcome, stay } from './outcome.ts';

export function proposeSwitchover(record: HaRecord, request: SwitchRequest, look: ClusterLook, now: Date): Outcome {
  const at = now.toISOString();
  const { id, target, reason, requester, deadline, kind } = request;
  const refuse = (code: ErrorCode, reasons: readonly Reason[]): Outcome => {
    const message = failing(reasons)?.text ?? '';
    const { remedy } = errorTable[code];
    return { record: withResult(record, { id, kind, outcome: 'refused', code, message, remedy, at }), reasons };
  };
  if (resultOf(record, id)) return stay(withdrawRequest(record, id));
  const asked = requestGuards(request, now);
  if (failing(asked)) return refuse('SwitchDeadline', asked);
  if (target === record.primary) {
    const { epoch, primary } = record;
    const reasons = [{ guard: 'C6-already-primary', holds: true, text: `${target} is the primary already` }];
    return {
      record: withResult(record, { id, kind, outcome: 'done', epoch, from: primary, to: primary, pauseMs: 0, at }),
      reasons,
    };
  }
  if (target !== undefined && !Object.hasOwn(record.members, target)) {
    return refuse('InstanceUnknown', [
      { guard: 'C7-target-known', holds: false, text: `the cluster has no instance ${target}` },
    ]);
  }
  const ofPrimary = [...asked, ...primaryGuards(record, look)];
  if (failing(ofPrimary)) return refuse('PrimaryUnfit', ofPrimary);
  const choice =
    target === undefined ? chooseTarget(record, look) : { target, reasons: targetGuards(record, look, target) };
  const reasons = [...ofPrimary, ...choice.reasons];
  if (choice.target === undefined) return refuse('NoSwitchTarget', reasons);
  if (failing(reasons)) return refuse('SwitchTargetUnfit', reasons);
  const { request: _, ...rest } = record;
  const proposed: Switch = {
    id,
    kind,
    step: 'S1',
    from: record.primary,
    to: choice.target,
    epoch: record.epoch + 1,
    base: record.epoch,
    origin: record.primary,
    chosen: choice.target,
    reason,
    requester,
    deadline,
    evidence: [],
    times: { S0: at, S1: at },
  };
  return { record: { ...rest, switch: proposed }, reasons };
}

/**
 * A failover begins at S3: its first effect is the fence. A request that stands beside it is answered by `settleRequest`. The same
 * record where a guard does not hold.
 */
export function proposeFailover(record: HaRecord, judgement: Judgement, now: Date): Outcome {
  const guards = failoverGuards(record, judgement, now);
  const cause = causeOf(judgement, guards, now);
  const reasons = [...judgement.reasons, ...guards];
  if (!cause || failing(guards)) return { record, reasons };
  const at = now.toISOString();
  const { primary: from, epoch } = record;
  const to = likeliest(record, judgement.candidates, now) ?? from;
  const proposed: Switch = {
    id: `failover-${epoch + 1}`,
    kind: 'failover',
    step: 'S3',
    from,
    to,
    epoch: epoch + 1,
    base: epoch,
    origin: from,
    chosen: to,
    reason: `primary ${from} is ${cause.verdict}`,
    requester: AUTOMATIC,
    deadline: at,
    evidence: [],
    times: { S0: at, S3: at },
    cause,
    candidates: bounded(judgement.candidates),
  };
  return { record: { ...record, switch: proposed }, reasons };
}
