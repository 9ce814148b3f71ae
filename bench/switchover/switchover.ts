/**
 * Planned switchovers of a cluster of three under a client that writes one row after the other through the rw service: the
 * longest time between two acknowledged rows as the client sees it, and the parts of each switch as its record tells them.
 *
 * Usage: tsx bench/switchover/switchover.ts [switches, default 10]
 */
import { runOk } from '@polarstack/testkit';
import { createScene, signal } from '../../tests/cluster-manager/scene.ts';
import { startWriter } from '../../tests/cluster-manager/writer.ts';
import { report } from '../lib/report.ts';
import { summary } from '../lib/summary.ts';

const runs = Number(process.argv[2] ?? 10);
const parts = [
  ['prepared: slots, checkpoint, caught up', 'S1', 'S2'],
  ['old primary stopped, target has everything', 'S2', 'S3'],
  ['old primary proven dead, committed', 'S3', 'S5'],
  ['promoted', 'S5', 'S6'],
  ['row written and read', 'S6', 'S7'],
  ['service moved', 'S7', 'S8'],
  ['followers re-pointed', 'S8', 'S9'],
  ['old primary streams as a replica', 'S9', 'S10'],
] as const;

await runOk('npm', ['run', '--silent', 'build']);
const scene = await createScene();
const seen: number[] = [];
const told: number[] = [];
const lasted = parts.map((): number[] => []);
try {
  const writer = await startWriter(await scene.login());
  for (let run = 0; run < runs; run++) {
    await writer.progress(50, signal);
    writer.takePause();
    const { outcome, message, pauseMs = Number.NaN, times = {} } = await scene.switchTo();
    if (outcome !== 'done') throw new Error(`switch ${run}: ${outcome}: ${message}`);
    await writer.progress(50, signal);
    seen.push(writer.takePause());
    told.push(pauseMs);
    for (const [i, [, from, to]] of parts.entries())
      lasted[i]?.push(Date.parse(times[to] ?? '') - Date.parse(times[from] ?? ''));
    await scene.settled();
  }
  await writer.stop();
} finally {
  await scene.close();
}
report('switchover', [
  { part: 'write pause, as the client sees it', unit: 'ms', ...summary(seen) },
  { part: 'write pause, as the record tells it', unit: 'ms', ...summary(told) },
  ...parts.map(([part], i) => ({ part, unit: 'ms', ...summary(lasted[i] ?? []) })),
]);
