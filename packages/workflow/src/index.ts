export { runWorkflow } from './engine.ts';
export { type PlannedStep, type StepGroup, spliceGroups } from './groups.ts';
export type { HookContext, Hooks } from './hooks.ts';
export type { Outcome, RunOptions, WorkflowEvent } from './options.ts';
export {
  type Failure,
  HISTORY_LIMIT,
  type HistoryEntry,
  isFinished,
  isStable,
  newRecord,
  nextStep,
  type StepRecord,
  type StepState,
  type WorkflowPhase,
  type WorkflowRecord,
} from './record.ts';
export { canSkip, type ResumeFrom, resume } from './steer.ts';
export { createMemoryStore, type Stored, type WorkflowStore } from './store.ts';
export {
  type Context,
  defaultRetry,
  defineWorkflow,
  done,
  type ErrorAction,
  type ErrorActions,
  type RetryPolicy,
  type Step,
  type StepContext,
  type StepResult,
  type Workflow,
} from './workflow.ts';
