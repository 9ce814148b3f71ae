import { StackError, silentLogger } from '@polarstack/base';
import { expect, test } from 'vitest';
import { createTasks } from './tasks.ts';

const signal = new AbortController().signal;

test('one task at a time; the same id answers with the same task; a long poll ends with the task', async () => {
  const tasks = createTasks({ log: silentLogger, signal });
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  const started = tasks.start('a', 'initdb', async (report) => {
    report({ doneBytes: 1, totalBytes: 2 });
    await promise;
  });
  expect(started).toMatchObject({ id: 'a', state: 'running' });
  expect(() => tasks.start('b', 'rewind', async () => {})).toThrow(expect.objectContaining({ code: 'TaskRunning' }));
  expect(tasks.start('a', 'initdb', async () => {})).toMatchObject({ progress: { doneBytes: 1, totalBytes: 2 } });
  expect(await tasks.get('a', 1, signal)).toMatchObject({ state: 'running' });
  const poll = tasks.get('a', 30_000, signal);
  resolve();
  expect(await poll).toMatchObject({ state: 'done' });
  await expect(tasks.get('b', 0, signal)).rejects.toMatchObject({ code: 'UnknownTask' });
});

test('a failed task keeps its error, and makes room for the next', async () => {
  const tasks = createTasks({ log: silentLogger, signal });
  tasks.start('a', 'basebackup', async () => {
    throw new StackError('DiskFull', 'no space');
  });
  const failed = await tasks.get('a', 5_000, signal);
  expect(failed).toMatchObject({ state: 'failed', error: { code: 'DiskFull', message: 'no space' } });
  expect(failed.finishedAt).toBeDefined();
  tasks.start('b', 'basebackup', async () => {});
  expect(await tasks.get('b', 5_000, signal)).toMatchObject({ state: 'done' });
});

test('a long poll tells the first progress at once, and later ones only with the end', async () => {
  const tasks = createTasks({ log: silentLogger, signal });
  let tell = (_doneBytes: number): void => {};
  let resolve = (): void => {};
  tasks.start('a', 'basebackup', async (report) => {
    tell = (doneBytes) => report({ doneBytes, totalBytes: 10 });
    await new Promise<void>((done) => {
      resolve = done;
    });
  });
  const first = tasks.get('a', 30_000, signal);
  tell(1);
  expect(await first).toMatchObject({ state: 'running', progress: { doneBytes: 1 } });
  const end = tasks.get('a', 30_000, signal);
  tell(2);
  await Promise.resolve();
  resolve();
  expect(await end).toMatchObject({ state: 'done' });
});
