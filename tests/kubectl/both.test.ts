/**
 * kubectl on our server and, where this machine has one, on a real API server: the same commands say the same. What needs
 * a kubelet is tested in the files beside this one.
 */
import { missing } from '@polarstack/testkit';
import { type KubeTestServer, kubeServers } from '@polarstack/testkit/kube-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeScenarios } from './both/change.ts';
import { createScenarios } from './both/create.ts';
import { endScenarios } from './both/end.ts';
import { lookScenarios } from './both/look.ts';
import { type Outcome, runScenario } from './both/run-scenario.ts';
import type { Scenario } from './both/scenario.ts';
import { workloadScenarios } from './both/workloads.ts';

const scenarios: readonly Scenario[] = [
  ...createScenarios,
  ...changeScenarios,
  ...workloadScenarios,
  ...lookScenarios,
  ...endScenarios,
];

const servers: KubeTestServer[] = [];
let commands = 0;

describe.skipIf(missing('kubectl'))('kubectl says the same on', () => {
  beforeAll(async () => {
    for (const choice of kubeServers()) servers.push(await choice.start());
  });
  afterAll(async () => {
    process.stderr.write(`kubectl: ${commands} commands on ${servers.map(({ title }) => title).join(' and on ')}\n`);
    await Promise.allSettled(servers.map((server) => server.stop()));
  });

  it.each(scenarios.map((scenario, i) => ({ ...scenario, namespace: `both-${i}` })))(
    '$title',
    async ({ namespace, ...scenario }) => {
      const [ours = [], real] = await Promise.all(
        servers.map(async (server) => {
          await runScenario(server, { title: '', steps: [`create namespace ${namespace}`] }, 'default');
          const outcomes = await runScenario(server, scenario, namespace);
          await runScenario(server, { title: '', steps: [`delete namespace ${namespace} --wait=false`] }, 'default');
          return outcomes;
        }),
      );
      commands += ours.length;
      const wrong = ours.flatMap((outcome, i) => complaint(outcome, real?.[i]));
      expect(wrong.join('\n\n')).toBe('');
    },
    120_000,
  );
});

/** What is wrong with how a command ended here, beside how it ended there. */
function complaint(ours: Outcome, real: Outcome | undefined): readonly string[] {
  const { command, code, expected, said } = ours;
  const isSame = !real || (real.code === code && real.said.join('\n') === said.join('\n'));
  if (isSame && code === expected) return [];
  const lines = [`$ kubectl ${command}`, `exit ${code}${code === expected ? '' : `, expected ${expected}`}`];
  if (!real || isSame) return [[...lines, ...said].join('\n')];
  const only = (mine: Outcome, other: Outcome, mark: string): readonly string[] =>
    mine.said.filter((line) => !other.said.includes(line)).map((line) => `${mark} ${line}`);
  const order = ['the same lines in another order', '--- ours', ...ours.said, '--- there', ...real.said];
  const different = [...only(ours, real, 'ours:'), ...only(real, ours, 'real:')];
  return [[...lines, `exit ${real.code} there`, ...(different.length > 0 ? different : order)].join('\n')];
}
