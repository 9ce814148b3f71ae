import type { PodConnector } from '@polarstack/api';
import { expect } from 'vitest';
import { topic } from '../case.ts';

/** Stands for a node: says who is asked. */
export const connector: PodConnector = {
  exec: ({ pod: asked }, { stdout }) => {
    stdout.write(`${asked} was asked\n`);
    return Promise.resolve(0);
  },
  logs: async function* ({ pod: asked }) {
    yield Buffer.from(`first line of ${asked}\n`);
  },
};

const pod = { metadata: { name: 'one' }, spec: { containers: [{ name: 'main', image: 'host' }] } };

export const podCases = topic(
  'pods',
  {
    'logs come from the node': async (api) => {
      await api.quiet('POST', api.core('pods'), pod);
      await api.quiet('POST', api.core('pods/one/binding'), {
        metadata: { name: 'one' },
        target: { kind: 'Node', name: 'node-1' },
      });
      const log = await api.call('GET', api.core('pods/one/log'));
      expect(log.text).toBe('first line of one\n');
      expect((await api.call('GET', api.core('pods/none/log'))).code).toBe(404);
      const container = await api.call('GET', api.core('pods/one/log?container=other'));
      expect(container.body).toMatchObject({ code: 400, reason: 'BadRequest' });
    },
  },
  { kubelet: true },
);
