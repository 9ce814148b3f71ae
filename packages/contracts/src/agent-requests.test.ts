import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Bootstrap, EngineConfig, Term } from './agent.ts';
import { agentRequests } from './agent-requests.ts';

const upstream = { instanceId: '2', host: '10.0.0.2', port: 5432, serverName: 'p', slot: 'ins_1' };
const bootstrap: Bootstrap = {
  kind: 'initdb',
  term: { epoch: 1, role: 'primary' },
  config: { version: 1, parameters: { work_mem: '4MB', empty: '' } },
  initdb: { encoding: 'UTF8', locale: 'C.UTF-8', dataChecksums: true },
  slots: ['ins_2'],
};

test('good requests pass as they are', () => {
  expect(agentRequests.bootstrap(bootstrap, '')).toEqual(bootstrap);
  const term: Term = { epoch: 4, role: 'replica', upstream };
  expect(agentRequests.term(term, '')).toEqual(term);
  const config: EngineConfig = { version: 1, parameters: {} };
  expect(agentRequests.config(config, '')).toEqual(config);
});

test.each<[string, unknown, string]>([
  ['no object', [], 'the body must be an object'],
  ['a missing field', { version: 1 }, 'parameters is missing'],
  ['an unknown field', { version: 1, parameters: {}, extra: 1 }, 'extra is not a known field'],
  ['a value of the wrong type', { version: 1, parameters: { work_mem: 4 } }, 'parameters.work_mem must be a string'],
  ['a fraction', { version: 1.5, parameters: {} }, 'version must be an integer'],
])('a config with %s', (_, value, message) => {
  expect(() => agentRequests.config(value, '')).toThrow(expect.objectContaining({ code: 'InvalidRequest', message }));
});

test('a field deep inside is named by its path', () => {
  const bad = { roles: [{ name: 'a' }, { name: '' }] };
  expect(() => agentRequests.roles(bad, '')).toThrow(/^roles\[1\].name must not be empty$/);
  expect(() => agentRequests.bootstrap({ ...bootstrap, term: { epoch: 1, role: 'replica', upstream } }, '')).toThrow(
    /^term.role must be primary for a bootstrap by initdb$/,
  );
  expect(() => agentRequests.bootstrap({ ...bootstrap, kind: 'copy' }, '')).toThrow(/^kind must be one of/);
});

test('whatever comes, a guard answers with its type or refuses with a code', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      for (const guard of [agentRequests.term, agentRequests.config, agentRequests.bootstrap, agentRequests.stop]) {
        try {
          guard(value, '');
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidRequest' });
        }
      }
    }),
  );
});
