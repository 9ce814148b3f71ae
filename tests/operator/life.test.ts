import { afterEach, expect, test } from 'vitest';
import { createStack, type Stack } from './harness.ts';

let stack: Stack | undefined;
afterEach(async () => {
  await stack?.dispose();
  stack = undefined;
});

test('a cluster is made, works and goes', async () => {
  stack = await createStack();
  await stack.startOperator();
  const started = performance.now();
  await stack.create('demo');
  const { status } = await stack.until('demo', 'Ready');
  console.log(`ready after ${Math.round(performance.now() - started)} ms`);
  expect(status?.instances).toBe('3/3');
});
