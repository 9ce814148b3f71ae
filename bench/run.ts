/** `make bench`: every measurement, one after the other, so that none disturbs another. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const benches = [
  'store/store.ts',
  'api/api.ts',
  'ready/ready.ts',
  'idle/idle.ts',
  'switchover/switchover.ts',
  'operations/operations.ts',
  'operator/operator.ts',
];
const tsx = join(import.meta.dirname, '../node_modules/.bin/tsx');

let failed = 0;
for (const bench of benches) {
  process.stdout.write(`\n== ${bench}\n`);
  if (spawnSync(tsx, [join(import.meta.dirname, bench)], { stdio: 'inherit' }).status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
