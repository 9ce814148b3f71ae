import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, waitFor } from '@polarstack/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commandOf, findProcesses, isProcessAlive } from '../machine/process-identity.ts';
import { type ProxyState, readProxyState, superviseProxy } from './proxy-supervisor.ts';

/** Stands in for the proxy: reads how to reach the API, counts its starts, and stays. */
const program = `#!/bin/sh
cat >"$2/input"
echo x >>"$2/starts"
exec sleep 1000
`;

let folder: string;
let supervisors: { stop: AbortController; done: Promise<void> }[];
const never = new AbortController().signal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'supervisor-'));
  writeFileSync(join(folder, 'program'), program);
  chmodSync(join(folder, 'program'), 0o755);
  supervisors = [];
});

afterEach(async () => {
  for (const { stop } of supervisors) stop.abort();
  await Promise.all(supervisors.map(({ done }) => done));
  for (const { pid } of findProcesses(({ cwd }) => cwd === folder)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

function supervise(code: string): { stop: AbortController; done: Promise<void> } {
  const stop = new AbortController();
  const done = superviseProxy({
    folder,
    state: join(folder, 'record'),
    output: join(folder, 'output'),
    program: join(folder, 'program'),
    input: 'how to reach the API',
    find: () => findProcesses(({ cwd }) => cwd === folder),
    code,
    account: undefined,
    log: silentLogger,
    signal: stop.signal,
  });
  supervisors.push({ stop, done });
  return { stop, done };
}

const settled = ({ pid }: ProxyState): boolean => commandOf(pid) === 'sleep 1000';

async function running(unlike?: ProxyState): Promise<ProxyState> {
  const look = async (): Promise<ProxyState | undefined> => {
    const state = readProxyState(join(folder, 'record'));
    return state && isProcessAlive(state) && state.pid !== unlike?.pid && settled(state) ? state : undefined;
  };
  return await waitFor('a proxy', look, { signal: never, timeoutMs: 30_000 });
}

const starts = (): number => readFileSync(join(folder, 'starts'), 'utf8').length / 2;

test('V1, V3: a proxy outlives its supervisor and is adopted by the next of the same code', async () => {
  const first = supervise('a');
  const proxy = await running();
  first.stop.abort();
  await first.done;
  expect(isProcessAlive(proxy)).toBe(true);
  supervise('a');
  process.kill(proxy.pid, 'SIGKILL'); // only who has adopted it notices
  await running(proxy);
  expect(starts()).toBe(2);
});

test('a proxy of other code is replaced', async () => {
  const first = supervise('a');
  const proxy = await running();
  first.stop.abort();
  await first.done;
  supervise('b');
  expect((await running(proxy)).code).toBe('b');
  expect(isProcessAlive(proxy)).toBe(false);
});

test('V2: a proxy that was killed is started again', async () => {
  supervise('a');
  const proxy = await running();
  process.kill(proxy.pid, 'SIGKILL');
  expect((await running(proxy)).code).toBe('a');
});

test('V4: a proxy that nobody has noted is ended, and the new one gets its connection on its input alone', async () => {
  const stray = spawn('sleep', ['1000'], { cwd: folder, stdio: 'ignore' });
  supervise('a');
  await once(stray, 'exit');
  const proxy = await running();
  expect(readFileSync(join(folder, 'input'), 'utf8')).toBe('how to reach the API');
  expect(commandOf(proxy.pid)).not.toContain('API');
});
