import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineDriver } from '../driver.ts';
import { readIfThere } from '../durable-file.ts';
import type { Binaries } from './binaries.ts';
import { checkParameters } from './check-parameters.ts';
import { setStandbySignal, writeConfigFiles } from './config-files.ts';
import { clone, dataFolderState, initialise, readControlData, rewind } from './data-folder.ts';
import { type Layout, paths, SLOT_PREFIX } from './layout.ts';
import { diagnosePostmaster, endPostmaster, findPostmaster, isAccepting, launchPostmaster } from './postmaster.ts';
import { createProbes } from './probes.ts';
import { createSql } from './sql.ts';
import { findWalEnd } from './wal-end.ts';

/** The driver of PostgreSQL 13 to 18 for one instance. */
export function createPostgresDriver(layout: Layout, binaries: Binaries): EngineDriver {
  const tools = { layout, binaries };
  const postgres = (): string => binaries.program('postgres');
  return {
    version: binaries.version,
    major: binaries.major,
    dataDir: layout.dataDir,
    sql: createSql(layout),
    probes: createProbes(layout),
    dataFolder: async () => await dataFolderState(tools),
    controlData: async (signal) => await readControlData(tools, signal),
    walEnd: async ({ timeline, segmentBytes, pageBytes, redoLsn: redo, checkpointLsn: checkpoint }, signal) => {
      const folder = join(layout.dataDir, 'pg_wal');
      return await findWalEnd({ folder, timeline, segmentBytes, pageBytes, redo, checkpoint }, signal);
    },
    checkParameters: async (parameters, signal) =>
      await checkParameters(
        binaries,
        { folder: paths(layout).checkDir, dataDir: layout.dataDir, env: layout.env },
        parameters,
        signal,
      ),
    initialise: async (options, configuration, signal) => await initialise(tools, options, configuration, signal),
    clone: async (configuration, onProgress, signal) => await clone(tools, configuration, onProgress, signal),
    rewind: async (configuration, onProgress, signal) => await rewind(tools, configuration, onProgress, signal),
    configure: async (configuration) => await writeConfigFiles(await realpath(layout.dataDir), layout, configuration),
    isStandby: async () => (await readIfThere(join(layout.dataDir, 'standby.signal'))) !== undefined,
    setStandby: async (standby) => await setStandbySignal(layout.dataDir, standby),
    slotsOnDisk: async () =>
      (await readdir(join(layout.dataDir, 'pg_replslot'))).filter((name) => name.startsWith(SLOT_PREFIX)),
    launch: async (signal) => await launchPostmaster(layout, postgres(), signal),
    isAccepting: async (pid) => await isAccepting(layout, pid),
    diagnose: async (signal) => await diagnosePostmaster(layout, postgres(), signal),
    find: async () => await findPostmaster(layout),
    endAll: async (signal) => await endPostmaster(layout, signal),
  };
}
