import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { MPDCluster } from '@polarstack/api';
import { expect, test } from 'vitest';
import { newCluster } from '../testing/scene.ts';
import { createObserver, type Sources } from './observe-cluster.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function recorded(): MPDCluster {
  const cluster = newCluster('demo');
  const entry = { physicalInsId: '1', insId: '2', podName: 'demo-1-2', insType: 'rw' as const };
  return {
    ...cluster,
    metadata: { ...cluster.metadata, uid: 'u' },
    status: {
      logicId: '0',
      engine: { image: 'polarstack/postgres:15' },
      dbInstanceStatus: { '2': { ...entry, netInfo: { workingPort: 5432, agentPort: 7443 } } },
    },
  };
}

test('an agent that never answers is given up in time, also while garbage is collected', async () => {
  const sources = {
    pods: { get: () => ({ status: { phase: 'Running', podIP: '127.0.11.2' } }) },
    services: { get: () => undefined },
    slices: { byIndex: () => [] },
    agents: {
      agent: () => ({
        status: async (signal: AbortSignal) =>
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      }),
    },
    catalog: { clientIP: () => undefined },
  } as unknown as Sources;
  const collecting = setInterval(collectGarbage, 50);
  try {
    const { instances } = await createObserver(sources).observe(recorded(), new AbortController().signal);
    expect(instances.get('2')).toMatchObject({ unanswered: 1, pod: { podIP: '127.0.11.2' } });
  } finally {
    clearInterval(collecting);
  }
});
