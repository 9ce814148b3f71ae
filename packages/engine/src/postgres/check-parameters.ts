import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import type { ParameterProblem } from '../driver.ts';
import { writeDurably } from '../durable-file.ts';
import { describeEnd, runProgram } from '../run-program.ts';
import type { Binaries } from './binaries.ts';
import { isStackOwned } from './settings.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$/;

/** Values the engine accepts one by one, but with which no replica could follow. */
function acrossSettings(parameters: Readonly<Record<string, string>>): ParameterProblem[] {
  const problems: ParameterProblem[] = [];
  const value = (name: string): string | undefined =>
    Object.entries(parameters).find(([key]) => key.toLowerCase() === name)?.[1];
  const number = (name: string, fallback: number): number => Number(value(name) ?? fallback);
  if (value('wal_level')?.toLowerCase() === 'minimal')
    problems.push({ name: 'wal_level', reason: 'must be replica or logical: members stream from each other' });
  for (const name of ['max_wal_senders', 'max_replication_slots']) {
    if (number(name, 10) < 2)
      problems.push({ name, reason: 'must be at least 2: members stream from each other through slots' });
  }
  const reserved = number('superuser_reserved_connections', 3);
  if (reserved < 1)
    problems.push({
      name: 'superuser_reserved_connections',
      reason: 'must be at least 1: the agent looks after the engine through it when all other connections are taken',
    });
  const connections = number('max_connections', 100);
  if (reserved + number('reserved_connections', 0) >= connections)
    problems.push({
      name: 'max_connections',
      reason: `must be greater than the ${reserved + number('reserved_connections', 0)} reserved connections`,
    });
  return problems;
}

/** What `postgres` said, without time and pid. */
function sentence(lines: readonly string[]): string {
  const text = (kind: string): string | undefined =>
    lines.map((line) => new RegExp(`${kind}:\\s+(.*)$`).exec(line)?.[1]).find((found) => found !== undefined);
  const hint = text('HINT');
  const fatal = text('FATAL') ?? lines.join(' ');
  return hint === undefined ? fatal : `${fatal}. ${hint}`;
}

const PRELOAD = 'shared_preload_libraries';
/** A value that is known only after the libraries were loaded; majors before 15 have none. */
const KNOWN_AFTER_LOADING = 'shared_memory_size';
const FIRST_WITH_IT = 15;

/**
 * Lets the engine's own program load the libraries that it would load at its start, in a folder that looks like the one of the
 * instance and is none: a library that is not there, or not of this engine, would leave an engine that does not start.
 * Answers why it would not; undefined where it would, or where nothing tells.
 */
async function libraryProblem(
  binaries: Binaries,
  { folder, dataDir, env }: Where,
  parameters: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<ParameterProblem | undefined> {
  const [name] = [...parameters.keys()].filter((key) => key.toLowerCase() === PRELOAD);
  if (name === undefined || parameters.get(name)?.trim() === '' || binaries.major < FIRST_WITH_IT) return undefined;
  const scratch = await mkdtemp(join(folder, 'load-'));
  try {
    await mkdir(join(scratch, 'global'), { mode: 0o700 });
    try {
      for (const file of ['PG_VERSION', 'global/pg_control']) await copyFile(join(dataDir, file), join(scratch, file));
    } catch (error) {
      // No data folder yet: its first start tells.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    await writeDurably(join(scratch, 'postgresql.conf'), '');
    const settings = [...parameters].flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    const result = await runProgram(binaries.program('postgres'), {
      args: ['-C', KNOWN_AFTER_LOADING, '-D', scratch, ...settings],
      env: { ...env, LC_ALL: 'C' },
      cwd: '/',
      signal,
    });
    if (result.code === 0) return undefined;
    return { name, reason: `the engine would not start: ${sentence(result.lastLines) || describeEnd(result)}` };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

export interface Where {
  /** A scratch folder of ours. */
  readonly folder: string;
  /** The instance's data folder; it need not be there yet. */
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Asks the engine's own program about every parameter: `postgres -C` reads the values as a start would and stops
 * before it touches anything (10 ms a run, no server needed). It names the first bad one; the check leaves that out and
 * asks again, so that all are reported. What all is well with otherwise is then tried with the libraries loaded.
 *
 * Settings of the stack are left out: their values never reach the engine.
 */
export async function checkParameters(
  binaries: Binaries,
  where: Where,
  parameters: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly ParameterProblem[]> {
  const { folder, env } = where;
  const problems: ParameterProblem[] = [];
  const left = new Map<string, string>();
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(parameters)) {
    if (!NAME.test(name)) problems.push({ name, reason: 'this is not the name of a parameter' });
    else if (seen.has(name.toLowerCase())) problems.push({ name, reason: 'is given twice' });
    else if (value.includes('\0')) problems.push({ name, reason: 'the value contains a NUL character' });
    else if (!isStackOwned(name)) left.set(name, value);
    seen.add(name.toLowerCase());
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeDurably(join(folder, 'postgresql.conf'), '');
  while (left.size > 0) {
    const settings = [...left].flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const result = await runProgram(binaries.program('postgres'), {
      args: ['-C', 'port', '-D', folder, ...settings],
      env: { ...env, LC_ALL: 'C' },
      cwd: '/',
      signal,
    });
    if (result.code === 0) break;
    const reason = sentence(result.lastLines);
    const bad = [...left.keys()].find((name) => reason.toLowerCase().includes(`parameter "${name.toLowerCase()}"`));
    if (bad === undefined) {
      throw new StackError(
        'InvalidParameter',
        `PostgreSQL ${binaries.version} refuses the parameters: ${reason || describeEnd(result)}`,
      );
    }
    problems.push({
      name: bad,
      reason: reason.startsWith('unrecognized')
        ? `PostgreSQL ${binaries.version} does not know this parameter`
        : reason,
    });
    left.delete(bad);
  }
  problems.push(...acrossSettings(Object.fromEntries(left)));
  const unloadable = problems.length === 0 ? await libraryProblem(binaries, where, left, signal) : undefined;
  return unloadable ? [unloadable] : problems;
}
