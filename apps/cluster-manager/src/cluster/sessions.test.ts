import { StackError, silentLogger } from '@polarstack/base';
import type { AgentPulse } from '@polarstack/contracts';
import { createVirtualClock } from '@polarstack/testkit';
import { expect, test } from 'vitest';
import { createSessions } from './sessions.ts';

const pulse = (instanceId: string, sequence: number, more: Partial<AgentPulse['engine']> = {}): AgentPulse => ({
  instanceId,
  agentStartedAt: '2026-01-01T00:00:00.000Z',
  sequence,
  bootId: 'boot',
  engine: { state: 'running', role: 'replica', ...more },
  probes: {},
  at: '2026-01-01T00:00:00.000Z',
});

/** Streams that the test writes to and breaks. */
function scene() {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const streams = new Map<string, { send: (pulse: AgentPulse) => void; fail: (error: Error) => void }>();
  const opened: string[] = [];
  let news = 0;
  const sessions = createSessions({
    source: (id) => ({
      watch: async (onPulse, signal) =>
        await new Promise<void>((resolve, reject) => {
          opened.push(id);
          streams.set(id, { send: onPulse, fail: reject });
          signal.addEventListener('abort', () => resolve(), { once: true });
        }),
    }),
    clock,
    log: silentLogger,
    onNews: () => {
      news++;
    },
    signal: stop.signal,
  });
  return {
    clock,
    sessions,
    opened,
    stream: (id: string) => streams.get(id) ?? expect.fail(`no stream to ${id}`),
    news: () => news,
    end: async () => {
      stop.abort();
      await sessions.ended;
    },
  };
}

test('P1: the newest pulse of each member, with the time it came; news are what can change a decision', async () => {
  const s = scene();
  s.sessions.keep(['a', 'b']);
  await s.clock.advance(10);
  s.stream('a').send(pulse('a', 1, { lsn: '0/1' }));
  expect(s.news()).toBe(1);
  await s.clock.advance(500);
  s.stream('a').send(pulse('a', 2, { lsn: '0/2' }));
  expect(s.news()).toBe(1);
  expect(s.sessions.pulses.get('a')).toEqual({
    pulse: pulse('a', 2, { lsn: '0/2' }),
    receivedAt: s.clock.monotonic(),
  });
  s.stream('a').send(pulse('a', 3, { died: { count: 1, how: 'ended by SIGKILL', at: '' } }));
  expect(s.news()).toBe(2);
  await s.end();
});

test('P2: a stream that breaks is opened again, at once where something has changed', async () => {
  const s = scene();
  s.sessions.keep(['a']);
  await s.clock.advance(1);
  for (let broken = 1; broken <= 8; broken++) {
    s.stream('a').fail(new StackError('AgentUnreachable', 'reset'));
    await s.clock.advance(2_500);
    expect(s.opened).toHaveLength(1 + broken);
  }
  s.stream('a').fail(new StackError('AgentUnreachable', 'reset'));
  await s.clock.advance(1);
  expect(s.opened).toHaveLength(9);
  s.sessions.retryNow();
  await s.clock.advance(1);
  expect(s.opened).toHaveLength(10);
  await s.end();
});

test('P3: who is no member any more is not listened to, and what it said is forgotten', async () => {
  const s = scene();
  s.sessions.keep(['a', 'b']);
  await s.clock.advance(1);
  const late = s.stream('b');
  late.send(pulse('b', 1));
  s.sessions.keep(['a']);
  late.send(pulse('b', 2));
  expect([...s.sessions.pulses.keys()]).toEqual([]);
  await s.clock.advance(10_000);
  expect(s.opened).toEqual(['a', 'b']);
  await s.end();
});
