import { type Logger, StackError, toStackError, withDeadline } from '@polarstack/base';
import type { FenceEvidence } from '@polarstack/contracts';
import type { ControlData, EngineDriver } from '@polarstack/engine';
import { isCleanStop } from './readiness.ts';
import type { Supervisor } from './supervisor.ts';

export interface StoppedFolderOptions {
  readonly driver: EngineDriver;
  readonly supervisor: Pick<Supervisor, 'engine'>;
  readonly log: Logger;
}

/** Milliseconds; a failover waits for this, and goes another way without it. */
const WAL_END_MS = 2_000;

/** What the folder of a stopped engine says of its end. Throws `EngineRunning` where it does not stand still. */
export async function describeStopped(
  { driver, supervisor, log }: StoppedFolderOptions,
  signal: AbortSignal,
): Promise<Pick<FenceEvidence, 'cleanStop' | 'systemId' | 'timeline' | 'lsn' | 'walEnd'>> {
  if (supervisor.engine) throw new StackError('EngineRunning', 'the engine runs');
  if ((await driver.dataFolder()) === 'absent') return { cleanStop: false };
  const control = await driver.controlData(signal);
  const walEnd = await findWalEnd(driver, control, log, signal);
  return {
    cleanStop: isCleanStop(control.state),
    systemId: control.systemId,
    timeline: control.timeline,
    lsn: control.checkpointLsn,
    ...(walEnd === undefined ? {} : { walEnd }),
  };
}

/** Undefined where it cannot be found, whatever the reason: the proof of death does not depend on it. */
async function findWalEnd(
  driver: EngineDriver,
  control: ControlData,
  log: Logger,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const end = await withDeadline(WAL_END_MS, signal, async (limited) => {
      // A read that hangs in the kernel hears of no abort.
      const late = new Promise<never>((_, reject) =>
        limited.addEventListener('abort', () => reject(limited.reason as Error), { once: true }),
      );
      return await Promise.race([driver.walEnd(control, limited), late]);
    });
    if (end === undefined) log.warn({ timeline: control.timeline }, 'the end of WAL in the folder was not found');
    return end;
  } catch (error) {
    log.warn({ timeline: control.timeline }, `the end of WAL cannot be found: ${toStackError(error).message}`);
    return undefined;
  }
}
