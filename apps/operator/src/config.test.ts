import { expect, test } from 'vitest';
import { patienceVariables, readConfig, readPatience } from './config.ts';
import { defaultPatience } from './steps/patience.ts';

const files = { POLARSTACK_REST_CERT: '/c', POLARSTACK_REST_KEY: '/k' };

test('the REST API is served only where it is said where, and with which certificate', () => {
  expect(readConfig({}).rest).toBeUndefined();
  const rest = { host: '10.0.0.1', port: 6079, certFile: '/c', keyFile: '/k' };
  expect(readConfig({ ...files, POLARSTACK_REST_HOST: '10.0.0.1' }).rest).toEqual(rest);
  expect(readConfig({ ...files, POLARSTACK_REST_HOST: '10.0.0.1', POLARSTACK_REST_PORT: '7000' }).rest).toEqual({
    ...rest,
    port: 7000,
  });
});

test('the patience of operations is set in seconds, and never to none', () => {
  expect(readConfig({}).patience).toEqual(defaultPatience);
  for (const [what, name] of Object.entries(patienceVariables)) {
    expect(readPatience({ [name]: '7' })).toEqual({ ...defaultPatience, [what]: 7_000 });
    for (const bad of ['0', '-1', '1.5', '3601', 'long', '']) {
      expect(() => readPatience({ [name]: bad }), `${name}=${bad}`).toThrow(
        expect.objectContaining({ code: 'InvalidConfig', message: expect.stringContaining(name) }),
      );
    }
  }
});

test.each([
  [{ POLARSTACK_REST_HOST: '10.0.0.1' }],
  [files],
  [{ ...files, POLARSTACK_REST_HOST: '10.0.0.1', POLARSTACK_REST_PORT: '70000' }],
])('%j is refused', (env) => {
  expect(() => readConfig(env)).toThrow(expect.objectContaining({ code: 'InvalidConfig' }));
});
