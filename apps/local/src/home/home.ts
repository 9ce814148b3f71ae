import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StackError } from '@polarstack/base';
import { closedToOthers } from '../machine/reach.ts';

/** Where the parts of a local home lie. */
export interface Home {
  readonly root: string;
  /** `home.json`: what this folder is; see `home-record.ts`. */
  readonly record: string;
  /** Held by `up` and `down` while they work. */
  readonly commandLock: string;
  /** Held by the control process for its life. */
  readonly controlLock: string;
  /** Which control process runs, and since when it is ready. */
  readonly controlState: string;
  /** The API server's store. */
  readonly api: string;
  readonly pki: string;
  readonly kubeconfig: string;
  readonly versions: string;
  readonly nodes: string;
  readonly logs: string;
  /** Who did what with the API. */
  readonly auditLog: string;
  /** Which requests are written there; the user's, may be missing. */
  readonly auditPolicy: string;
  /** The proxy's own folder, given to the user that runs it. */
  readonly proxy: string;
  /** Which proxy runs; outside of its folder, since control signals whom it names. */
  readonly proxyState: string;
  /** The authorities of clusters, for clients: nothing in there is secret. */
  readonly authorities: string;
}

export function homeAt(root: string): Home {
  const at = (name: string): string => join(root, name);
  return {
    root,
    record: at('home.json'),
    commandLock: at('command.lock'),
    controlLock: at('control.lock'),
    controlState: at('control.json'),
    api: at('api'),
    pki: at('pki'),
    kubeconfig: at('kubeconfig'),
    versions: at('versions'),
    nodes: at('nodes'),
    logs: at('logs'),
    auditLog: at('logs/audit.log'),
    auditPolicy: at('audit-policy.yaml'),
    proxy: at('proxy'),
    proxyState: at('proxy.json'),
    authorities: at('ca'),
  };
}

export interface HomeChoice {
  readonly home: Home;
  /** Why this folder, in words for the user. */
  readonly why: string;
}

/**
 * Chooses the data folder: the one that was named, else `.polarstack` in the checkout, else (as root, where the user
 * that runs the engines could not enter that) `/var/lib/polarstack/<hash of the checkout>`.
 */
export function resolveHome(options: {
  /** `--home`, or the setting POLARSTACK_HOME. */
  readonly named: string | undefined;
  readonly checkout: string | undefined;
  readonly isRoot: boolean;
}): HomeChoice {
  const { named, checkout, isRoot } = options;
  if (named !== undefined) return { home: homeAt(resolve(named)), why: 'as you named it' };
  if (checkout === undefined) {
    throw new StackError('HomeMissing', 'this program does not lie in a checkout, and no data folder was named');
  }
  const inCheckout = join(checkout, '.polarstack');
  const closed = isRoot ? closedToOthers(checkout) : undefined;
  if (closed === undefined) return { home: homeAt(inCheckout), why: 'in the checkout' };
  const hash = createHash('sha256').update(realpathSync(checkout)).digest('hex').slice(0, 12);
  return {
    home: homeAt(join('/var/lib/polarstack', hash)),
    why: `since other users, and so the databases, cannot enter ${closed}`,
  };
}

/** The checkout that this program lies in: the nearest folder above it with our package.json. */
export function findCheckout(from: string = dirname(fileURLToPath(import.meta.url))): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && isOurs(manifest)) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

function isOurs(manifest: string): boolean {
  const { name, workspaces } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
  return name === 'polarstack' && workspaces !== undefined;
}
