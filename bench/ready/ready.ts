/**
 * Nothing to ready. Cold: `polarstack up` on an empty home until it returns with the demo cluster Ready (1 RW + 2 RO),
 * and with a single instance. Warm: from `kubectl apply` in a running home until condition Ready.
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

async function cold(followers: number): Promise<number> {
  const home = createTestHome('polarstack-bench-');
  try {
    if (followers === 2) return await seconds(() => home.polarstackOk(['up']));
    return await seconds(async () => {
      await home.polarstackOk(['up', '--no-demo']);
      await applyAndWait(home, 'one', followers);
    });
  } finally {
    await home.remove();
  }
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

await runOk('npm', ['run', '--silent', 'build']);
const rows = [];
for (const followers of [0, 2]) {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push(await cold(followers));
  rows.push({ case: `cold, ${followers + 1} instance(s)`, unit: 's', ...summary(times) });
  rows.push({ case: `warm, ${followers + 1} instance(s)`, unit: 's', ...summary(await warm(followers)) });
}
report('ready', rows);
