import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findProcesses, type ProcessScope } from './find-processes.ts';
import { type ProcessEntry, type ProcessInspector, parseStat } from './process-table.ts';

const BOOT = 'boot';
const SELF = 999_999;

interface Fake extends ProcessEntry {
  readonly cwd?: string;
  readonly env?: readonly string[];
  readonly uid?: number;
}

const fake = (pid: number, fields: Partial<Fake> = {}): Fake => ({
  pid,
  parent: 1,
  session: pid,
  terminal: false,
  state: 'S',
  startTime: pid,
  ...fields,
});

function scan(table: readonly Fake[], scope: Partial<ProcessScope>): readonly number[] {
  const by = (pid: number): Fake | undefined => table.find((entry) => entry.pid === pid);
  const inspect: ProcessInspector = {
    workingDirectory: (pid) => by(pid)?.cwd,
    hasEnvironment: (pid, prefix) => by(pid)?.env?.some((entry) => entry.startsWith(prefix)) ?? false,
    effectiveUid: (pid) => by(pid)?.uid ?? 0,
  };
  const whole = { roots: [], folders: [], markers: [], ...scope };
  return findProcesses(whole, { table, inspect, self: SELF }).map(({ pid }) => pid);
}

const root = (pid: number, startTime = pid) => ({ pid, startTime, bootId: BOOT });

describe('findProcesses', () => {
  it('1: finds descendants at any depth, and orphans by their session', () => {
    const table = [
      fake(10),
      fake(11, { parent: 10 }),
      fake(12, { parent: 11, session: 12 }),
      fake(13, { session: 10 }),
    ];
    expect(scan(table, { roots: [root(10)] })).toEqual([10, 11, 12, 13]);
  });

  it('1: a reused pid is somebody else', () => {
    expect(scan([fake(10), fake(11, { parent: 10 })], { roots: [root(10, 5)] })).toEqual([]);
  });

  it('2: finds orphans by their working directory, also where that is deleted, but no shell of a person', () => {
    const table = [
      fake(1000, { cwd: '/v/pv' }),
      fake(1001, { cwd: '/v/pv/pgdata' }),
      fake(1002, { cwd: '/v/pv (deleted)' }),
      fake(1003, { cwd: '/v/pv-other' }),
      fake(1004, { cwd: '/v/pv', terminal: true }),
    ];
    expect(scan(table, { folders: ['/v/pv'] })).toEqual([1000, 1001, 1002]);
  });

  it('3: finds by the environment, and never itself', () => {
    const env = ['POLARSTACK_ROOT=/pods/a/main/root'];
    const table = [fake(20, { env }), fake(SELF, { env }), fake(21, { env: ['POLARSTACK_ROOT=/pods/ab/main'] })];
    expect(scan(table, { markers: ['POLARSTACK_ROOT=/pods/a/'] })).toEqual([20]);
  });

  it('R4: with a uid, finds no process of another user', () => {
    const table = [fake(30, { uid: 7 }), fake(31, { parent: 30, uid: 0 })];
    expect(scan(table, { roots: [root(30)], uid: 7 })).toEqual([30]);
  });

  it('what is surely another pod’s is not taken for a shared folder; what nobody claims is', () => {
    const table = [
      fake(40),
      fake(41, { parent: 40, cwd: '/shared' }),
      fake(42, { cwd: '/shared', env: ['M=b'] }),
      fake(43, { cwd: '/shared' }),
    ];
    const others = [{ roots: [root(40)], markers: ['M=b'] }];
    expect(scan(table, { folders: ['/shared'], others })).toEqual([43]);
  });

  it('finds exactly the tree below its roots, oldest first, whatever the tree looks like', () => {
    const trees = fc.array(fc.nat(), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(trees, fc.nat(), (choices, pick) => {
        const table = choices.map((choice, i) => fake(100 + i, { parent: i === 0 ? 1 : 100 + (choice % i) }));
        const top = 100 + (pick % table.length);
        const expected = new Set([top]);
        for (const entry of table) if (expected.has(entry.parent)) expected.add(entry.pid);
        expect(scan([...table].reverse(), { roots: [root(top)] })).toEqual([...expected].sort((a, b) => a - b));
      }),
    );
  });
});

describe('parseStat', () => {
  it('reads names with blanks and parentheses', () => {
    const text = '42 (a) b (c)) S 7 42 40 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 99 1\n';
    const expected = { pid: 42, state: 'S', parent: 7, session: 40, terminal: false, startTime: 12_345 };
    expect(parseStat(42, text)).toEqual(expected);
  });

  it('a zombie is dead', () => {
    expect(parseStat(42, '42 (x) Z 7 42 42 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 12345 99 1')).toBeUndefined();
  });
});
