import {
  linuxInspector,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessInspector,
  readProcessTable,
} from './process-table.ts';

/**
 * What makes a process one of a pod's (or container's, or node's).
 *
 * PostgreSQL gives each child a session of its own and overwrites its environment, and orphans go to PID 1: no single
 * mark finds them all, so a process belongs where any of these holds:
 * 1. it is a root, descends from one, or is in the session of one;
 * 2. its working directory lies in one of the folders, and it has no terminal (a person's shell is not ours);
 * 3. an environment entry starts with one of the markers.
 * Never this process itself, and with `uid` never a process of another user.
 */
export interface ProcessScope {
  readonly roots: readonly ProcessIdentity[];
  readonly folders: readonly string[];
  readonly markers: readonly string[];
  readonly uid?: number;
  /** Scopes of others that share a folder with this one: what is surely theirs (by 1 or 3) is not taken by folder. */
  readonly others?: readonly Pick<ProcessScope, 'roots' | 'markers'>[];
}

export interface ScanInput {
  readonly table: readonly ProcessEntry[];
  readonly inspect: ProcessInspector;
  readonly self: number;
}

const scanNow = (): ScanInput => ({ table: readProcessTable(), inspect: linuxInspector, self: process.pid });

function within(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`) || path === `${folder} (deleted)`;
}

/** Pids of the roots that live, their descendants, and the members of their sessions. */
function byDescent(table: readonly ProcessEntry[], roots: readonly ProcessIdentity[]): Set<number> {
  const started = new Map(roots.map((root) => [root.pid, root.startTime]));
  const found = new Set<number>();
  for (const entry of table) {
    const own = started.get(entry.pid);
    if (own !== undefined && own === entry.startTime) found.add(entry.pid);
    // A session id is a pid that is not reused while the session has members.
    const session = started.get(entry.session);
    if (session !== undefined && entry.startTime >= session && entry.pid !== entry.session) found.add(entry.pid);
  }
  for (let grew = true; grew; ) {
    grew = false;
    for (const entry of table) {
      if (found.has(entry.parent) && !found.has(entry.pid)) {
        found.add(entry.pid);
        grew = true;
      }
    }
  }
  return found;
}

/** The processes of a scope, oldest first. */
export function findProcesses(scope: ProcessScope, input: ScanInput = scanNow()): readonly ProcessEntry[] {
  const { table, inspect, self } = input;
  const marked = (pid: number, markers: readonly string[]): boolean =>
    markers.some((marker) => inspect.hasEnvironment(pid, marker));
  const descent = byDescent(table, scope.roots);
  const others = scope.others ?? [];
  const otherDescent = byDescent(
    table,
    others.flatMap((other) => other.roots),
  );
  const otherMarkers = others.flatMap((other) => other.markers);

  const belongs = ({ pid, terminal }: ProcessEntry): boolean => {
    if (pid === self) return false;
    if (scope.uid !== undefined && inspect.effectiveUid(pid) !== scope.uid) return false;
    if (descent.has(pid)) return true;
    if (marked(pid, scope.markers)) return true;
    if (terminal) return false;
    const folder = inspect.workingDirectory(pid);
    if (folder === undefined || !scope.folders.some((candidate) => within(candidate, folder))) return false;
    return !otherDescent.has(pid) && !marked(pid, otherMarkers);
  };
  return table.filter(belongs).sort((a, b) => a.startTime - b.startTime || a.pid - b.pid);
}
