import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type RunOptions, type RunResult, run, runOk } from './run.ts';

/** What `polarstack status -o json` promises. */
export interface HomeStatus {
  readonly home: { readonly pid: number | null; readonly version: string; readonly dataDir: string };
  readonly clusters: readonly ClusterStatus[];
}

export interface ClusterStatus {
  readonly name: string;
  readonly namespace: string;
  readonly status: string;
  readonly endpoints: Readonly<Record<'rw' | 'ro', { readonly host: string; readonly port: number }>>;
  readonly instances: readonly {
    readonly name: string;
    readonly role: string;
    readonly ready: boolean;
    readonly node: string;
    readonly host: string;
    readonly port: number;
    /** Whether the instance's agent has answered; `pid` is null where it has not. */
    readonly source: 'agent' | 'api';
    readonly pid: number | null;
    readonly dataDir: string;
  }[];
}

/** A local home in a folder of its own, driven as a user does it. */
export interface TestHome {
  readonly dir: string;
  readonly kubeconfig: string;
  polarstack(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  polarstackOk(args: readonly string[], options?: RunOptions): Promise<string>;
  kubectl(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  kubectlOk(args: readonly string[], options?: RunOptions): Promise<string>;
  status(): Promise<HomeStatus>;
  cluster(name: string): Promise<ClusterStatus>;
  /** Pid of the control process. */
  controlPid(): number;
  /** Everything that runs from this home, by command line or working directory. */
  processes(): readonly { readonly pid: number; readonly command: string }[];
  /** `down --delete`, then fails if anything is left. */
  remove(): Promise<void>;
}

const checkout = resolve(import.meta.dirname, '../../..');
export const polarstackProgram = join(checkout, 'polarstack');
export const exampleFile = (name: string): string => join(checkout, 'examples', name);

export function createTestHome(prefix = 'polarstack-test-'): TestHome {
  const outer = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(outer, 0o711); // the engine's user must be able to pass
  const dir = join(outer, 'home');
  const kubeconfig = join(dir, 'kubeconfig');
  const environment = (options: RunOptions = {}): RunOptions => ({
    ...options,
    env: { POLARSTACK_HOME: dir, KUBECONFIG: kubeconfig, NO_COLOR: '1', ...options.env },
  });
  const home: TestHome = {
    dir,
    kubeconfig,
    polarstack: (args, options) => run(polarstackProgram, args, environment(options)),
    polarstackOk: (args, options) => runOk(polarstackProgram, args, environment(options)),
    kubectl: (args, options) => run('kubectl', args, environment(options)),
    kubectlOk: (args, options) => runOk('kubectl', args, environment(options)),
    status: async () => {
      const look = async () => JSON.parse(await home.polarstackOk(['status', '-o', 'json'])) as HomeStatus;
      let seen = await look();
      // On a busy machine an agent that lives may need longer than the half second that the command gives it.
      for (let again = 0; again < 10 && seen.clusters.some(hasSilentAgent); again++) seen = await look();
      return seen;
    },
    cluster: async (name) => {
      const found = (await home.status()).clusters.find((cluster) => cluster.name === name);
      if (found === undefined) throw new Error(`no cluster ${name}`);
      return found;
    },
    controlPid: () => (JSON.parse(readFileSync(join(dir, 'control.json'), 'utf8')) as { pid: number }).pid,
    processes: () => processesBelow(outer),
    remove: async () => {
      if (existsSync(dir)) await home.polarstackOk(['down', '--delete', '--yes']);
      const left = home.processes();
      const folderLeft = existsSync(dir);
      rmSync(outer, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`processes left behind: ${JSON.stringify(left)}`);
      if (folderLeft) throw new Error(`down --delete left ${dir}`);
    },
  };
  return home;
}

const hasSilentAgent = ({ instances }: ClusterStatus): boolean =>
  instances.some(({ ready, source }) => ready && source === 'api');

/** Living processes whose command line, working directory or environment lies below `dir`; zombies do not count. */
export function processesBelow(dir: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      if (command.includes(dir) || cwd === dir || cwd.startsWith(`${dir}/`)) found.push({ pid, command });
    } catch {
      // it ended while we looked
    }
  }
  return found;
}
