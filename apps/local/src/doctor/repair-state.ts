import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import type { RepairReport } from '@polarstack/kube-server';
import { controlHolder } from '../control/control-state.ts';
import type { Home } from '../home/home.ts';
import { readHomeRecord } from '../home/home-record.ts';

/** A repaired copy of a home's state, which nobody uses yet. */
export interface RepairedCopy {
  readonly folder: string;
  readonly report: RepairReport;
}

/** Saves what is readable of the state into a copy beside it. Errors: HomeMissing, HomeBusy, StateLocked and others. */
export async function repairState(home: Home): Promise<RepairedCopy> {
  readHomeRecord(home);
  const control = controlHolder(home);
  if (control) {
    throw new StackError('HomeBusy', `the control process (pid ${control.pid}) has the state open, so it is whole`, {
      remedy: 'There is nothing to repair; `polarstack doctor` shows the other checks.',
    });
  }
  const taken = new Set(readdirSync(home.root));
  let n = 1;
  while (taken.has(`api-repaired-${n}`)) n++;
  const folder = join(home.root, `api-repaired-${n}`);
  const { repair } = await import('@polarstack/kube-server');
  return { folder, report: await repair(home.api, { to: folder }) };
}

/** Puts a repaired copy in the place of the state; answers where the damaged files are kept. */
export async function useRepaired(home: Home, copy: RepairedCopy): Promise<string> {
  const { swapIn } = await import('@polarstack/kube-server');
  return (await swapIn(home.api, copy.folder)).kept;
}
