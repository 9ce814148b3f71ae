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

    'streams need another protocol': async (api) => {
      await api.quiet('POST', api.core('pods'), pod);
      for (const subresource of ['attach', 'exec?command=date', 'portforward']) {
        const answer = await api.call('GET', api.core(`pods/one/${subresource}`));
        expect(answer.body, subresource).toMatchObject({ code: 400, reason: 'BadRequest' });
      }
    },
  },
  { kubelet: true },
);

export const logOptionCases = topic('pods/log', {
  'options are judged before a node is asked': async (api) => {
    await api.quiet('POST', api.core('pods'), pod);
    for (const [query, code] of [
      ['tailLines=x', 400],
      ['tailLines=-1', 422],
      ['limitBytes=-1', 422],
      ['limitBytes=0', 422],
      ['sinceSeconds=0', 422],
      ['sinceSeconds=soon', 400],
      ['sinceTime=yesterday', 400],
      ['sinceTime=2026-01-01T00:00:00Z&sinceSeconds=5', 422],
      ['stream=Sometimes', 422],
      ['container=other', 400],
    ] as const) {
      expect((await api.call('GET', api.core(`pods/one/log?${query}`))).code, query).toBe(code);
    }
    expect((await api.call('POST', api.core('pods/one/log'))).code).toBe(405);
    for (const subresource of ['attach', 'exec', 'portforward']) {
      const answer = await api.brief('GET', api.core(`pods/one/${subresource}?command=date`));
      expect(answer.body, subresource).toMatchObject({ code: 400, reason: 'BadRequest' });
    }
  },
});
