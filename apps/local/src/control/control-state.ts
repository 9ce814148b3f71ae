import { readFileSync } from 'node:fs';
import type { Home } from '../home/home.ts';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import { isProcessAlive, isProcessIdentity, type ProcessIdentity } from '../machine/process-identity.ts';

/** The longest that pods may take to end in order, in milliseconds: a fast shutdown writes a checkpoint. */
export const PODS_TERM_MS = 60_000;

/** `control.json`: the control process that became ready last. Whether it lives must be asked of the machine. */
export interface ControlState extends ProcessIdentity {
  readonly build: string;
  readonly url: string;
}

export function writeControlState(home: Home, state: ControlState): void {
  writeFileAtomic(home.controlState, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o644 });
}

export function readControlState(home: Home): ControlState | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(home.controlState, 'utf8'));
    if (!isProcessIdentity(value)) return undefined;
    const { build, url } = value as Partial<ControlState>;
    return { ...value, build: String(build), url: String(url) };
  } catch {
    return undefined; // It never became ready here.
  }
}

/** The control process that is running now, if there is one. */
export function runningControl(home: Home): ControlState | undefined {
  const state = readControlState(home);
  return state && isProcessAlive(state) ? state : undefined;
}
