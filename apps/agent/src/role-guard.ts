/**
 * Sees to it that a running engine does what its term says.
 *
 * Anybody with a superuser's password can promote a replica (`pg_promote`). It would acknowledge writes that the cluster
 * does not have, beside the real primary (invariant I1). No event tells of it, so the engine is asked every {@link LOOK_MS}.
 *
 * Invariants:
 *  G1. A replica by term that is out of recovery is stopped, immediately, and is not started again as it is.
 *  G2. It comes back as a replica only: rewound, or copied anew where that fails or was interrupted.
 *  G3. An engine that cannot be asked is left alone, unless its standby's file is gone too.
 */
import { type Backoff, backoffDelay, isStackError, type Logger, systemClock, toStackError } from '@polarstack/base';
import type { Configuration, EngineDriver, EngineProcess, Progress } from '@polarstack/engine';
import type { StateFile } from './state-file.ts';
import type { Supervisor } from './supervisor.ts';
import type { Tasks } from './tasks.ts';
import type { TermFile } from './term-file.ts';

export interface RoleGuardOptions {
  readonly driver: EngineDriver;
  readonly terms: TermFile;
  readonly state: StateFile;
  readonly supervisor: Supervisor;
  readonly tasks: Tasks;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** One statement on the session that is kept for probes. */
const LOOK_MS = 250;
/** The upstream may be away for long, and copies cost it something. */
const retry: Backoff = { baseMs: 2_000, maxMs: 120_000 };

/** Looks until the signal ends it. */
export async function guardRole(options: RoleGuardOptions): Promise<void> {
  const { driver, terms, state, supervisor, tasks, log, signal } = options;
  // An earlier agent may have died while it rewound: the folder may be half of two lines, which no rewind mends.
  let copyOnly = state.current.deposed === true;
  let attempts = 0;
  let retryAt = 0;

  /** The running engine, where it contradicts its term. */
  const contradicting = async (): Promise<EngineProcess | undefined> => {
    const { engine, stopping } = supervisor;
    if (!engine?.accepting || stopping || terms.current?.role !== 'replica') return undefined;
    const role = await driver.sql.probe(signal).catch(async (error: unknown) => {
      if (signal.aborted || (await driver.isStandby())) return 'replica';
      log.error({}, `the engine is no standby any more and does not answer: ${toStackError(error).message}`);
      return 'primary';
    });
    return role === 'primary' ? engine.process : undefined;
  };

  const bringBack = async (report: (progress: Progress) => void, taskSignal: AbortSignal): Promise<void> => {
    let slots: readonly string[] = [];
    await supervisor.whileStopped(async () => {
      const upstream = terms.current?.upstream;
      const parameters = state.current.config?.parameters ?? {};
      const configuration: Configuration = { parameters, role: 'replica', ...(upstream ? { upstream } : {}) };
      slots = await driver.slotsOnDisk();
      if (!copyOnly) {
        try {
          await driver.rewind(configuration, report, taskSignal);
        } catch (error) {
          // The upstream does not answer: nothing was changed, so a rewind is still possible.
          if (taskSignal.aborted || (isStackError(error) && error.code === 'EngineNotRunning')) throw error;
          log.warn({}, `the rewind failed, the folder is copied anew: ${toStackError(error).message}`);
          copyOnly = true;
        }
      }
      if (copyOnly) await driver.clone(configuration, report, taskSignal);
      await state.update({ rewinding: false, deposed: false });
      copyOnly = false;
    });
    attempts = 0;
    await supervisor.start(taskSignal);
    await driver.sql.setSlots(slots, taskSignal);
    log.info({}, 'the engine is a replica again');
  };

  const look = async (): Promise<void> => {
    const process = await contradicting();
    if (process && (await supervisor.depose(process))) retryAt = 0;
    const wanted = supervisor.deposed && !supervisor.engine && state.current.wanted === 'running';
    const due = systemClock.monotonic() >= retryAt && tasks.current?.state !== 'running';
    if (!wanted || !due || terms.current?.role !== 'replica') return;
    attempts++;
    retryAt = systemClock.monotonic() + backoffDelay(retry, attempts - 1);
    tasks.start(`bring-back-${terms.current.epoch}-${systemClock.now().getTime()}`, 'rewind', bringBack);
  };

  while (!signal.aborted) {
    try {
      await look();
      await systemClock.sleep(LOOK_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      log.error({}, `looking after the role: ${toStackError(error).message}`);
      await systemClock.sleep(LOOK_MS, signal).catch(() => {});
    }
  }
}
