/**
 * The Go client, which most programs of the ecosystem are built on, sees the same on our API and on a real one: typed and
 * dynamic clients in JSON and in protobuf, discovery, informers, watch-list, apply, leader election, controller-runtime.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@polarstack/testkit';
import { type KubeTestServer, kubeServers, startEmbeddedKube } from '@polarstack/testkit/kube-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviations } from './compare.ts';
import { createNamespace } from './namespace.ts';
import { connector, startTarget } from './node.ts';
import { prepareGo } from './prepare.ts';
import { type Line, play } from './scenario.ts';

const root = join(import.meta.dirname, '../..');
const definition = join(root, 'deploy/crds/mpd.polardb.aliyun.com_mpdclusters.yaml');
const prepared = await prepareGo();

describe.skipIf(prepared.kind === 'missing')('the Go client', () => {
  const servers: KubeTestServer[] = [];
  let made = 0;

  beforeAll(async () => {
    for (const choice of kubeServers()) {
      servers.push(
        choice.kind === 'embedded' ? await startEmbeddedKube({ connector, historyEvents: 50 }) : await choice.start(),
      );
    }
  });
  afterAll(async () => {
    await Promise.allSettled(servers.map(async (server) => await server.stop()));
  });

  const playOn = async (server: KubeTestServer, part: string, env?: Readonly<Record<string, string>>) => {
    if (prepared.kind === 'missing') throw new Error('skipped above');
    const namespace = `go-${++made}`;
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

  /** All steps succeed on every server, and show the same. */
  const agree = async (part: string, env?: Readonly<Record<string, string>>): Promise<void> => {
    const [ours, ...others] = await Promise.all(servers.map(async (server) => await playOn(server, part, env)));
    if (ours === undefined) throw new Error('no server');
    for (const other of others) expect(deviations(ours, other).join('\n')).toBe('');
    expect(ours.filter(({ failed }) => failed !== undefined)).toEqual([]);
    expect(ours.length).toBeGreaterThan(0);
  };

  it.each(['typed', 'pages', 'apply', 'dynamic', 'discovery', 'informers', 'leader', 'manager'])(
    'agrees on %s',
    async (part) => {
      await agree(part);
    },
  );

  it('is served or turned down where it asks for a watch instead of a list', async () => {
    await agree('informers', { KUBE_FEATURE_WatchListClient: 'true' });
  });

  it('is turned down where it prefers CBOR', async () => {
    await agree('dynamic', { KUBE_FEATURE_ClientsAllowCBOR: 'true', KUBE_FEATURE_ClientsPreferCBOR: 'true' });
  });

  it('lists again after a restart, when its version is gone', async () => {
    await agree('restart');
  });

  it('runs commands, reads logs and forwards ports', async () => {
    const [ours] = servers;
    if (!ours) throw new Error('no server');
    const lines = await playOn(ours, 'kubelet');
    expect(lines).toEqual([
      {
        step: 'kubelet: exec',
        seen: Object.fromEntries(
          ['websocket', 'SPDY', 'fallback'].map((way) => [
            way,
            [
              { stdout: 'target ran echo input: said to it\n', stderr: 'and complained\n' },
              { stdout: '', stderr: '', code: 3 },
            ],
          ]),
        ),
      },
      { step: 'kubelet: logs', seen: 'first line of target\nsecond line\n' },
      { step: 'kubelet: port-forward', seen: ['hello from the pod', 'hello from the pod'] },
    ]);
  });

  it('has the same fields of messages as our reader of protobuf', async () => {
    const { code, stdout, stderr } = await run('go', ['run', './fields'], { cwd: join(import.meta.dirname, 'go') });
    expect(code, stderr).toBe(0);
    const kept = await readFile(join(root, 'packages/kube-server/src/http/protobuf-fields.ts'), 'utf8');
    expect(kept).toContain(`\`\n${stdout}\``);
  });
});
