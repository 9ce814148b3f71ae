/**
 * Operations on a cluster of three under a client that writes one row after the other through the rw service: the time of
 * each, and the write pause as its status tells it.
 *
 * Usage: tsx bench/operations/operations.ts [runs of each, default 10]
 */
import type { MPDOperation } from '@polarstack/api';
import { runOk } from '@polarstack/testkit';
import { createMembersScene, signal } from '../../tests/operations/members-scene.ts';
import { createReplaceScene, succeeded } from '../../tests/operations/replace-scene.ts';
import { report } from '../lib/report.ts';
import { summary } from '../lib/summary.ts';

const runs = Number(process.argv[2] ?? 10);

await runOk('npm', ['run', '--silent', 'build']);
const scene = await createMembersScene('bench', { followerNum: 2 });
const replace = createReplaceScene(scene);
const replica = async (): Promise<string> => {
  const leader = await scene.leader();
  return (await scene.ids()).find((id) => id !== leader) ?? '';
};
const flush = async (parameters: Readonly<Record<string, string>>): Promise<MPDOperation> =>
  await replace.next('FlushParams', async () => await replace.change({ parameters }));

/** Each changes something at every run: up at the even ones, down at the odd ones. */
const operations: readonly (readonly [string, (run: number) => Promise<MPDOperation>])[] = [
  ['FlushParams, reloaded', async (run) => await flush({ work_mem: run % 2 ? '4MB' : '6MB' })],
  ['FlushParams, restarted with a switch', async (run) => await flush({ shared_buffers: run % 2 ? '40MB' : '48MB' })],
  ['FlushParams, lower, RW restarted in place', async (run) => await flush({ max_connections: String(90 - run) })],
  ['RestartIns of an RO', async () => await scene.operate('RestartIns', { instance: await replica() })],
  ['RestartIns of the RW', async () => await scene.operate('RestartIns', { instance: await scene.leader() })],
  ['RestartCluster, rolling', async () => await scene.operate('RestartCluster', {})],
  ['RestartCluster, all at once', async () => await scene.operate('RestartCluster', { mode: 'all' })],
  ['SwitchRw', async () => await scene.operate('SwitchRw', {})],
  [
    'ModifyClass',
    async (run) => await scene.operate('ModifyClass', { className: run % 2 ? 'local.small' : 'local.medium' }),
  ],
];

const rows: Parameters<typeof report>[1][number][] = [];
try {
  const writer = await scene.writer();
  for (const [name, operate] of operations) {
    const [times, pauses]: [number[], number[]] = [[], []];
    for (let run = 0; run < runs; run++) {
      await writer.progress(50, signal);
      const { startedAt = '', finishedAt = '', writePauseMs } = succeeded(await operate(run));
      times.push(Date.parse(finishedAt) - Date.parse(startedAt));
      if (writePauseMs !== undefined) pauses.push(writePauseMs);
      await scene.ready();
    }
    rows.push({ part: `${name}: time`, unit: 'ms', ...summary(times) });
    if (pauses.length > 0) rows.push({ part: `${name}: write pause`, unit: 'ms', ...summary(pauses) });
  }
  const { rows: written } = await writer.stop();
  await scene.whole(written);
} finally {
  await scene.close();
}
report('operations', rows);
