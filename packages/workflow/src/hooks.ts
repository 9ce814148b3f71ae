import { type Clock, type Logger, StackError, toStackError } from '@polarstack/base';
import type { WorkflowRecord } from './record.ts';

export interface HookContext {
  readonly id: string;
  readonly record: WorkflowRecord;
  /** Aborted when the hook has used its time, and at shutdown. */
  readonly signal: AbortSignal;
}

/**
 * Code around runs and steps, for what is no part of them: measuring, telling others. A hook is waited for, a short time
 * at most; it can neither stop nor change a run, what it throws is logged, and after a crash it may be called again.
 */
export interface Hooks {
  /** Before the first step of each life of a run: its start, and each time that it goes on. */
  readonly beforeRun?: (run: HookContext) => Promise<void> | void;
  /** When the run leaves memory: finished, interrupted, paused or waiting, as the record says. */
  readonly afterRun?: (run: HookContext) => Promise<void> | void;
  /** After the intent of an attempt was stored, before its code. */
  readonly beforeStep?: (run: HookContext & { readonly step: string }) => Promise<void> | void;
  /** After the code of an attempt ended; `error` where it failed. */
  readonly afterStep?: (
    run: HookContext & { readonly step: string; readonly error?: StackError },
  ) => Promise<void> | void;
}

export interface HookRunnerOptions {
  readonly hooks: Hooks;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** How long a hook is waited for, in milliseconds. */
  readonly timeoutMs: number;
}

export function createHookRunner({ hooks, clock, logger, signal, timeoutMs }: HookRunnerOptions) {
  const call = async <T extends Omit<HookContext, 'signal'>>(
    name: keyof Hooks,
    hook: ((context: T & HookContext) => Promise<void> | void) | undefined,
    context: T,
  ): Promise<void> => {
    if (!hook || signal.aborted) return;
    const stop = new AbortController();
    const ends = AbortSignal.any([signal, stop.signal]);
    try {
      const work = (async () => await hook({ ...context, signal: ends }))();
      const late = clock.sleep(timeoutMs, ends).then(() => {
        throw new StackError('StepTimeout', `hook ${name} took longer than ${timeoutMs} ms`);
      });
      await Promise.race([work, late]).finally(() => {
        // The loser is heard by nobody.
        work.catch(() => undefined);
        late.catch(() => undefined);
        stop.abort();
      });
    } catch (error) {
      if (!signal.aborted) logger.error({ err: toStackError(error), hook: name, id: context.id }, 'a hook failed');
    }
  };
  return {
    beforeRun: async (context: Omit<HookContext, 'signal'>) => await call('beforeRun', hooks.beforeRun, context),
    afterRun: async (context: Omit<HookContext, 'signal'>) => await call('afterRun', hooks.afterRun, context),
    beforeStep: async (context: Omit<HookContext, 'signal'> & { readonly step: string }) =>
      await call('beforeStep', hooks.beforeStep, context),
    afterStep: async (context: Omit<HookContext, 'signal'> & { readonly step: string; readonly error?: StackError }) =>
      await call('afterStep', hooks.afterStep, context),
  };
}
