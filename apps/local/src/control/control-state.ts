import { readFileSync } from 'node:fs';
import { homeProcesses, programOf } from '../commands/home-processes.ts';
import type { Home } from '../home/home.ts';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import {
  identifyProcess,
  isProcessAlive,
  isProcessIdentity,
  type ProcessIdentity,
} from '../machine/process-identity.ts';

/** The longest that pods may take to end in order, in milliseconds: a fast shutdown writes a checkpoint. */
export const PODS_TERM_MS = 60_000;

/** `control.json`: the control process that became ready last. Whether it lives must be asked of the machine. */
export interface ControlState extends ProcessIdentity {
  readonly build: string;
  readonly url: string;
  /** Of the operator's REST API; absent: it is not served. */
  readonly restUrl?: string;
}

export function writeControlState(home: Home, state: ControlState): void {
  writeFileAtomic(home.controlState, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o644 });
}

export function readControlState(home: Home): ControlState | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(home.controlState, 'utf8'));
    if (!isProcessIdentity(value)) return undefined;
    const { build, url, restUrl } = value as Partial<ControlState>;
    return { ...value, build: String(build), url: String(url), ...(restUrl !== undefined && { restUrl }) };
  } catch {
    return undefined; // It never became ready here.
  }
}

/** The control process that is running now, if there is one. */
export function runningControl(home: Home): ControlState | undefined {
  const state = readControlState(home);
  return state && isProcessAlive(state) ? state : undefined;
}

/** A control process that is there, whatever the records say; `build` and `url` are known where it became ready. */
export type ControlHolder = ProcessIdentity & Partial<ControlState>;

/** The control process of the home, also where `control.json` is gone, damaged, or of another: found by its program. */
export function controlHolder(home: Home): ControlHolder | undefined {
  const recorded = runningControl(home);
  if (recorded) return recorded;
  const found = homeProcesses(home).find((process) =>
    /^[^/]+\/(control\.mjs|bin\/polarstack-control)$/.test(programOf(home, process) ?? ''),
  );
  return found && identifyProcess(found.pid);
}
