/**
 * Bugs that are put into the code, or into an agent, on purpose: the scenes of the model must catch each of them, and find nothing in the
 * code as it is. A checker that never says anything proves nothing.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { MemberAgent } from './effects/ports.ts';
import type { Model } from './testing/model.ts';

interface Bug {
  readonly name: string;
  /** In which it shows. */
  readonly scene: string;
  /** One of the violations that are found must match. */
  readonly caught: RegExp;
  /** Replaces functions of modules. */
  readonly mocks?: () => void;
  /** Replaces calls of agents. */
  readonly agent?: (agent: MemberAgent, id: string, model: Model) => MemberAgent;
}

type Play = (kit: {
  readonly model: Model;
  readonly watch: (ms: number) => Promise<void>;
  readonly ask: (id: string) => void;
}) => Promise<void>;

/** Each is a few minutes in the life of a cluster. */
const scenes: Readonly<Record<string, Play>> = {
  'a death': async ({ model, watch }) => {
    model.befall('die', 'a');
    await watch(20_000);
  },
  'a death whose last rows nobody has': async ({ model, watch }) => {
    model.befall('deaf', 'b');
    model.befall('deaf', 'c');
    for (let i = 0; i < 4; i++) model.live();
    model.befall('die-tail', 'a');
    await watch(20_000);
  },
  'a hang that ends by itself': async ({ model, watch }) => {
    model.befall('hang', 'a');
    await watch(20_000);
    model.befall('wake', 'a');
    await watch(5_000);
  },
  'a replica of another epoch': async ({ model, watch }) => {
    // It followed b in an epoch that was given up for the present one, and has more WAL than anybody.
    model.record = {
      ...model.record,
      epoch: 3,
      epochs: [{ epoch: 3, primary: 'a', at: model.record.epochs[0]?.at ?? '' }],
    };
    for (const id of ['a', 'b']) {
      const one = model.get(id);
      one.term = { ...one.term, epoch: 3 };
    }
    const c = model.get('c');
    c.term = { ...c.term, epoch: 2 };
    c.log = [...c.log, ...Array.from({ length: 400 }, (_, i) => `other ${i}`)];
    c.replayed = c.log.length;
    c.deaf = true;
    model.get('b').deaf = true;
    for (let i = 0; i < 4; i++) model.live();
    model.befall('die-tail', 'a');
    await watch(3_000);
  },
  'the elected one fails': async ({ model, watch }) => {
    for (const id of ['b', 'c']) model.get(id).cannotPromote = true;
    model.befall('die', 'a');
    await watch(60_000);
  },
  'two switches': async ({ watch, ask }) => {
    ask('b');
    await watch(10_000);
    ask('a');
    await watch(10_000);
  },
  'a loss that is not allowed': async ({ model, watch }) => await lose(model, watch, 16),
  'a loss that is allowed': async ({ model, watch }) => await lose(model, watch, 1_000),
  'deaths in a row': async ({ model, watch }) => {
    for (let i = 0; i < 5; i++) {
      model.befall('die', model.record.primary);
      await watch(12_000);
    }
  },
  'a primary that is not heard': async ({ model, watch }) => {
    model.live();
    model.befall('down', 'a');
    model.befall('die', 'c');
    await watch(10_000);
  },
};

async function lose(model: Model, watch: (ms: number) => Promise<void>, maxLossBytes: number): Promise<void> {
  model.record = { ...model.record, settings: { maxLossBytes } };
  for (const id of ['b', 'c']) model.befall('deaf', id);
  for (let i = 0; i < 4; i++) model.live();
  model.befall('die-tail', 'a');
  model.befall('breaks', 'a');
  for (const id of ['b', 'c']) model.befall('hears', id);
  await watch(30_000);
  model.befall('mends', 'a');
  await watch(15_000);
}

const bugs: readonly Bug[] = [
  {
    name: 'the fence is skipped',
    scene: 'a death',
    caught: /I4: the evidence against a for epoch 2 is not true/,
    agent: (agent, id, model) => ({
      ...agent,
      fence: async ({ epoch }) => ({
        instanceId: id,
        epoch,
        bootId: 'boot',
        cleanStop: false,
        systemId: 's',
        timeline: 1,
        walEnd: '0/10',
        at: model.clock.now().toISOString(),
      }),
    }),
  },
  {
    name: 'the proof is of the process group: its children survive',
    scene: 'a death',
    caught: /I1: .* accept writes at the same time|I4: the evidence .* is not true/,
    agent: (agent, id, model) => ({
      ...agent,
      fence: async (...args) => {
        const evidence = await agent.fence(...args);
        model.get(id).survivors = true;
        return evidence;
      },
    }),
  },
  {
    name: 'the election goes by timelines instead of epochs',
    scene: 'a replica of another epoch',
    caught: /I3: c is elected, whose line is not that of a/,
    mocks: () =>
      withoutGuards(
        ({ guard, holds }) =>
          guard !== 'K4-follows-this-epoch' &&
          guard !== 'K8-has-everything' &&
          !(guard === 'K6-no-other-line' && holds),
      ),
  },
  {
    name: 'a replica that follows another epoch is elected',
    scene: 'a replica of another epoch',
    caught: /I3: c is elected, whose line is not that of a/,
    mocks: () => withoutGuards(({ guard }) => guard !== 'K4-follows-this-epoch'),
  },
  {
    name: 'the end of the WAL is ignored',
    scene: 'a death whose last rows nobody has',
    caught: /I3: . lacks \d+ bytes of a, the record says 0/,
    mocks: () =>
      vi.doMock('./failover/candidates.ts', async (original) => ({
        ...(await original<object>()),
        missingAt: () => 0,
      })),
  },
  {
    name: 'losses are counted, and not limited',
    scene: 'a loss that is not allowed',
    caught: /I3: \d+ bytes are given up, more than allowed/,
    mocks: () =>
      vi.doMock('./switch/elect.ts', async (original) => {
        const real = await original<typeof import('./switch/elect.ts')>();
        return {
          ...real,
          elect: (...[record, running, ...rest]: Parameters<typeof real.elect>) =>
            real.elect({ ...record, settings: { maxLossBytes: 1e9 } }, running, ...rest),
        };
      }),
  },
  {
    name: 'an agent accepts the fence of a lower epoch',
    scene: 'two switches',
    caught: /I2: the fence of . fell/,
    agent: (agent, id, model) => ({
      ...agent,
      fence: async (options, signal) => {
        const evidence = await agent.fence(options, signal);
        // A command of the switch before, which its network held back.
        if (options.epoch > 2) model.get(id).fence = options.epoch - 1;
        return evidence;
      },
    }),
  },
  {
    name: "S8' revives the old primary without evidence against the one that failed",
    scene: 'the elected one fails',
    caught: /I4: the evidence against b for epoch 3 is not true/,
    agent: (agent, id, model) => ({
      ...agent,
      fence: async (options, signal) =>
        id === 'a'
          ? await agent.fence(options, signal)
          : {
              instanceId: id,
              epoch: options.epoch,
              bootId: 'boot',
              cleanStop: true,
              at: model.clock.now().toISOString(),
            },
    }),
  },
  {
    name: 'clients are led to it before it was seen to write',
    scene: 'a death',
    caught: /I12: clients are led to b in epoch 2, which was not verified/,
    mocks: () =>
      vi.doMock('./switch/advance.ts', async (original) => {
        const real = await original<typeof import('./switch/advance.ts')>();
        return {
          ...real,
          nextAction: (record: Parameters<typeof real.nextAction>[0]) => {
            const action = real.nextAction(record);
            return action?.kind === 'verify' ? { ...action, kind: 'route' } : action;
          },
        };
      }),
  },
  {
    name: 'a canary proves nothing',
    scene: 'a death',
    caught: /I12: clients are led to b in epoch 2, which was not verified/,
    agent: (agent, _, model) => ({
      ...agent,
      writeCanary: async () => ({ lsn: '0/10' }),
      readCanary: async () => ({ token: `epoch ${model.record.epoch} of ${model.record.cluster.uid}` }),
    }),
  },
  {
    name: 'the old primary is started without a rewind',
    scene: 'a loss that is allowed',
    caught: /I11: a follows b, whose line it is off/,
    agent: (agent) => ({
      ...agent,
      rewind: async (id) => ({ id, kind: 'rewind', state: 'done', startedAt: '' }),
    }),
  },
  {
    name: 'silence is taken for death',
    scene: 'a primary that is not heard',
    caught: /I9: a failover from a, which was well/,
    mocks: () =>
      vi.doMock('./failover/verdict.ts', async (original) => {
        const real = await original<typeof import('./failover/verdict.ts')>();
        return {
          ...real,
          judge: (...args: Parameters<typeof real.judge>) => {
            const found = real.judge(...args);
            return found.verdict === 'silent' ? { ...found, verdict: 'dead' } : found;
          },
        };
      }),
  },
  {
    name: 'the limits are forgotten',
    scene: 'deaths in a row',
    caught: /I16: failovers \d+ ms apart/,
    mocks: () =>
      vi.doMock('./failover/flap.ts', async (original) => ({ ...(await original<object>()), flapGuards: () => [] })),
  },
  {
    name: 'positions are those from before the proof',
    scene: 'a death whose last rows nobody has',
    caught: /I3: . lacks \d+ bytes of a/,
    agent: (agent, id, model) => ({
      ...agent,
      fence: async (...args) => {
        const evidence = await agent.fence(...args);
        // What was true a moment before its last rows were written.
        return id === 'a' ? { ...evidence, walEnd: positionBefore(model) } : evidence;
      },
    }),
  },
];

const positionBefore = (model: Model): string =>
  `0/${((model.get('b').log.length + 1) * 16).toString(16).toUpperCase()}`;

function withoutGuards(keeps: (reason: { readonly guard: string; readonly holds: boolean }) => boolean): void {
  vi.doMock('./failover/candidates.ts', async (original) => {
    const real = await original<typeof import('./failover/candidates.ts')>();
    return {
      ...real,
      candidateGuards: (...args: Parameters<typeof real.candidateGuards>) =>
        real.candidateGuards(...args).filter(keeps),
    };
  });
}

const mocked = [
  './failover/candidates.ts',
  './failover/verdict.ts',
  './failover/flap.ts',
  './switch/advance.ts',
  './switch/elect.ts',
];

/** Plays scenes; what was found, by scene. */
async function play(bug?: Bug): Promise<Readonly<Record<string, readonly string[]>>> {
  vi.resetModules();
  bug?.mocks?.();
  const { createModel } = await import('./testing/model.ts');
  const { ask, watch } = await import('./testing/manage.ts');
  const found: Record<string, readonly string[]> = {};
  for (const [name, scene] of Object.entries(scenes)) {
    if (bug && name !== bug.scene) continue;
    const model = createModel();
    const agent = (id: string): MemberAgent => {
      const real = model.ports.agent(id);
      return bug?.agent?.(real, id, model) ?? real;
    };
    const buggy: Model = Object.create(model, { ports: { value: { ...model.ports, agent } } });
    let asked = 0;
    await scene({
      model,
      watch: async (ms) => await watch(buggy, ms, 1_000),
      ask: (id) => ask(model, id, `ask-${++asked}`),
    });
    model.live();
    found[name] = [...model.violations];
  }
  return found;
}

describe('planted bugs', () => {
  afterEach(() => {
    for (const path of mocked) vi.doUnmock(path);
    vi.resetModules();
  });

  test('none: nothing is found', async () => {
    const found = await play();
    expect(Object.values(found).flat()).toEqual([]);
  });

  test.each(bugs)('$name: caught', async (bug) => {
    const found = await play(bug);
    expect(Object.values(found).flat().join('\n')).toMatch(bug.caught);
  });
});
