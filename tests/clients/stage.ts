/** Where the scenarios of a client are played: on our API with a played node, and on a real one where there is one. */
import { join } from 'node:path';
import { type KubeTestServer, kubeServers, startEmbeddedKube } from '@polarstack/testkit/kube-servers';
import { afterAll, beforeAll, expect } from 'vitest';
import { deviations } from './compare.ts';
import { createNamespace } from './namespace.ts';
import { connector, startTarget } from './node.ts';
import type { Prepared } from './prepare.ts';
import { type Line, play } from './scenario.ts';

export const root = join(import.meta.dirname, '../..');
const definition = join(root, 'deploy/crds/mpd.polardb.aliyun.com_mpdclusters.yaml');

type Environment = Readonly<Record<string, string>>;

export interface Stage {
  /** All steps of a part succeed on every server, and show the same. */
  readonly agree: (part: string, env?: Environment) => Promise<void>;
  /** A part that needs a node, on our server. */
  readonly playOnOurs: (part: string) => Promise<readonly Line[]>;
}

/** To be called within `describe`; starts the servers before its tests and ends them after. */
export function useStage(prepared: Prepared, title: string): Stage {
  const servers: KubeTestServer[] = [];
  let played = 0;

  beforeAll(async () => {
    if (prepared.kind === 'missing') return;
    for (const choice of kubeServers()) {
      // A short memory, so that what a client remembers from before is gone.
      servers.push(
        choice.kind === 'embedded' ? await startEmbeddedKube({ connector, historyEvents: 50 }) : await choice.start(),
      );
    }
  });
  afterAll(async () => {
    await Promise.allSettled(servers.map(async (server) => await server.stop()));
  });

  const playOn = async (server: KubeTestServer, part: string, env?: Environment): Promise<readonly Line[]> => {
    if (prepared.kind === 'missing') throw new Error('this client is not here: its tests are skipped');
    const namespace = `${title}-${++played}`;
    await createNamespace(server, namespace);
    const end = part === 'kubelet' ? await startTarget(server, namespace) : undefined;
    try {
      const args = [server.kubeconfig, namespace, definition, part];
      const lines = await play(server, { command: prepared.command, args, ...(env ? { env } : {}) });
      // What a step saw names its namespace, which is another one on each server.
      return JSON.parse(JSON.stringify(lines).replaceAll(namespace, '<namespace>')) as readonly Line[];
    } finally {
      await end?.();
    }
  };

  return {
    agree: async (part, env) => {
      const [ours, ...others] = await Promise.all(servers.map(async (server) => await playOn(server, part, env)));
      if (ours === undefined) throw new Error('no server');
      for (const other of others) expect(deviations(ours, other).join('\n')).toBe('');
      expect(ours.filter(({ failed }) => failed !== undefined)).toEqual([]);
      expect(ours.length).toBeGreaterThan(0);
    },
    playOnOurs: async (part) => {
      const [ours] = servers;
      if (!ours) throw new Error('no server');
      return await playOn(ours, part);
    },
  };
}
