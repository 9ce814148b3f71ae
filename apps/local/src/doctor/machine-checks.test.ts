import { expect, test } from 'vitest';
import {
  checkLoopback,
  checkNode,
  checkOpenFiles,
  checkPlatform,
  checkPostgres,
  checkPrograms,
} from './machine-checks.ts';

test.each([
  ['20.19.0', 'ok'],
  ['22.1.0', 'ok'],
  ['20.18.3', 'failed'],
  ['18.20.0', 'failed'],
])('Node.js %s is %s', (version, state) => {
  expect(checkNode(version).state).toBe(state);
});

test('another operating system is named', () => {
  expect(checkPlatform('darwin')).toMatchObject({ state: 'failed', detail: expect.stringContaining('darwin') });
});

test.each([
  ['Max open files            256                  4096                 files', 'failed'],
  ['Max open files            1024                 4096                 files', 'ok'],
  ['Max open files            unlimited            unlimited            files', 'ok'],
])('%s: %s', (limits, state) => {
  expect(checkOpenFiles(`Limit  Soft Limit\n${limits}\n`).state).toBe(state);
});

test('what is missing comes with what brings it', async () => {
  const settings = { home: undefined, pgBin: '/nonexistent', restPort: 0, path: [] };
  expect(await checkPostgres(settings)).toMatchObject({
    state: 'failed',
    remedy: expect.stringMatching(/POLARSTACK_PG_BIN/),
  });
  expect(checkPrograms(settings)).toEqual([
    expect.objectContaining({ name: 'flock', state: 'failed', remedy: expect.stringContaining('util-linux') }),
    expect.objectContaining({ name: 'kubectl', state: 'warning' }),
  ]);
});

test('this machine can use its loopback addresses', async () => {
  expect((await checkLoopback()).state).toBe('ok');
});
