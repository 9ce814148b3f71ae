/** `make check`: runs every check and prints what is wrong. */
import { checks, runCheck } from './checks.ts';

let failed = 0;
for (const { name, command } of checks) {
  const started = performance.now();
  const { code, output } = await runCheck(command);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`);
  if (code !== 0) {
    failed++;
    process.stdout.write(`${output}\n`);
  }
}
process.exit(failed === 0 ? 0 : 1);
