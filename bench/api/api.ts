/**
 * Our API beside a real one in one run: durable writes, lists, gets, watches, start and memory. Rounds alternate between
 * the two, and the medians of the rounds are compared, so that what else the machine does weighs on both alike. Both
 * answer a write when it is on the disk (etcd's default, and ours).
 *
 * Usage: tsx bench/api/api.ts [rounds, default 3]. Takes about three minutes. Without `make kube-assets` ours runs alone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findKubeAssets } from '@polarstack/testkit';
import { memoryOf } from '../lib/memory.ts';
import { percentile } from '../lib/percentile.ts';
import { report } from '../lib/report.ts';
import { bundleOurs, type Contestant, type Side, startOurs, startReal } from './contestants.ts';
import { createNamespaces, fill, gets, lists, watches, writes } from './measures.ts';
import { createTally } from './tally.ts';

const rounds = Number(process.argv[2] ?? 3);
const tally = createTally();
const folder = await mkdtemp(join(tmpdir(), 'polarstack-bench-'));
const found = findKubeAssets();
if (!found.complete)
  process.stderr.write('no real API server to compare with; `make kube-assets` finds or builds one\n');
const running: Contestant[] = [];

/** One round on each server; who begins alternates. */
async function alternate(measure: (server: Contestant, round: string) => Promise<void>, times = rounds): Promise<void> {
  for (let round = 0; round < times; round++) {
    for (const server of round % 2 === 0 ? running : running.toReversed()) {
      await measure(server, `${round}`);
    }
  }
}

function latencies(what: string, side: Side, values: readonly number[]): void {
  tally.add(`${what}, p50, ms`, 'less', side, percentile(values, 0.5));
  tally.add(`${what}, p99, ms`, 'less', side, percentile(values, 0.99));
}

const tell = (what: string): void => void process.stderr.write(`  ${what}\n`);

try {
  const program = await bundleOurs(folder);
  tell('start');
  for (let round = 0; round < rounds; round++) {
    for (const start of [() => startOurs(program), ...(found.complete ? [() => startReal(found.assets)] : [])]) {
      const { contestant, ms } = await start();
      tally.add('start from nothing, ms', 'less', contestant.side, ms);
      if (round === rounds - 1) running.push(contestant);
      else await contestant.stop();
    }
  }
  await pause(3_000); // what a start leaves behind is over
  for (const server of running) tally.add('memory when empty, MiB', 'less', server.side, memoryOf(server.pids()));
  for (const server of running) await createNamespaces(server, ['writes', 'small', 'large', 'watched']);

  for (const clients of [1, 16, 64]) {
    tell(`writes, ${clients} clients`);
    await alternate(async (server, round) => {
      const { perSecond, latencies: each } = await writes(server, `${clients}-${round}`, clients, 2_000);
      const who = `${clients} client${clients === 1 ? '' : 's'}`;
      tally.add(`durable writes a second, ${who}`, 'more', server.side, perSecond);
      latencies(`durable write, ${who}`, server.side, each);
    });
  }
  tell('10 000 objects');
  for (const server of running) {
    await fill(server, 'small', 1_000);
    await fill(server, 'large', 10_000);
  }
  tell('gets and lists');
  await alternate(async (server) => {
    latencies('get', server.side, await gets(server, 500));
    latencies('list of 1 000, whole', server.side, await lists(server, 'small', 1_000, false, 20));
    latencies('list of 1 000, in pages', server.side, await lists(server, 'small', 1_000, true, 20));
    latencies('list of 10 000, whole', server.side, await lists(server, 'large', 10_000, false, 6));
    latencies('list of 10 000, in pages', server.side, await lists(server, 'large', 10_000, true, 6));
  });
  for (const watchers of [1, 200]) {
    tell(`watches, ${watchers} watchers`);
    await alternate(async (server, round) => {
      const events = watchers === 1 ? 200 : 30;
      const seen = await watches(server, `${watchers}-${round}`, watchers, events);
      latencies(`write to event, ${watchers} watcher${watchers === 1 ? '' : 's'}`, server.side, seen);
    });
  }
  await pause(3_000);
  for (const server of running) {
    tally.add('memory after all of the above, MiB', 'less', server.side, memoryOf(server.pids()));
  }
  tell('restart');
  await alternate(async (server) => {
    tally.add(
      'restart of the API server with 10 000 objects and more, ms',
      'less',
      server.side,
      await server.restart(),
    );
  });
  await pause(3_000);
  for (const server of running) {
    tally.add('memory after a restart with them, MiB', 'less', server.side, memoryOf(server.pids()));
  }
  report('api', tally.rows());
} finally {
  await Promise.allSettled(running.map(async (server) => await server.stop()));
  await rm(folder, { recursive: true, force: true });
}
