/**
 * Nothing to ready. Cold: `polarstack up` on an empty home until it returns with the demo cluster Ready (1 RW + 2 RO),
 * and with a single instance. Warm: from `kubectl apply` in a running home until condition Ready.
 *
 * Homes of the cold cases are stopped after their run and deleted when all are measured. What a deletion leaves behind is
 * the machine's, not ours: on ext4 without a journal the kernel passes over every inode that was deleted within the last
 * minutes, one by one, whenever it makes a file, and a home has thousands. One cold case deletes between its runs and the
 * warm ones must, so that both are told; they come last, for they would slow down the others.
 *
 * Usage: tsx bench/ready/ready.ts [runs, default 10]
 */
import { clusterManifest, createTestHome, runOk, type TestHome } from '@polarstack/testkit';
import { report } from '../lib/report.ts';
import { summary } from '../lib/summary.ts';

const runs = Number(process.argv[2] ?? 10);

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function applyAndWait(home: TestHome, name: string, followers: number): Promise<void> {
  await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest(name, { followerNum: followers }) });
  await home.kubectlOk(['wait', '--for=condition=Ready', `mpd/${name}`, '--timeout=120s']);
}

/** Seconds from an empty home to the cluster; `after` gets the home, running, also where this fails. */
async function cold(followers: number, after: (home: TestHome) => Promise<void>): Promise<number> {
  const home = createTestHome('polarstack-bench-');
  try {
    if (followers === 2) return await seconds(() => home.polarstackOk(['up']));
    return await seconds(async () => {
      await home.polarstackOk(['up', '--no-demo']);
      await applyAndWait(home, 'one', followers);
    });
  } finally {
    await after(home);
  }
}

async function repeat(measure: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push(await measure());
  return times;
}

async function warm(followers: number): Promise<number[]> {
  const home = createTestHome('polarstack-bench-');
  try {
    await home.polarstackOk(['up', '--no-demo']);
    const times: number[] = [];
    for (let i = 0; i < runs; i++) {
      times.push(await seconds(() => applyAndWait(home, `c${i}`, followers)));
      await home.kubectlOk(['delete', 'mpd', `c${i}`, '--timeout=60s']);
    }
    return times;
  } finally {
    await home.remove();
  }
}

const instances = (followers: number): string => `${followers + 1} instance(s)`;

await runOk('npm', ['run', '--silent', 'build']);
const rows = [];
const kept: TestHome[] = [];
try {
  for (const followers of [0, 2]) {
    const times = await repeat(
      async () =>
        await cold(followers, async (home) => {
          kept.push(home);
          await home.polarstackOk(['down']);
        }),
    );
    rows.push({ case: `cold, ${instances(followers)}`, unit: 's', ...summary(times) });
  }
} finally {
  for (const home of kept) await home.remove();
}
const deleting = await repeat(async () => await cold(2, async (home) => await home.remove()));
rows.push({ case: `cold, ${instances(2)}, each deleted before the next`, unit: 's', ...summary(deleting) });
for (const followers of [0, 2]) {
  const times = await warm(followers);
  rows.push({ case: `warm, ${instances(followers)}, each deleted before the next`, unit: 's', ...summary(times) });
}
report('ready', rows);
