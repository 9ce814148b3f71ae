/**
 * What an operation is going to do, decided before anything is done.
 *
 * Invariants (tests cite them):
 * - OP1 A plan is a pure function of the facts and the parameters: the same facts give the same plan.
 * - OP2 The run of an operation is made from its plan: it has these steps, in this order, and no others.
 * - OP3 An operation that cannot end well is refused with a code before its first step.
 */
import type { ErrorCode, Json } from '@polarstack/base';

/** Names of the step definitions of the operator; a plan may use each several times. */
export const stepKinds = [
  'AdmitMembers',
  'AllocateMembers',
  'ApplyParameters',
  'AwaitReplay',
  'CheckParameters',
  'CreateMembers',
  'ExtendVolumes',
  'JoinMembers',
  'RebuildMember',
  'RecordClass',
  'RecordFollowers',
  'RecordParameters',
  'RecordVersion',
  'RecordVolumes',
  'RecreatePod',
  'RemoveMember',
  'RenewPod',
  'RestartEngine',
  'RestartEngines',
  'SwitchPrimary',
  'UpdateRunningStatus',
  'VerifyCluster',
] as const;

export type StepKind = (typeof stepKinds)[number];

export interface StepPlan {
  /** Unique within the plan, e.g. `RestartEngine-1004`. */
  readonly name: string;
  readonly use: StepKind;
  readonly input?: Readonly<Record<string, Json>>;
  /** What it does, in a sentence. */
  readonly description: string;
  /** What users notice; absent where they notice nothing. */
  readonly interrupts?: string;
}

export interface Move {
  readonly instance: string;
  readonly from?: string;
  readonly to?: string;
}

export interface OperationPlan {
  readonly steps: readonly StepPlan[];
  /** What was found to be so before the plan was made, and what is checked again before anything is changed. */
  readonly checks: readonly string[];
  /** Instances whose engine is restarted, in that order. */
  readonly restarts: readonly string[];
  readonly moves: readonly Move[];
  /** How often writes pause, and for how long it is expected; measured figures are in the docs. */
  readonly writePauses: readonly { readonly reason: string; readonly expectedMs: number }[];
  /** What may go wrong, and what then happens. */
  readonly risks: readonly string[];
}

/** Why an operation cannot be carried out, and what to do instead. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

export type Planned =
  | { readonly type: 'plan'; readonly plan: OperationPlan }
  /** There is nothing to do: what was asked for is so already. */
  | { readonly type: 'nothing'; readonly message: string }
  /** `passing`: by itself it may be possible in a moment, e.g. when a replica streams again. */
  | { readonly type: 'refused'; readonly refusal: Refusal; readonly passing?: boolean };

export const refused = (
  code: ErrorCode,
  message: string,
  remedy: string,
): Extract<Planned, { readonly type: 'refused' }> => ({
  type: 'refused',
  refusal: { code, message, remedy },
});

/** A plan from its steps; what is left out is empty. */
export const planOf = (steps: readonly StepPlan[], more: Partial<Omit<OperationPlan, 'steps'>> = {}): Planned => ({
  type: 'plan',
  plan: { steps, checks: [], restarts: [], moves: [], writePauses: [], risks: [], ...more },
});
