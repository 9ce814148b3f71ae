/** Data folders: made, copied, rewound, read. A folder gets its final name only when it is whole. */
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StackError } from '@polarstack/base';
import type { Configuration, ControlData, InitialiseOptions, Progress } from '../driver.ts';
import { readIfThere, syncFolder } from '../durable-file.ts';
import { describeEnd, type ProgramResult, runProgram, saysDiskFull } from '../run-program.ts';
import type { Binaries } from './binaries.ts';
import { setStandbySignal, writeConfigFiles } from './config-files.ts';
import { type Layout, paths, SUPERUSER, TOOL_SUFFIX } from './layout.ts';
import { endProcesses } from './postmaster.ts';
import { upstreamConnection } from './settings.ts';
import { untilTimelineIsWritten } from './upstream.ts';

export interface Tools {
  readonly layout: Layout;
  readonly binaries: Binaries;
}

/** `present` means whole and of our major; anything else in its place is an error. */
export async function dataFolderState({ layout, binaries }: Tools): Promise<'absent' | 'present'> {
  const version = await readIfThere(join(layout.dataDir, 'PG_VERSION'));
  if (version === undefined) {
    const there = await stat(layout.dataDir).then(
      () => true,
      () => false,
    );
    if (there)
      throw new StackError('DataFolderUnusable', `${layout.dataDir} exists but is no data folder of PostgreSQL`);
    return 'absent';
  }
  if (version.trim() !== String(binaries.major)) {
    throw new StackError(
      'DataFolderUnusable',
      `${layout.dataDir} belongs to PostgreSQL ${version.trim()}, the installed server is ${binaries.version}`,
    );
  }
  return 'present';
}

/**
 * Ends whatever an earlier, killed attempt left running, and removes what it left half made. Tools work in `toolDir`, so that
 * this finds them; the servers that initdb starts work in the unfinished folder.
 */
async function clearUnfinished({ layout }: Tools, signal: AbortSignal): Promise<void> {
  const { unfinished, replaced, toolDir } = paths(layout);
  await mkdir(toolDir, { recursive: true, mode: 0o700 });
  await endProcesses([toolDir, unfinished], undefined, signal);
  await rm(unfinished, { recursive: true, force: true });
  await rm(replaced, { recursive: true, force: true });
}

/** The moment a folder becomes the instance's data. What lay there (a failed rewind) is removed only afterwards. */
async function adoptFolder({ layout }: Tools): Promise<void> {
  const { unfinished, replaced } = paths(layout);
  await rename(layout.dataDir, replaced).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(unfinished, layout.dataDir);
  await syncFolder(dirname(layout.dataDir));
  await rm(replaced, { recursive: true, force: true });
}

function failure(
  code: 'InitdbFailed' | 'BaseBackupFailed' | 'RewindFailed',
  what: string,
  result: ProgramResult,
): StackError {
  return new StackError(saysDiskFull(result.lastLines) ? 'DiskFull' : code, `${what}: ${describeEnd(result)}`);
}

/** Runs `make` on the unfinished folder; where it fails nothing is left of it. */
async function making(tools: Tools, signal: AbortSignal, make: (folder: string) => Promise<void>): Promise<void> {
  await clearUnfinished(tools, signal);
  const { unfinished } = paths(tools.layout);
  try {
    await make(unfinished);
    await adoptFolder(tools);
  } catch (error) {
    await clearUnfinished(tools, new AbortController().signal);
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
      throw new StackError('DiskFull', `no space left for ${unfinished}`, { cause: error });
    throw error;
  }
}

export async function initialise(
  tools: Tools,
  options: InitialiseOptions,
  configuration: Configuration,
  signal: AbortSignal,
): Promise<void> {
  const { layout, binaries } = tools;
  const checksums = options.dataChecksums ? ['--data-checksums'] : binaries.major >= 18 ? ['--no-data-checksums'] : [];
  await making(tools, signal, async (folder) => {
    const result = await runProgram(binaries.program('initdb'), {
      args: [
        `--pgdata=${folder}`,
        `--username=${SUPERUSER}`,
        `--encoding=${options.encoding}`,
        `--locale=${options.locale}`,
        '--auth-local=peer',
        '--auth-host=scram-sha-256',
        ...checksums,
        ...(binaries.major >= 14 ? ['--no-instructions'] : []),
      ],
      // What a database is like must not depend on the machine that made it: the time zone too is a parameter.
      env: { ...layout.env, TZ: 'UTC' },
      cwd: paths(layout).toolDir,
      signal,
    });
    if (result.code !== 0) throw failure('InitdbFailed', 'initdb', result);
    await writeConfigFiles(folder, layout, configuration);
  });
}

/** ` 1234/56789 kB (2%), 0/1 tablespace` */
function readProgress(line: string): Progress | undefined {
  const match = /^\s*(\d+)\/(\d+) kB/.exec(line);
  return match === null ? undefined : { doneBytes: Number(match[1]) * 1024, totalBytes: Number(match[2]) * 1024 };
}

function requireUpstream(configuration: Configuration): NonNullable<Configuration['upstream']> {
  if (configuration.upstream === undefined) throw new StackError('WrongRole', 'only a replica has an upstream');
  return configuration.upstream;
}

const toolName = (layout: Layout) => ({ application_name: `${layout.instanceId}${TOOL_SUFFIX}` });

export async function clone(
  tools: Tools,
  configuration: Configuration,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const { layout, binaries } = tools;
  const upstream = requireUpstream(configuration);
  await making(tools, signal, async (folder) => {
    const result = await runProgram(binaries.program('pg_basebackup'), {
      args: [
        `--pgdata=${folder}`,
        `--dbname=${upstreamConnection(layout, upstream, toolName(layout))}`,
        '--no-password',
        '--checkpoint=fast',
        '--wal-method=stream',
        `--slot=${upstream.slot}`,
        '--progress',
      ],
      env: layout.env,
      cwd: paths(layout).toolDir,
      signal,
      onLine: (line) => {
        const progress = readProgress(line);
        if (progress) onProgress(progress);
      },
    });
    if (result.code !== 0) throw failure('BaseBackupFailed', 'pg_basebackup', withoutProgress(result));
    await writeConfigFiles(folder, layout, configuration);
    await setStandbySignal(folder, true);
  });
}

function withoutProgress(result: ProgramResult): ProgramResult {
  return { ...result, lastLines: result.lastLines.filter((line) => readProgress(line) === undefined) };
}

/**
 * Only on a stopped engine. pg_rewind itself replays a data folder that was not shut down cleanly, which a standby's signal
 * file would prevent. A folder whose rewind failed is half of two lines: the caller must never start it.
 */
export async function rewind(
  tools: Tools,
  configuration: Configuration,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const { layout, binaries } = tools;
  const upstream = requireUpstream(configuration);
  await mkdir(paths(layout).toolDir, { recursive: true, mode: 0o700 });
  await untilTimelineIsWritten(layout, upstream, signal);
  await setStandbySignal(layout.dataDir, false);
  const result = await runProgram(binaries.program('pg_rewind'), {
    args: [
      `--target-pgdata=${layout.dataDir}`,
      `--source-server=${upstreamConnection(layout, upstream, { ...toolName(layout), dbname: 'postgres' })}`,
      '--progress',
    ],
    env: layout.env,
    cwd: paths(layout).toolDir,
    signal,
    onLine: (line) => {
      const progress = readProgress(line);
      if (progress) onProgress(progress);
    },
  });
  if (result.code !== 0) throw failure('RewindFailed', 'pg_rewind', withoutProgress(result));
  await writeConfigFiles(layout.dataDir, layout, configuration);
  await setStandbySignal(layout.dataDir, true);
}

export async function readControlData({ layout, binaries }: Tools, signal: AbortSignal): Promise<ControlData> {
  const result = await runProgram(binaries.program('pg_controldata'), {
    args: [layout.dataDir],
    env: { ...layout.env, LC_ALL: 'C' },
    cwd: '/',
    signal,
  });
  if (result.code !== 0) throw new StackError('DataFolderUnusable', `pg_controldata: ${describeEnd(result)}`);
  const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(result.stdout)?.[1]?.trim() ?? '';
  return {
    systemId: field('Database system identifier'),
    // Between a promotion and the checkpoint after it only the second one tells the new timeline: recovery takes the larger too.
    timeline: Math.max(
      Number(field("Latest checkpoint's TimeLineID")),
      Number(field("Min recovery ending loc's timeline")),
    ),
    state: field('Database cluster state'),
    checksums: field('Data page checksum version') !== '0',
    checkpointLsn: field('Latest checkpoint location'),
    redoLsn: field("Latest checkpoint's REDO location"),
    segmentBytes: Number(field('Bytes per WAL segment')),
    pageBytes: Number(field('WAL block size')),
  };
}
