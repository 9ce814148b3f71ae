import { podEnv } from '@polarstack/contracts';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const env = {
  [podEnv.cluster]: 'c',
  [podEnv.namespace]: 'default',
  [podEnv.pod]: 'c-1-2',
  [podEnv.podIP]: '127.0.11.2',
  [podEnv.instanceId]: '2',
  [podEnv.enginePort]: '5432',
  [podEnv.agentPort]: '7443',
  [podEnv.engineBin]: '/usr/lib/postgresql/15/bin',
};
const user = { username: 'polarstack', uid: 999 };

test('paths are those of the container, below the root where a runtime sets one', () => {
  expect(readConfig(env, user)).toMatchObject({
    dataDir: '/var/lib/polarstack/data/pgdata',
    runDir: '/run/polarstack',
  });
  const config = readConfig({ ...env, [podEnv.root]: '/pods/x/root', [podEnv.run]: '/tmp/r' }, user);
  expect(config).toMatchObject({
    dataDir: '/pods/x/root/var/lib/polarstack/data/pgdata',
    workDir: '/pods/x/root/var/lib/polarstack/data/agent',
    runDir: '/tmp/r',
    tls: { key: '/pods/x/root/etc/polarstack/tls/tls.key' },
    osUser: 'polarstack',
  });
  expect(Object.keys(config.engineEnv)).toEqual(['PATH', 'HOME', 'LANG']);
});

test.each([
  ['a missing variable', { ...env, [podEnv.pod]: undefined }, podEnv.pod],
  ['a port that is none', { ...env, [podEnv.agentPort]: '70000' }, podEnv.agentPort],
  ['a relative path', { ...env, [podEnv.engineBin]: 'bin' }, podEnv.engineBin],
  ['a run folder too long for a socket', { ...env, [podEnv.run]: `/${'x'.repeat(90)}` }, 'too long'],
])('%s is named', (_, bad, named) => {
  expect(() => readConfig(bad, user)).toThrow(
    expect.objectContaining({ code: 'InvalidConfig', message: expect.stringContaining(named) }),
  );
});

test('root is refused', () => {
  expect(() => readConfig(env, { username: 'root', uid: 0 })).toThrow(/root/);
});
