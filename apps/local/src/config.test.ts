import { patienceVariables } from '@polarstack/operator';
import { expect, test } from 'vitest';
import { operatorSettings, plainEnvironment } from './config.ts';

test('every setting of the patience of operations reaches the control process, and nothing of the user besides', () => {
  expect([...operatorSettings].sort()).toEqual(Object.values(patienceVariables).sort());
  const set = Object.fromEntries(operatorSettings.map((name) => [name, '7']));
  expect(plainEnvironment({ ...set, PATH: '/bin', SECRET: 'x', EMPTY: '' })).toEqual({ ...set, PATH: '/bin' });
});
