/**
 * An operator that is a process of its own beside the home's, for the clusters whose `spec.operatorName` names it: it can be killed
 * while the API lives, and it lives on while the API is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { MPDOperation } from '@polarstack/api';
import { systemClock, waitFor } from '@polarstack/base';
import type { TestHome } from '@polarstack/testkit';
import { bundle } from '../operator/bundle.ts';
import { patient } from './members-scene.ts';
import type { WrittenScene } from './written-scene.ts';

export interface OwnOperator {
  /** What clusters call it. */
  readonly name: string;
  start(): void;
  /** kill -9; ends when it is gone. */
  kill(): Promise<void>;
}

export async function createOwnOperator(home: TestHome, name: string): Promise<OwnOperator> {
  const folder = dirname(home.dir);
  const program = await bundle('operator', folder);
  let child: ChildProcess | undefined;
  return {
    name,
    start: () => {
      const log = openSync(join(folder, 'operator.log'), 'a');
      const env = {
        PATH: process.env.PATH,
        KUBECONFIG: home.kubeconfig,
        POLARSTACK_OPERATOR_NAME: name,
        POLARSTACK_LEASE_SECONDS: '0',
      };
      child = spawn(process.execPath, [program], { env, stdio: ['ignore', log, log] });
      closeSync(log);
    },
    kill: async () => {
      const ending = child;
      child = undefined;
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
      const gone = once(ending, 'exit');
      ending.kill('SIGKILL');
      await gone;
    },
  };
}

const ended = new Set(['Succeeded', 'Failed', 'Cancelled', 'Interrupted']);

/**
 * Has `act` ask for an operation, kills the operator at steps of it that are drawn by `random`, each time a moment after the step has
 * begun, and starts the next one at once. Answers the operation when it has ended, and the steps.
 */
export async function underKills(
  s: WrittenScene,
  operator: OwnOperator,
  type: string,
  {
    random,
    times,
    act,
  }: { readonly random: () => number; readonly times: number; readonly act: () => Promise<unknown> },
): Promise<{ readonly operation: MPDOperation; readonly killedAt: readonly string[] }> {
  const before = await s.count(type);
  await act();
  const look = async (): Promise<MPDOperation | undefined> => (await s.operations(type))[before];
  const plan = await waitFor('the plan', async () => (await look())?.status?.plan, patient);
  // The last ones are over too soon to be met for sure.
  const left = plan.slice(0, -2).map(({ step }) => step);
  while (left.length > times) left.splice(Math.floor(random() * left.length), 1);
  const killedAt: string[] = [];
  for (const step of left) {
    const begun = await waitFor(
      `${step} to begin`,
      async () => {
        const { phase, steps } = (await look())?.status ?? {};
        if (ended.has(phase ?? '')) return 'ended';
        return (steps?.find(({ name }) => name === step)?.attempts ?? 0) > 0 ? 'begun' : undefined;
      },
      { ...patient, intervalMs: 10 },
    );
    if (begun === 'ended') break;
    await systemClock.sleep(random() * 200);
    await operator.kill();
    operator.start();
    killedAt.push(step);
  }
  process.stderr.write(`${type}: the operator was killed at ${killedAt.join(', ')}\n`);
  return { operation: await s.ended(type, before), killedAt };
}
