import { StackError } from '@polarstack/base';

/** The settings that a local home reads from its environment; the one place here that does. */
export interface LocalSettings {
  /** `POLARSTACK_HOME`: the data folder. */
  readonly home: string | undefined;
  /** `POLARSTACK_PG_BIN`: folders with the PostgreSQL server programs (`a:b`), preferred to any that are found. */
  readonly pgBin: string | undefined;
  /** `POLARSTACK_REST_PORT`: where the REST API of the operator listens; 0: it does not. */
  readonly restPort: number;
  /** `PATH`, as folders. */
  readonly path: readonly string[];
}

export function readLocalSettings(env: NodeJS.ProcessEnv = process.env): LocalSettings {
  return {
    home: env.POLARSTACK_HOME || undefined,
    pgBin: env.POLARSTACK_PG_BIN || undefined,
    restPort: portOf(env.POLARSTACK_REST_PORT),
    path: (env.PATH ?? '').split(':').filter((folder) => folder.startsWith('/')),
  };
}

/** That of the original's operator. */
const REST_PORT = 6079;

function portOf(text: string | undefined): number {
  if (text === undefined || text === '') return REST_PORT;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new StackError('InvalidConfig', `POLARSTACK_REST_PORT is ${text}, and must be 0 to 65535`);
}

/** What the operator reads itself: the settings of its patience. Not from its package, which no command needs to load. */
export const operatorSettings = [
  'POLARSTACK_AGENT_SILENCE_SECONDS',
  'POLARSTACK_STANDSTILL_SECONDS',
  'POLARSTACK_START_SECONDS',
  'POLARSTACK_POD_END_SECONDS',
  'POLARSTACK_FIT_SECONDS',
] as const;

/** The environment of the processes of a home: what a program needs to run, and nothing that a user's shell carries. */
export function plainEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'POLARSTACK_REST_PORT', ...operatorSettings];
  return Object.fromEntries(kept.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** The environment of a package manager: the user's own (it may name a web proxy), with questions switched off. */
export function packageManagerEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return { ...env, DEBIAN_FRONTEND: 'noninteractive' };
}
