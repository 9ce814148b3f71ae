import type { Clock, Logger } from '@polarstack/base';
import { touchRunFolder } from './run-folder.ts';

export interface RunFolderKeeperOptions {
  /** Run folders of the pods there are. */
  readonly current: () => Promise<readonly string[]>;
  /** Whose they are. */
  readonly uid: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The shortest age at which systems clean up is days; PostgreSQL touches its own socket files every 58 minutes. */
const EVERY_MS = 3_600_000;

/** Keeps the run folders of pods from being aged out, until the signal aborts; never rejects. */
export async function keepRunFolders(
  { current, uid, clock, logger }: RunFolderKeeperOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for (const path of await current()) await touchRunFolder(path, uid, clock.now());
    } catch (error) {
      logger.warn({ err: error }, 'a run folder could not be touched');
    }
    await clock.sleep(EVERY_MS, signal).catch(() => undefined);
  }
}
