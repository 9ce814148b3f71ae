import { z } from 'zod';
import { anything, conditions, count, flag, moment, optional, ruled, text } from './fields.ts';

const error = z.object({
  code: z.string().describe('Code of the error table.'),
  message: text('What happened.'),
  remedy: text('What to do about it.'),
  retry: optional(z.enum(['never', 'later', 'now']), 'What helps.'),
});

const step = z.object({
  name: z.string().min(1).describe('Name of the step.'),
  state: z
    .enum(['Pending', 'Running', 'Waiting', 'Succeeded', 'Failed', 'Skipped', 'Undone'])
    .default('Pending')
    .describe('State of the step.'),
  attempts: z.int().min(0).default(0).describe('How often it has been started.'),
  startedAt: moment('When it was first started.'),
  finishedAt: moment('When it ended.'),
  nextAttemptAt: moment('When it is tried again.'),
  message: text('What it is doing, or what it waits for.'),
  error: optional(error, 'The last error.'),
  output: optional(anything('What it has produced.'), 'What it has produced; later steps read it.'),
});

const plannedAction = z.object({
  step: z.string().describe('Name of the step.'),
  description: text('What it will do.'),
  interrupts: text('What users will notice.'),
});

const consequences = z.object({
  checks: optional(z.array(z.string()), 'What is checked before anything is changed.'),
  restarts: optional(z.array(z.string()), 'insIds of the instances whose engine is restarted, in that order.'),
  moves: optional(
    z.array(
      z.object({
        instance: z.string().describe('insId of the instance.'),
        from: text('Where it is.'),
        to: text('Where it goes.'),
      }),
    ),
    'Instances that move.',
  ),
  writePauses: optional(
    z.array(
      z.object({
        reason: z.string().describe('Why writes pause.'),
        expectedMs: z.int().min(0).describe('For how long, in milliseconds, as expected.'),
      }),
    ),
    'When writes pause.',
  ),
  risks: optional(z.array(z.string()), 'What may go wrong, and what then happens.'),
});

export const mpdOperationSpec = z
  .object({
    cluster: z
      .string()
      .min(1)
      .max(253)
      .meta(ruled('', { rule: 'self == oldSelf', message: 'cannot be changed' }))
      .describe('The MPDCluster in the same namespace.'),
    type: z
      .string()
      .max(63)
      .regex(/^[A-Z][A-Za-z0-9]*$/)
      .meta(ruled('', { rule: 'self == oldSelf', message: 'cannot be changed' }))
      .describe('What to do, e.g. SwitchRw. Create and Delete are begun by making and deleting the cluster.'),
    parameters: optional(anything('Details of the change.'), 'Details of the change; they depend on the type.'),
    approval: z
      .object({
        required: z.boolean().default(false).describe('Whether somebody must approve it first.'),
        approved: z.boolean().default(false).describe('Whether it is approved.'),
        approver: text('Who approved it.'),
      })
      .describe('With required: the operation waits until approved is true, showing its plan.')
      .exactOptional(),
    startAt: moment('Not before this moment; meanwhile the operation shows its plan.'),
    retry: z
      .object({
        limit: z.int().min(0).max(1000).default(10).describe('How often a failing step is tried again.'),
        baseMs: z.int().min(10).max(3_600_000).default(1000).describe('First pause between tries, in milliseconds.'),
        maxMs: z.int().min(10).max(3_600_000).default(60_000).describe('Longest pause, in milliseconds.'),
      })
      .describe('How failing steps are tried again (not yet: such an operation is refused); absent: as each step says.')
      .exactOptional(),
    planOnly: z
      .boolean()
      .default(false)
      .describe('true: only say what would be done: the plan is in the status, and nothing is changed.'),
    steering: z
      .object({
        action: z
          .enum(['Pause', 'Resume', 'RetryStep', 'RestartFromFirst', 'SkipStep', 'Cancel'])
          .describe('What to do with the operation. Pause is refused for now: condition Steered.'),
        step: text('The step that is meant; for now only the one that the operation stopped at, the default.'),
        requestId: z.string().min(1).max(128).describe('Any text; a new one makes the same action count again.'),
        requester: text('Who asks.'),
      })
      .describe('Steers an operation under way.')
      .exactOptional(),
    requester: text('Who asked for it.'),
    reason: text('Why.'),
  })
  .describe('What is to be done.');

export const mpdOperationStatus = z
  .object({
    phase: optional(
      z.enum(['Pending', 'Running', 'Waiting', 'Interrupted', 'Succeeded', 'Failed', 'Cancelled']),
      'Pending: not begun. Waiting: for something outside. Interrupted: needs a person. The last three are final.',
    ),
    plan: optional(z.array(plannedAction), 'What is going to be done, step by step.'),
    consequences: optional(consequences, 'What the plan means for users.'),
    steps: optional(z.array(step), 'The steps, in order.'),
    currentStep: text('The step under way of all, e.g. 3/9.'),
    context: optional(anything('State that the steps share.'), 'State that the steps share.'),
    contextVersion: count('Version of the form of context.'),
    requester: text('Who asked for it.'),
    reasons: optional(z.array(z.string()), 'Why it was started.'),
    handledSteering: text('requestId of the last steering that was carried out.'),
    workflow: text('Name and version of the workflow, e.g. create-local/1.'),
    observedGeneration: count('The generation of the spec that this status speaks of.'),
    startedAt: moment('When it began.'),
    finishedAt: moment('When it ended.'),
    message: text('What is happening, or how it ended.'),
    error: optional(error, 'What went wrong.'),
    undoing: flag('Whether it is being undone.'),
    conditions: conditions(
      'Complete: it ended well. Steered: the last steering was carried out. Heeded: False where the spec asks for something that is not heeded.',
    ),
  })
  .describe('How far it is.');
