import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { StackError } from '@polarstack/base';
import { podEnv, podPaths } from '@polarstack/contracts';
import type { TlsFiles } from '@polarstack/engine';

export interface AgentConfig {
  readonly clusterName: string;
  readonly namespace: string;
  readonly pod: string;
  readonly podIP: string;
  readonly instanceId: string;
  readonly enginePort: number;
  readonly agentPort: number;
  readonly engineBin: string;
  readonly dataDir: string;
  readonly workDir: string;
  readonly runDir: string;
  readonly tls: TlsFiles;
  readonly replicator: TlsFiles;
  readonly osUser: string;
  /** The environment of the engine's programs: nothing of ours, and no PG variable that would change what they do. */
  readonly engineEnv: Readonly<Record<string, string>>;
}

type Env = Readonly<Record<string, string | undefined>>;

/** PostgreSQL puts `<run>/.s.PGSQL.<port>` in a socket address of 108 bytes. */
const MAX_RUN_DIR = 107 - '/.s.PGSQL.65535.lock'.length;

function required(env: Env, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new StackError('InvalidConfig', `${name} is not set`);
  return value;
}

function port(env: Env, name: string): number {
  const value = Number(required(env, name));
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new StackError('InvalidConfig', `${name} must be a port, not ${JSON.stringify(env[name])}`);
  return value;
}

/** Reads what the pod says; throws `InvalidConfig` naming the variable. */
export function readConfig(
  env: Env = process.env,
  { username, uid }: { readonly username: string; readonly uid: number } = userInfo(),
): AgentConfig {
  const root = env[podEnv.root] ?? '/';
  const engineBin = required(env, podEnv.engineBin);
  for (const [name, path] of [
    [podEnv.root, root],
    [podEnv.engineBin, engineBin],
  ] as const) {
    if (!isAbsolute(path))
      throw new StackError('InvalidConfig', `${name} must be an absolute path, not ${JSON.stringify(path)}`);
  }
  const data = join(root, podPaths.data);
  const runDir = env[podEnv.run] ?? join(root, podPaths.run);
  if (Buffer.byteLength(runDir) > MAX_RUN_DIR) {
    throw new StackError(
      'InvalidConfig',
      `${runDir} is too long for the engine's socket (at most ${MAX_RUN_DIR} bytes)`,
      {
        remedy: `Set ${podEnv.run} to a shorter folder.`,
      },
    );
  }
  if (uid === 0) {
    throw new StackError('InvalidConfig', 'the agent runs as root, as which PostgreSQL refuses to run', {
      remedy: 'Run the container as an ordinary user.',
    });
  }
  const files = (folder: string): TlsFiles => ({
    ca: join(root, folder, 'ca.crt'),
    cert: join(root, folder, 'tls.crt'),
    key: join(root, folder, 'tls.key'),
  });
  return {
    clusterName: required(env, podEnv.cluster),
    namespace: required(env, podEnv.namespace),
    pod: required(env, podEnv.pod),
    podIP: required(env, podEnv.podIP),
    instanceId: required(env, podEnv.instanceId),
    enginePort: port(env, podEnv.enginePort),
    agentPort: port(env, podEnv.agentPort),
    engineBin,
    dataDir: join(data, 'pgdata'),
    workDir: join(data, 'agent'),
    runDir,
    tls: files(podPaths.tls),
    replicator: files(podPaths.replicator),
    osUser: username,
    engineEnv: { PATH: env.PATH ?? '/usr/bin:/bin', HOME: join(data, 'agent'), LANG: 'C.UTF-8' },
  };
}
