import { linkSignals } from '@polarstack/base';
import { isAlive, linuxInspector, type ProcessIdentity } from '../process/process-table.ts';
import type { ContainerContext } from './container-context.ts';

/** How often a stopping container is looked at. */
const LOOK_MS = 20;

export interface StopRequest {
  readonly keeper: ProcessIdentity;
  /** The container's main process as it is at the moment. */
  main(): Promise<ProcessIdentity | undefined>;
  /** Runs the preStop hook, where there is one. */
  readonly preStop?: (signal: AbortSignal) => Promise<void>;
  readonly graceMs: number;
  /** Ends the grace at once. */
  readonly hurry: AbortSignal;
}

function terminate(context: ContainerContext, identity: ProcessIdentity): void {
  const { bootId, user, uid } = context.runtime;
  if (!isAlive(identity, bootId)) return;
  // The container's user wrote down this pid; as root we signal nobody else's process because of it.
  if (user && linuxInspector.effectiveUid(identity.pid) !== uid) return;
  try {
    process.kill(identity.pid, 'SIGTERM');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/**
 * Asks a container to end and waits until it has, or the grace is over: the preStop hook, then SIGTERM to the keeper
 * (which then starts nothing again) and to the main process. Killing what is left is the caller's. Ends early, with
 * the container as it is, when this control stops managing: the next one begins anew.
 */
export async function askToStop(request: StopRequest, context: ContainerContext): Promise<void> {
  const { clock, bootId, logger } = context.runtime;
  const { keeper, hurry } = request;
  const deadline = clock.monotonic() + request.graceMs;
  const { signal } = context;
  const over = (): boolean => hurry.aborted || signal.aborted || clock.monotonic() >= deadline;
  if (request.preStop && !over()) {
    const limit = linkSignals([hurry, signal], request.graceMs);
    try {
      await request.preStop(limit.signal);
    } catch (error) {
      logger.warn({ err: error, container: context.container.name }, 'the preStop hook failed');
      const why = error instanceof Error ? error.message : String(error);
      const message = `preStop hook of container ${context.container.name} failed: ${why}`;
      context.tell('Warning', 'FailedPreStopHook', message);
    } finally {
      limit.end();
    }
  }
  if (over()) return;
  terminate(context, keeper);
  let asked: ProcessIdentity | undefined;
  while (isAlive(keeper, bootId) && !over()) {
    const main = await request.main();
    if (main && (main.pid !== asked?.pid || main.startTime !== asked.startTime)) {
      terminate(context, main);
      asked = main;
    }
    await clock.sleep(LOOK_MS);
  }
}
