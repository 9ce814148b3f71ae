import type { Bootstrap } from '@polarstack/contracts';
import type { Configuration, EngineDriver, Progress } from '@polarstack/engine';
import type { StateFile } from './state-file.ts';
import type { Supervisor } from './supervisor.ts';

export interface BootstrapOptions {
  readonly driver: EngineDriver;
  readonly state: StateFile;
  readonly supervisor: Supervisor;
}

/**
 * From an empty volume to a running engine. Every stage can be run again: a folder under its final name is whole, what
 * comes after it changes nothing the second time, and only the end allows the engine to be started without asking.
 * The term and the config are in force already.
 */
export async function runBootstrap(
  { driver, state, supervisor }: BootstrapOptions,
  bootstrap: Bootstrap,
  report: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const { role, upstream } = bootstrap.term;
  const configuration: Configuration = {
    parameters: state.current.config?.parameters ?? {},
    role,
    ...(upstream ? { upstream } : {}),
  };
  const failedRewind = state.current.rewinding && bootstrap.kind === 'basebackup';
  if ((await driver.dataFolder()) === 'absent' || failedRewind) {
    await supervisor.whileStopped(async () => {
      if (bootstrap.kind === 'initdb') await driver.initialise(bootstrap.initdb, configuration, signal);
      else await driver.clone(configuration, report, signal);
    });
    await state.update({ rewinding: false, deposed: false, bootstrapped: false });
  }
  await supervisor.startUnfinished(signal);
  if (state.current.bootstrapped) return;
  if (bootstrap.kind === 'initdb') await driver.sql.prepare(bootstrap.slots, signal);
  else await driver.sql.setSlots(bootstrap.slots, signal);
  await state.update({ bootstrapped: true });
}
