/**
 * Durable writes per second of the local home's API as a client sees them: creates and replaces of 1.6 KB ConfigMaps over
 * TLS with 1, 16 and 64 requests in flight, each answered after its fsync. Usage: tsx bench/api/writes.ts [seconds, default 5]
 */
import { ConfigMaps, createKubeClient, loadKubeconfig } from '@polarstack/kube';
import { createTestHome, runOk } from '@polarstack/testkit';
import { report } from '../lib/report.ts';
import { summary } from '../lib/summary.ts';

const duration = Number(process.argv[2] ?? 5) * 1000;
const data = { payload: 'x'.repeat(1600) };

await runOk('npm', ['run', '--silent', 'build']);
const home = createTestHome('polarstack-bench-');
try {
  await home.polarstackOk(['up', '--no-demo']);
  const client = createKubeClient(await loadKubeconfig(home.kubeconfig));
  const rows = [];
  for (const clients of [1, 16, 64]) {
    const latencies: number[] = [];
    const end = performance.now() + duration;
    const worker = async (id: number): Promise<void> => {
      for (let i = 0; performance.now() < end; i++) {
        const metadata = { name: `w-${clients}-${id}-${i}`, namespace: 'default' };
        const start = performance.now();
        await client.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
        latencies.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, id) => worker(id)));
    const { median, p90, max } = summary(latencies);
    rows.push({
      clients,
      'writes/s': Math.round((latencies.length * 1000) / duration),
      'median, ms': median,
      'p90, ms': p90,
      'max, ms': max,
    });
  }
  await client.close();
  report('api-writes', rows);
} finally {
  await home.remove();
}
