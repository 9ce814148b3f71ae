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

const historyEntry = z.object({
  at: z.iso.datetime({ offset: true }).describe('When.'),
  event: z
    .string()
    .describe(
      'What happened: Started, Succeeded, Failed, Waiting, Repaired, Skipped, Paused, Interrupted, Resumed, Cancelling, Undone, Cancelled, Finished.',
    ),
  step: text('The step that it happened to.'),
  message: text('How, or why.'),
  by: text('Who asked for it.'),
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
        limit: z
          .int()
          .min(0)
          .max(1000)
          .default(10)
          .describe('How often a failing step is tried again before a person is asked.'),
        baseMs: z.int().min(10).max(3_600_000).default(1000).describe('First pause between tries, in milliseconds.'),
        maxMs: z.int().min(10).max(3_600_000).default(60_000).describe('Longest pause, in milliseconds.'),
      })
      .describe('How failing steps are tried again, also where it is changed on the way; absent: as each step says.')
      .exactOptional(),
    planOnly: z
      .boolean()
      .default(false)
      .describe('true: only say what would be done: the plan is in the status, and nothing is changed.'),
    steering: z
      .object({
        action: z
          .enum(['Pause', 'Resume', 'RetryStep', 'RestartFromFirst', 'SkipStep', 'Cancel'])
          .describe(
            'What to do with the operation. Pause: stop before the next step. Resume: go on with the step it stopped at, RestartFromFirst: with the first one. RetryStep: the same as Resume, for a step that failed. SkipStep: leave a step out and go on. Cancel: end it, and take back what it did where steps can. The condition Steered says what came of it.',
          ),
        step: text(
          'For SkipStep: the step to leave out, of those not done; default: the one that the operation stopped at.',
        ),
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
      z.enum(['Pending', 'Running', 'Waiting', 'Paused', 'Interrupted', 'Succeeded', 'Failed', 'Cancelled']),
      'Pending: not begun. Waiting: for something outside. Paused: a person stopped it. Interrupted: needs a person. The last three are final; Failed: it was refused before its first step.',
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
    writePauseMs: count('For how long writes paused because of it, in milliseconds: all pauses together, as measured.'),
    error: optional(error, 'What went wrong.'),
    undoing: flag('Whether it was cancelled and is being undone.'),
    history: optional(z.array(historyEntry), 'What happened to it: the beginning, and the latest.'),
    conditions: conditions(
      'Complete: it ended well. Steered: the last steering was carried out. Heeded: False where the spec asks for something that is not heeded. Fit: False while it waits, a short time at most, for what is in its way and may go by itself.',
    ),
  })
  .describe('How far it is.');
