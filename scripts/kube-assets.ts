/**
 * `make kube-assets`: a real Kubernetes control plane at hand, for the tests that compare ours with it. What is not
 * found on this machine is built from its Go modules, once a version, into the user's cache.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { config } from '../packages/testkit/src/config.ts';
import { findKubeAssets, type KubeProgram, kubePrograms } from '../packages/testkit/src/kube-assets.ts';

const KUBERNETES = '1.34.4';
const ETCD = '3.6.16';

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

function go(folder: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync('go', args, {
    cwd: folder,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod -buildvcs=false', GOWORK: 'off' },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`go ${args.slice(0, 2).join(' ')} failed`);
  return stdout;
}

/**
 * The Kubernetes programs. Their module asks for its sibling modules at v0.0.0, which only its own checkout can
 * resolve; the siblings are released as v0.<minor>.<patch>.
 */
function buildKubernetes(folder: string, out: string, programs: readonly KubeProgram[]): void {
  const module = 'k8s.io/kubernetes';
  go(folder, ['mod', 'edit', `-require=${module}@v${KUBERNETES}`]);
  const told: unknown = JSON.parse(go(folder, ['mod', 'download', '-json', `${module}@v${KUBERNETES}`]));
  const requirements = readFileSync((told as { GoMod: string }).GoMod, 'utf8');
  const siblings = new Set(Array.from(requirements.matchAll(/^\s*(k8s\.io\/\S+) v0\.0\.0$/gm), ([, name]) => name));
  const release = `v0.${KUBERNETES.slice(KUBERNETES.indexOf('.') + 1)}`;
  go(folder, ['mod', 'edit', ...Array.from(siblings, (name) => `-replace=${name}=${name}@${release}`)]);
  const stamp = 'k8s.io/component-base/version';
  const [major, minor] = KUBERNETES.split('.');
  const flags = `-s -w -X ${stamp}.gitVersion=v${KUBERNETES} -X ${stamp}.gitMajor=${major} -X ${stamp}.gitMinor=${minor}`;
  go(folder, [
    'build',
    '-trimpath',
    '-ldflags',
    flags,
    '-o',
    `${out}/`,
    ...programs.map((program) => `${module}/cmd/${program}`),
  ]);
}

function buildEtcd(folder: string, out: string): void {
  const module = 'go.etcd.io/etcd/server/v3';
  go(folder, ['mod', 'edit', `-require=${module}@v${ETCD}`]);
  go(folder, ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(out, 'etcd'), module]);
}

function build(missing: readonly KubeProgram[]): void {
  const home = join(config.kubeCache, KUBERNETES);
  mkdirSync(home, { recursive: true });
  // Built beside and moved when whole, so that an interrupted build leaves no half program.
  const work = mkdtempSync(join(config.kubeCache, '.build-'));
  try {
    const out = join(work, 'out');
    mkdirSync(out);
    const steps: readonly (readonly [string, readonly KubeProgram[], (folder: string) => void])[] = [
      [
        `Kubernetes ${KUBERNETES}`,
        missing.filter((program) => program !== 'etcd'),
        (folder) =>
          buildKubernetes(
            folder,
            out,
            missing.filter((program) => program !== 'etcd'),
          ),
      ],
      [`etcd ${ETCD}`, missing.filter((program) => program === 'etcd'), (folder) => buildEtcd(folder, out)],
    ];
    for (const [title, programs, step] of steps) {
      if (programs.length === 0) continue;
      say(`building ${programs.join(', ')} (${title}) from Go modules; minutes the first time`);
      const folder = mkdtempSync(join(work, 'module-'));
      writeFileSync(join(folder, 'go.mod'), 'module polarstack.local/kube-assets\n\ngo 1.25.0\n');
      step(folder);
      for (const program of programs) renameSync(join(out, program), join(home, program));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

let result = findKubeAssets();
if (!result.complete) {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    say(`not found: ${result.missing.join(', ')} (Kubernetes 1.28 or later, etcd 3.5 or later)`);
    say(
      'Install Go 1.25 or later, and this command builds them; or put them into one folder and set KUBEBUILDER_ASSETS.',
    );
    process.exit(1);
  }
  build(result.missing);
  result = findKubeAssets();
}
if (!result.complete) {
  say(`still missing: ${result.missing.join(', ')}`);
  process.exit(1);
}
for (const program of kubePrograms) console.log(`${program}\t${result.assets[program]}`);
console.log(`Kubernetes ${result.assets.version}`);
