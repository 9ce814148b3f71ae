export { type Outcome, type RunOptions, runWorkflow, type WorkflowEvent } from './engine.ts';
export {
  type Failure,
  isFinished,
  newRecord,
  nextStep,
  type PlannedStep,
  resume,
  type StepRecord,
  type StepState,
  type WorkflowPhase,
  type WorkflowRecord,
} from './record.ts';
export { createMemoryStore, type Stored, type WorkflowStore } from './store.ts';
export {
  type Context,
  defaultRetry,
  defineWorkflow,
  done,
  type RetryPolicy,
  type Step,
  type StepContext,
  type StepResult,
  type Workflow,
} from './workflow.ts';
