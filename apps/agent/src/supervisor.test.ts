import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, waitFor } from '@polarstack/base';
import type { EngineDriver, EngineExit } from '@polarstack/engine';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStateFile, type StateFile } from './state-file.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';
import { openTermFile, type TermFile } from './term-file.ts';

/** An engine that does what it is told, and writes down in which order. */
function fakeEngine() {
  const acts: string[] = [];
  let kill: ((exit: EngineExit) => void) | undefined;
  const fake = {
    acts,
    folder: 'present' as 'absent' | 'present',
    standby: false,
    /** What the next starts do: accept connections, or die. */
    starts: 'accepts' as 'accepts' | 'dies',
    diagnosis: 'quick' as 'quick' | 'endless',
    die: (exit: EngineExit = { signal: 'SIGKILL' }) => kill?.(exit),
    get alive() {
      return kill !== undefined;
    },
  };
  let current: unknown;
  const launch = () => {
    acts.push(`launch ${fake.standby ? 'standby' : 'primary'}`);
    const exited = new Promise<EngineExit>((resolve) => {
      kill = (exit) => {
        kill = undefined;
        resolve(exit);
      };
    });
    if (fake.starts === 'dies') fake.die({ code: 1 });
    return {
      pid: 4242,
      startTicks: 1,
      exited,
      stop: (mode: string) => {
        acts.push(`stop ${mode}`);
        if (mode !== 'smart') fake.die({ code: 0 });
      },
      reload: () => {},
      release: () => {},
    };
  };
  const driver = {
    dataFolder: async () => fake.folder,
    find: async () => (kill === undefined ? undefined : current),
    endAll: async () => {
      acts.push('end all');
      fake.die();
    },
    isStandby: async () => fake.standby,
    setStandby: async (standby: boolean) => {
      fake.standby = standby;
    },
    configure: async () => {},
    launch: async () => {
      current = launch();
      return current;
    },
    isAccepting: async () => fake.alive,
    diagnose: async (signal: AbortSignal) => {
      acts.push('diagnose');
      if (fake.diagnosis === 'endless') await systemClock.sleep(600_000, signal);
      return ['LOG: starting', 'FATAL: it is broken'];
    },
    sql: {
      close: () => {},
      promote: async () => {
        acts.push('promote');
        fake.standby = false;
      },
    },
  } as unknown as EngineDriver;
  return Object.assign(fake, { driver });
}

let folder: string;
let life: AbortController;
let engine: ReturnType<typeof fakeEngine>;
let terms: TermFile;
let state: StateFile;
let supervisor: Supervisor;
let running: Promise<void>;
let heard: boolean;
/** So long that a test never sees its end, unless it is about that. */
let ownerWordMs: number;
const supervise = (): Supervisor =>
  createSupervisor({
    ...{ driver: engine.driver, terms, state, log: silentLogger, signal: life.signal },
    isHeard: () => heard,
    ownerWordMs,
  });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ps-super-'));
  life = new AbortController();
  engine = fakeEngine();
  terms = await openTermFile(join(folder, 'term'));
  state = await openStateFile(join(folder, 'state'));
  heard = false;
  ownerWordMs = 600_000;
  supervisor = supervise();
});
afterEach(async () => {
  life.abort();
  await running;
  rmSync(folder, { recursive: true, force: true });
});

const signal = AbortSignal.timeout(60_000);
const until = async (what: string, check: () => boolean): Promise<void> => {
  await waitFor(what, async () => (check() ? true : undefined), { signal, timeoutMs: 20_000, intervalMs: 2 });
};
const launches = (): number => engine.acts.filter((act) => act.startsWith('launch')).length;

test('L1: without a term, a data folder or a finished bootstrap nothing is started', async () => {
  running = supervisor.run();
  await expect(supervisor.start(signal)).rejects.toMatchObject({ code: 'TermMissing' });
  await terms.set({ epoch: 1, role: 'primary' });
  await expect(supervisor.start(signal)).rejects.toMatchObject({ code: 'DataFolderUnfinished' });
  await state.update({ bootstrapped: true, rewinding: true });
  await expect(supervisor.start(signal)).rejects.toMatchObject({ code: 'DataFolderUnfinished' });
  engine.folder = 'absent';
  await state.update({ rewinding: false });
  await expect(supervisor.start(signal)).rejects.toMatchObject({ code: 'DataFolderUnfinished' });
  expect(launches()).toBe(0);
});

test('L1, L2: a finished folder is started in the role of its term, after everything old is dead', async () => {
  await state.update({ bootstrapped: true });
  await terms.set({
    epoch: 1,
    role: 'replica',
    upstream: { instanceId: '1', host: 'h', port: 1, serverName: 'h', slot: 's' },
  });
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  expect(engine.acts).toEqual(['end all', 'launch standby']);
});

test('a folder of a standby in a primary term is promoted, never started as a primary', async () => {
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  engine.standby = true;
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  expect(engine.acts.slice(-2)).toEqual(['launch standby', 'promote']);
});

test('a dead engine is started again at once, its last processes ended before', async () => {
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  engine.acts.length = 0;
  engine.die();
  await until('the next', () => launches() === 1 && supervisor.engine?.accepting === true);
  expect(engine.acts[0]).toBe('end all');
});

test('an engine that does not start: why is found out once, starts become rarer, and it starts when it can', async () => {
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  engine.starts = 'dies';
  running = supervisor.run();
  await until('the reason', () => supervisor.failure?.explained === true);
  expect(supervisor.failure?.reason).toContain('FATAL: it is broken');
  await expect(supervisor.start(signal)).rejects.toMatchObject({ code: 'EngineStartFailed' });
  engine.starts = 'accepts';
  await until('the engine', () => supervisor.engine?.accepting === true);
});

test('L5: stopped by request stays stopped, also when it dies by itself or the agent is another', async () => {
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  await supervisor.stop('smart', 10);
  expect(engine.acts.slice(-3)).toEqual(['stop smart', 'stop immediate', 'end all']);
  expect(supervisor.engine).toBeUndefined();
  const before = launches();
  const next = supervise();
  const second = next.run();
  await next.whileStopped(async () => {});
  expect(launches()).toBe(before);
  await next.start(signal);
  expect(launches()).toBe(before + 1);
  life.abort();
  await second;
});

test('L4: the end of looking after leaves the engine; the end of the pod stops it without wanting it stopped', async () => {
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  await supervisor.shutdown(1_000);
  expect(engine.acts).toContain('stop fast');
  expect(engine.alive).toBe(false);
  expect(state.current.wanted).toBe('running');
});

test('L8: a death is told before anything is done; where it is heard, a fence keeps the engine down', async () => {
  heard = true;
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  engine.acts.length = 0;
  const told: string[] = [];
  supervisor.onChange(() => {
    if (supervisor.died) told.push(`${supervisor.died.how} before ${engine.acts.length} acts`);
  });
  engine.die();
  await until('the end of what it left', () => engine.acts.includes('end all'));
  expect(told[0]).toBe('ended by SIGKILL before 0 acts');
  await terms.setFence(2);
  await supervisor.stop('immediate', 10);
  expect(launches()).toBe(0);
  expect(supervisor.died).toMatchObject({ count: 1 });
  await expect(supervisor.start(signal)).rejects.toMatchObject({ code: 'StaleEpoch' });
  await terms.set({ epoch: 2, role: 'primary' });
  await supervisor.start(signal);
  expect(launches()).toBe(1);
  expect(supervisor.died).toBeUndefined();
});

test.each(['no word', 'start'] as const)('L8: an engine is started again after its owner had %s', async (word) => {
  heard = true;
  if (word === 'no word') {
    ownerWordMs = 50;
    supervisor = supervise();
  }
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  engine.acts.length = 0;
  engine.die();
  await until('its end', () => engine.acts.includes('end all'));
  if (word === 'start') await supervisor.start(signal);
  await until('the next', () => launches() === 1 && supervisor.engine?.accepting === true);
});

test('L9: an immediate stop waits neither for a slower one nor for the reason of a failure', async () => {
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  const slow = supervisor.stop('smart', 600_000);
  await until('it to stop', () => engine.acts.includes('stop smart'));
  await supervisor.stop('immediate', 10);
  await slow;
  expect(engine.acts).toContain('stop immediate');
  engine.starts = 'dies';
  engine.diagnosis = 'endless';
  const starting = supervisor.start(signal).catch(() => {});
  await until('the search', () => engine.acts.includes('diagnose'));
  await supervisor.stop('immediate', 10);
  expect(supervisor.failure).toBeUndefined();
  engine.starts = 'accepts';
  await supervisor.start(signal);
  await starting;
});

test('L7: an engine that an earlier agent left running below a fence is stopped', async () => {
  await state.update({ bootstrapped: true });
  await terms.set({ epoch: 1, role: 'primary' });
  running = supervisor.run();
  await until('the engine', () => supervisor.engine?.accepting === true);
  life.abort();
  await running;
  life = new AbortController();
  await terms.setFence(2);
  supervisor = supervise();
  await supervisor.adopt();
  expect(supervisor.engine?.accepting).toBe(true);
  running = supervisor.run();
  await until('its end', () => supervisor.engine === undefined);
  expect(engine.alive).toBe(false);
});
