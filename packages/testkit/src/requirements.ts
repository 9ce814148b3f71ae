import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { config } from './config.ts';
import { findKubeAssets } from './kube-assets.ts';

/** A part of the machine that some tests need. */
export type Part = 'postgres' | 'kubectl' | 'root' | 'kube' | 'go' | 'python';

const present: Record<Part, () => boolean> = {
  postgres: () =>
    existsSync('/usr/lib/postgresql') &&
    readdirSync('/usr/lib/postgresql').some((major) => existsSync(`/usr/lib/postgresql/${major}/bin/pg_rewind`)),
  kubectl: () => spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0,
  root: () => process.getuid?.() === 0,
  kube: () => findKubeAssets().complete,
  // Another version of itself is not to be downloaded: the one that is here is taken or none.
  go: () => spawnSync('go', ['version'], { stdio: 'ignore', env: config.goEnvironment }).status === 0,
  python: () => spawnSync('python3', ['-c', 'import ensurepip, venv'], { stdio: 'ignore' }).status === 0,
};

const hint: Record<Part, string> = {
  postgres: '',
  kubectl: '',
  root: '',
  go: '',
  python: ' 3 with venv',
  kube: ': no real API server to compare with; `make kube-assets` finds or builds one',
};

/**
 * True where a test must be skipped because `part` is missing; the reason is printed. A part that the environment
 * variable `REQUIRE` (comma separated) lists must be there: its absence is an error. One that `LEAVE_OUT` lists and
 * `REQUIRE` does not is not looked for.
 */
export function missing(part: Part): boolean {
  if (config.leftOut.includes(part) && !config.required.includes(part)) {
    process.stderr.write(`skipped: LEAVE_OUT lists ${part}\n`);
    return true;
  }
  if (present[part]()) return false;
  if (config.required.includes(part)) throw new Error(`REQUIRE lists ${part}, which this machine does not have`);
  process.stderr.write(`skipped: this machine has no ${part}${hint[part]}\n`);
  return true;
}
