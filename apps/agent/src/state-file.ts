import { type Logger, StackError, toStackError } from '@polarstack/base';
import { agentRequests, type EngineConfig } from '@polarstack/contracts';
import { readIfThere, writeDurably } from '@polarstack/engine';
import { createMutex } from './mutex.ts';

/** What an agent must know after its own death, beside the term. */
export interface AgentState {
  /** The bootstrap came to its end: the data folder may be started. */
  readonly bootstrapped: boolean;
  /** Stopped by request: stays stopped over restarts of the agent and the pod until it is asked to start. */
  readonly wanted: 'running' | 'stopped';
  /** A rewind began and did not end: the data folder is half of two lines and must not be started. */
  readonly rewinding: boolean;
  /** The engine was stopped because it wrote against its term: its folder is off the line of its upstream. Implies `rewinding`. */
  readonly deposed?: boolean;
  /** The newest epoch in which the engine was started and accepted connections. */
  readonly startedEpoch?: number;
  readonly config?: EngineConfig;
}

export interface StateFile {
  readonly current: AgentState;
  /** Durable before it resolves. */
  update(change: Partial<AgentState>): Promise<void>;
}

const empty: AgentState = { bootstrapped: false, wanted: 'running', rewinding: false };

function read(text: string, path: string): AgentState {
  try {
    const value = JSON.parse(text) as Partial<AgentState>;
    if (typeof value.bootstrapped !== 'boolean' || typeof value.rewinding !== 'boolean')
      throw new Error('fields missing');
    return {
      bootstrapped: value.bootstrapped,
      rewinding: value.rewinding,
      wanted: value.wanted === 'stopped' ? 'stopped' : 'running',
      ...(value.deposed === true ? { deposed: true } : {}),
      ...(typeof value.startedEpoch === 'number' ? { startedEpoch: value.startedEpoch } : {}),
      ...(value.config === undefined ? {} : { config: agentRequests.config(value.config, 'config') }),
    };
  } catch (error) {
    throw new StackError(
      'DataFolderUnusable',
      `${path} is not a state file of the agent: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

export async function openStateFile(path: string): Promise<StateFile> {
  const text = await readIfThere(path);
  let current = text === undefined ? empty : read(text, path);
  const mutex = createMutex();
  return {
    get current() {
      return current;
    },
    update: async (change) =>
      await mutex.run(async () => {
        const next = { ...current, ...change };
        await writeDurably(path, `${JSON.stringify(next, undefined, 2)}\n`);
        current = next;
      }),
  };
}

/** The folder is on the line of this epoch from now on. Where that cannot be noted it is looked at once more than it must be. */
export async function noteStart(state: StateFile, startedEpoch: number, log: Pick<Logger, 'warn'>): Promise<void> {
  if (state.current.startedEpoch === startedEpoch) return;
  try {
    await state.update({ startedEpoch });
  } catch (error) {
    log.warn({}, `the start in epoch ${startedEpoch} could not be noted: ${toStackError(error).message}`);
  }
}
