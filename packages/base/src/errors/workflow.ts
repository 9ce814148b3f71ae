import { entries } from './entry.ts';

export const workflowErrors = entries({
  WorkflowConflict: {
    summary: 'The record of an operation was changed by somebody else meanwhile.',
    remedy: 'Nothing: the operation is re-read. If it repeats, look for a second operator with the same name.',
    retry: 'now',
  },
  WorkflowGone: {
    summary: 'The record of an operation no longer exists.',
    remedy: 'Nothing: the operation ended with the object it belonged to.',
    retry: 'never',
  },
  StepTimeout: {
    summary: 'A step of an operation took longer than it may.',
    remedy: 'Look at the step message for what it waited for, mend that, then resume the operation.',
    retry: 'later',
  },
  WaitTimeout: {
    summary: 'What a step of an operation waited for did not come in time.',
    remedy: 'Look at the message for what it waited for, bring that about, then resume the operation.',
    retry: 'never',
  },
  StepStuck: {
    summary: 'A step of an operation did not stop when it was told to.',
    remedy: 'Restart the operator, then resume the operation; report it with the log of the operator.',
    retry: 'never',
  },
  UnknownStep: {
    summary: 'An operation was begun by a version of the program whose steps this one does not know.',
    remedy: 'Run the version that began it to its end, or cancel the operation.',
    retry: 'never',
  },
});
