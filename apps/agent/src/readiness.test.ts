import type { Observation } from '@polarstack/engine';
import { expect, test } from 'vitest';
import { hasCaughtUp, lsnToBytes } from './readiness.ts';

const base: Observation = {
  role: 'replica',
  version: '15.1',
  startedAt: '',
  configLoadedAt: '',
  systemId: '1',
  timeline: 1,
  streaming: true,
  replayPaused: false,
  peers: [],
  connections: 1,
  pendingRestart: [],
};

test('positions are 64 bits in two halves', () => {
  expect(lsnToBytes('0/0')).toBe(0n);
  expect(lsnToBytes('1/0') - lsnToBytes('0/FFFFFFFF')).toBe(1n);
  expect(lsnToBytes('FFFFFFFF/FFFFFFFF')).toBe(2n ** 64n - 1n);
});

test('a replica has caught up when it streams and is within a mebibyte of its upstream', () => {
  expect(hasCaughtUp({ ...base, lsn: '1/0', upstreamLsn: '1/100000' })).toBe(true);
  expect(hasCaughtUp({ ...base, lsn: '1/0', upstreamLsn: '1/100001' })).toBe(false);
  expect(hasCaughtUp({ ...base, lsn: '1/0', receivedLsn: '1/0' })).toBe(true);
  expect(hasCaughtUp({ ...base, lsn: '1/0', receivedLsn: '1/0', streaming: false })).toBe(false);
  expect(hasCaughtUp(base)).toBe(false);
});
