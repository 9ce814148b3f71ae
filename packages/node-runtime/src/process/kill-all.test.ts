import { spawn } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProcesses } from './find-processes.ts';
import { killAll } from './kill-all.ts';
import type { ProcessEntry } from './process-table.ts';

const entry = (pid: number, startTime = pid): ProcessEntry => ({
  pid,
  startTime,
  parent: 1,
  session: pid,
  terminal: false,
  state: 'R',
});

describe('killAll', () => {
  it('returns after two scans in a row that find nothing', async () => {
    const scans = [[entry(5), entry(6)], [], [entry(7)], [], []];
    let looked = 0;
    const kills: number[] = [];
    const find = (): readonly ProcessEntry[] => scans[looked++] ?? [];
    expect(await killAll(find, { kill: (pid) => kills.push(pid) })).toBe(3);
    expect([looked, kills]).toEqual([5, [5, 6, 7]]);
  });

  it('says which processes do not die', async () => {
    const stuck = killAll(() => [entry(8)], { kill: () => {}, deadlineMs: 20 });
    await expect(stuck).rejects.toMatchObject({ code: 'ProcessesSurvived', details: { pids: [8] } });
  });

  it('spares a pid that was given to somebody else since the scan', async () => {
    let looked = 0;
    const find = (): readonly ProcessEntry[] => (looked++ === 0 ? [entry(process.pid, 1)] : []);
    expect(await killAll(find)).toBe(0);
  });
});

describe('killAll with real processes', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'kill-all-')));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('kills sessions of their own, orphans without environment, and what is born meanwhile', async () => {
    // Each link starts the next in a new session and ends: what lives is an orphan of PID 1 all the time.
    const script = 'i=0; while [ $i -lt 30 ]; do (env -i setsid sh -c "sleep 1000 & sleep 1000" &) ; i=$((i+1)); done';
    const child = spawn('/bin/sh', ['-c', script], { cwd: folder, detached: true, stdio: 'ignore' });
    const find = (): readonly ProcessEntry[] => findProcesses({ roots: [], folders: [folder], markers: [] });
    while (find().length < 10) await new Promise((resolve) => setImmediate(resolve));
    expect(await killAll(find)).toBeGreaterThanOrEqual(10);
    expect(find()).toEqual([]);
    child.unref();
  });
});
