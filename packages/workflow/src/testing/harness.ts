import { silentLogger } from '@polarstack/base';
import { createVirtualClock } from '@polarstack/testkit';
import {
  createMemoryStore,
  defineWorkflow,
  newRecord,
  type Outcome,
  type RunOptions,
  runWorkflow,
  type Step,
  type Workflow,
  type WorkflowRecord,
} from '../index.ts';

export type Log = { readonly log: string[] };

/** For tests: one run `op` of a workflow with these steps, in memory and in virtual time. */
export function createHarness(steps: readonly Step<Log>[], more: Partial<Workflow<Log>> = {}) {
  const clock = createVirtualClock();
  const memory = createMemoryStore();
  const workflow = defineWorkflow({ name: 'w', steps, ...more });
  const log: string[] = [];
  const never = new AbortController().signal;
  let runs = 0;
  memory.put('op', newRecord(workflow));

  const stored = async (): Promise<WorkflowRecord> => {
    const found = await memory.load('op', never);
    if (!found) throw new Error('no record');
    return found.record;
  };
  return {
    clock,
    memory,
    workflow,
    log,
    stored,
    start: (options: Partial<RunOptions<Log>> = {}): Promise<Outcome> =>
      clock.run(
        runWorkflow({
          workflows: new Map([['w', workflow]]),
          id: 'op',
          store: memory,
          services: { log },
          logger: silentLogger,
          signal: never,
          clock,
          random: () => 0,
          writer: `writer-${runs++}`,
          ...options,
        }),
      ),
    /** Changes the stored record as a person's steering does. */
    steer: async (change: (record: WorkflowRecord, now: string) => WorkflowRecord): Promise<void> =>
      memory.put('op', change(await stored(), clock.now().toISOString())),
  };
}

/** A step that notes its name when it is run, and `-name` when it is undone. */
export const noting = (name: string, more: Partial<Step<Log>> = {}): Step<Log> => ({
  name,
  timeoutMs: 60_000,
  run: async ({ services }) => {
    services.log.push(name);
    return undefined;
  },
  ...more,
});

export const undoable = (name: string, more: Partial<Step<Log>> = {}): Step<Log> =>
  noting(name, {
    undo: async ({ services }) => {
      services.log.push(`-${name}`);
      return undefined;
    },
    ...more,
  });
