import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the command line reads from its environment; the one place here that does. */
export interface CliSettings {
  /** `PATH`, as folders. */
  readonly path: readonly string[];
  /** `POLARSTACK_PG_BIN`: a folder with programs of PostgreSQL, preferred to any that is found. */
  readonly pgBin: string | undefined;
  /** `NO_COLOR` is set (no-color.org). */
  readonly noColor: boolean;
  /** `POLARSTACK_HOME` is set: the user means that home and no other server. */
  readonly namesHome: boolean;
  /** `KUBECONFIG`: files, of which kubectl merges what is there. */
  readonly kubeconfigs: readonly string[];
  /** Where kubectl looks without it. */
  readonly userKubeconfig: string;
  /** The environment that psql inherits, without what would change where it connects or as whom. */
  readonly forPsql: Readonly<Record<string, string | undefined>>;
}

/** Variables of libpq that would override or contradict what we say. */
const overridden =
  /^PG(HOST|HOSTADDR|PORT|DATABASE|USER|PASSWORD|PASSFILE|SERVICE|SERVICEFILE|SSL.*|OPTIONS|TARGETSESSIONATTRS|REQUIRE.*|CHANNELBINDING|GSS.*|KRB.*)$/;

export function readCliSettings(env: NodeJS.ProcessEnv = process.env): CliSettings {
  return {
    path: (env.PATH ?? '').split(':').filter((folder) => folder.startsWith('/')),
    pgBin: env.POLARSTACK_PG_BIN || undefined,
    noColor: (env.NO_COLOR ?? '') !== '',
    namesHome: (env.POLARSTACK_HOME ?? '') !== '',
    kubeconfigs: (env.KUBECONFIG ?? '').split(':').filter((path) => path !== ''),
    userKubeconfig: join(env.HOME || homedir(), '.kube', 'config'),
    forPsql: Object.fromEntries(Object.entries(env).filter(([name]) => !overridden.test(name))),
  };
}
