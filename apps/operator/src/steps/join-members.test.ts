import type { EngineReport } from '@polarstack/contracts';
import { createVirtualClock } from '@polarstack/testkit';
import { expect, test } from 'vitest';
import { untilCaughtUp } from './join-members.ts';
import { defaultPatience, type Patience } from './patience.ts';

const TARGET = '0/5000000';

/** A replica that answers as `at` says for each second since the wait began. */
async function wait(
  at: (second: number) => Partial<EngineReport>,
  { failures = 0, patience = defaultPatience }: { readonly failures?: number; readonly patience?: Patience } = {},
) {
  const clock = createVirtualClock();
  const begun = clock.monotonic();
  const said: string[] = [];
  const look = async (): Promise<EngineReport> => {
    const second = Math.floor((clock.monotonic() - begun) / 1_000);
    return {
      state: 'running',
      role: 'replica',
      streaming: true,
      dataDir: '/data',
      configVersion: 1,
      ...at(second),
    };
  };
  const progress = (text: string) => void said.push(text);
  const step = { services: { clock, patience }, failures, signal: new AbortController().signal, progress };
  const done = untilCaughtUp(step, { pod: 'demo-1007-1008' }, look, TARGET).then(
    () => 'caught up',
    (error: unknown) => error,
  );
  let result: unknown;
  void done.then((value) => {
    result = value;
  });
  for (let second = 0; second < 600 && result === undefined; second++) {
    for (let tick = 0; tick < 10; tick++) await clock.advance(100);
  }
  return { result, said, seconds: (clock.monotonic() - begun) / 1_000 };
}

test('a replica that moves is waited for, however long it takes', async () => {
  const { result, seconds } = await wait((second) => ({
    lsn: second < 300 ? `0/${(0x4000000 + second * 16).toString(16)}` : TARGET,
  }));
  expect(result).toBe('caught up');
  expect(seconds).toBeGreaterThanOrEqual(300);
});

test('a replica that stands still behind the RW stops the step with a code, and says why', async () => {
  const { result, seconds, said } = await wait(() => ({ lsn: '0/4000000', replayPaused: true }));
  expect(result).toMatchObject({
    code: 'ReplicaBehind',
    message: expect.stringContaining('16777216 bytes behind'),
    remedy: expect.any(String),
  });
  expect((result as Error).message).toContain('its replay is paused');
  expect(seconds).toBeGreaterThan(30);
  expect(seconds).toBeLessThan(40);
  expect(said[0]).toContain('demo-1007-1008 is 16777216 bytes behind');
});

test('a further attempt waits for a shorter time, and the patience is a setting', async () => {
  const paused = () => ({ lsn: '0/4000000', replayPaused: true });
  const third = await wait(paused, { failures: 2 });
  expect(third.result).toMatchObject({ code: 'ReplicaBehind', message: expect.stringContaining('for 10 s') });
  expect(third.seconds).toBeLessThan(15);
  const short = await wait(paused, { patience: { ...defaultPatience, standstillMs: 2_000 } });
  expect(short.result).toMatchObject({ code: 'ReplicaBehind' });
  expect(short.seconds).toBeLessThan(5);
});

test('a replica whose replay is paused stands still, however much WAL it goes on to receive', async () => {
  const receivedLsn = (second: number): string => `0/${(0x5000000 + second * 16).toString(16)}`;
  const { result } = await wait((second) => ({
    lsn: '0/4000000',
    receivedLsn: receivedLsn(second),
    replayPaused: true,
  }));
  expect(result).toMatchObject({ code: 'ReplicaBehind' });
});

test('an engine that has a process and does not answer for a moment is waited for', async () => {
  const { result } = await wait((second) => (second < 5 ? { state: 'failed', pid: 7 } : { lsn: TARGET }));
  expect(result).toBe('caught up');
});

test('being at the position without streaming is not caught up; an engine that failed stops the step at once', async () => {
  expect((await wait(() => ({ lsn: TARGET, streaming: false }))).result).toMatchObject({ code: 'ReplicaBehind' });
  const { result, seconds } = await wait(() => ({ state: 'failed', reason: 'no space left' }));
  expect(result).toMatchObject({ code: 'EngineStartFailed', message: expect.stringContaining('no space left') });
  expect(seconds).toBeLessThan(2);
});
