/**
 * The Go client, which most programs of the ecosystem are built on, sees the same on our API and on a real one: typed and
 * dynamic clients in JSON and in protobuf, discovery, informers, watch-list, apply, leader election, controller-runtime.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { config, run } from '@polarstack/testkit';
import { describe, expect, it } from 'vitest';
import { prepareGo } from './prepare.ts';
import { root, useStage } from './stage.ts';

const prepared = await prepareGo();

describe.skipIf(prepared.kind === 'missing')('the Go client', () => {
  const { agree, playOnOurs } = useStage(prepared, 'go');

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
    const ways = ['websocket', 'SPDY', 'fallback'];
    const answers = [
      { stdout: 'target ran echo input: said to it\n', stderr: 'and complained\n' },
      { stdout: '', stderr: '', code: 3 },
    ];
    expect(await playOnOurs('kubelet')).toEqual([
      { step: 'kubelet: exec', seen: Object.fromEntries(ways.map((way) => [way, answers])) },
      { step: 'kubelet: logs', seen: 'first line of target\nsecond line\n' },
      { step: 'kubelet: port-forward', seen: ['hello from the pod', 'hello from the pod'] },
    ]);
  });

  it('has the same fields of messages as our reader of protobuf', async () => {
    const options = { cwd: join(import.meta.dirname, 'go'), env: config.goEnvironment, timeoutMs: 10 * 60_000 };
    const { code, stdout, stderr } = await run('go', ['run', './fields'], options);
    expect(code, stderr).toBe(0);
    const kept = await readFile(join(root, 'packages/kube-server/src/http/protobuf-fields.ts'), 'utf8');
    expect(kept).toContain(`\`\n${stdout}\``);
  }, 600_000);
});
