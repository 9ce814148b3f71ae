import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identify, isAlive, readBootId, readProcess } from '../process/process-table.ts';
import { installKeeper } from './install-keeper.ts';
import { readKeeperRecords } from './keeper-records.ts';

let folder: string;
let state: string;
let script: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keeper-'));
  state = join(folder, 'state');
  await mkdir(state);
  script = await installKeeper(join(folder, 'bin'));
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    const main = (await readKeeperRecords(state, 1)).main;
    for (const pid of [child.pid, main?.pid]) {
      try {
        if (pid) process.kill(pid, 'SIGKILL');
      } catch {
        // Ended by itself, as most tests want it.
      }
    }
  }
  await rm(folder, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const until = <T>(what: string, check: () => Promise<T | undefined>): Promise<T> =>
  waitFor(what, check, { signal, timeoutMs: 30_000, intervalMs: 5 });

async function keep(mode: 'once' | 'keep', ...argv: string[]): Promise<ChildProcess> {
  const log = await open(join(folder, '0.log'), 'a');
  const child = spawn('/bin/sh', [script, state, '1', mode, ...argv], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  started.push(child);
  return child;
}

const log = (): Promise<string> => readFile(join(folder, '0.log'), 'utf8');
const records = () => readKeeperRecords(state, 1);
const main = () => until('the program', async () => (await records()).main);

describe('the keeper', () => {
  it('records itself, its program and the exit code; output goes to the log', async () => {
    const child = await keep('once', '/bin/sh', '-c', 'echo out; echo err >&2; exit 5');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(5);
    const { keeper, exit } = await records();
    expect(keeper).toMatchObject({ pid: child.pid, bootId: readBootId() });
    expect(exit?.code).toBe(5);
    expect(await log()).toBe('out\nerr\n');
  });

  it('names processes by the start time that the kernel shows', async () => {
    const child = await keep('once', 'sleep', '1000');
    const program = await main();
    expect(program).toEqual(identify(program.pid, readBootId()));
    expect(readProcess(program.pid)?.parent).toBe(child.pid);
    expect((await records()).keeper).toEqual(identify(child.pid ?? 0, readBootId()));
  });

  it('gives 128+n for signal n, and 127 for a program that is not there', async () => {
    const child = await keep('once', 'sleep', '1000');
    process.kill((await main()).pid, 'SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
    await rm(state, { recursive: true });
    await mkdir(state);
    expect(await once(await keep('once', '/nowhere/program'), 'exit')).toEqual([127, null]);
  });

  it('keep: starts the program again, counts, and after SIGTERM not any more', async () => {
    const child = await keep('keep', 'sleep', '1000');
    const first = await main();
    process.kill(first.pid, 'SIGKILL');
    const second = await until('the next', async () => {
      const { main: next } = await records();
      return next && next.pid !== first.pid ? next : undefined;
    });
    expect((await records()).restarts).toEqual({ count: 1, lastCode: 137 });
    process.kill(child.pid ?? 0, 'SIGTERM');
    expect(isAlive(second, readBootId())).toBe(true);
    process.kill(second.pid, 'SIGTERM');
    expect(await once(child, 'exit')).toEqual([143, null]);
    expect((await records()).exit?.code).toBe(143);
  });

  it('passes no handling of signals on: the program starts with all of them as usual', async () => {
    const child = await keep('once', '/bin/sh', '-c', 'grep -E "^Sig(Ign|Cgt)" /proc/self/status');
    await once(child, 'exit');
    const masks = [...(await log()).matchAll(/^Sig(?:Ign|Cgt):\s+([0-9a-f]+)$/gm)].map((match) =>
      BigInt(`0x${match[1]}`),
    );
    expect(masks).toHaveLength(2);
    // HUP, INT, QUIT, TERM
    for (const mask of masks) expect(mask & 0b100_0000_0000_0111n).toBe(0n);
  });
});

describe('readKeeperRecords', () => {
  it('ignores records of another run, links, and nonsense', async () => {
    await writeFile(join(state, 'keeper'), '2 100 5 boot\n');
    await writeFile(join(state, 'main'), '1 x y\n');
    await writeFile(join(folder, 'elsewhere'), '1 0\n');
    await symlink(join(folder, 'elsewhere'), join(state, 'exit'));
    expect(await records()).toEqual({});
    expect(await readKeeperRecords(state, 2)).toEqual({ keeper: { pid: 100, startTime: 5, bootId: 'boot' } });
  });
});
