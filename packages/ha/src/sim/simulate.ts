/** One run: a cluster of three instances and two replicas of the cluster manager, writers at every instance, and faults. */
import { leaseProfiles } from '../lease/profile.ts';
import { type Agent, createAgent } from './agent.ts';
import type { Bug } from './bugs.ts';
import { createChecker, type Violation } from './checker.ts';
import { createClock } from './clock.ts';
import { type Family, type Fault, families, HEALED_MS, makeFaults } from './faults.ts';
import { inject } from './inject.ts';
import { createKernel, createRandom } from './kernel.ts';
import { createManager, type Manager } from './manager.ts';
import { createNetwork } from './network.ts';
import { createStore } from './store.ts';
import { append } from './wal.ts';
import { instanceIds, type Mode, managerIds, type SimRecord, SYSTEM_ID, type World } from './world.ts';

/** All that a run depends on. */
export interface Plan {
  readonly seed: number;
  readonly mode: Mode;
  readonly family: Family;
  readonly faults: readonly Fault[];
  readonly bugs: readonly Bug[];
}

export interface Outcome {
  readonly violation: Violation | undefined;
  readonly epochs: number;
  readonly acknowledged: number;
  /** Acknowledged commits that F4 in async gave up. */
  readonly lost: number;
  readonly events: number;
}

/** How long a healed cluster may take until it writes again: the longest take-over, grant, promise and switch one after the other. */
const CONVERGED_MS = HEALED_MS + 24_000;

/** Every family in turn. */
export const familyOf = (seed: number): Family => families[seed % families.length] ?? 'any';

export const planOf = (seed: number, family: Family, bugs: readonly Bug[] = [], mode?: Mode): Plan => {
  const random = createRandom(seed, 'faults');
  const drawn: Mode = random.chance(0.5) ? 'sync' : 'async';
  const chosen = mode ?? drawn;
  return { seed, mode: chosen, family, faults: makeFaults(random, family, chosen), bugs };
};

export function simulate(plan: Plan): Outcome {
  const { seed, mode, family, faults, bugs } = plan;
  const kernel = createKernel();
  const random = createRandom(seed, 'world');
  const network = createNetwork(kernel, createRandom(seed, 'network'));
  const profile = createRandom(seed, 'profile').chance(0.25) ? leaseProfiles.default : leaseProfiles.fast;
  const first = append(undefined, 1);
  const members = instanceIds.filter((id) => id !== 'a');
  const agents = new Map<string, Agent>();
  const managers = new Map<string, Manager>();
  const stood = new Set<string>();
  const agent = (id: string): Agent => {
    const one = agents.get(id);
    if (!one) throw new RangeError(`no instance ${id}`);
    return one;
  };

  const record: SimRecord = {
    version: 1,
    owner: { id: '', generation: 0 },
    epoch: 1,
    primary: 'a',
    began: first,
    electable: Object.fromEntries(instanceIds.map((id) => [id, { since: 0, confirmed: true }])),
    sync: {
      systemId: SYSTEM_ID,
      configurations: [{ version: 1, epoch: 1, primary: 'a', k: 1, members }],
      floor: first.position,
    },
    maxTtlMs: profile.ttlMs,
    step: 'S5',
    evidence: { kind: 'new', against: '' },
    routed: 'a',
    storedDeadlineMs: 0,
  };
  const store = createStore(kernel, network, createRandom(seed, 'api'), record, (before, next) =>
    checker.recorded(before, next),
  );
  const checker = createChecker({
    mode,
    ttlMs: profile.ttlMs,
    now: kernel.now,
    record: () => store.record,
    instances: () =>
      [...agents.values()].map(({ id, engine }) => ({
        id,
        tip: engine.tip,
        epoch: engine.epoch,
        writable: engine.process.state !== 'dead' && engine.role === 'primary' && engine.open,
      })),
    stoodStill: (id) => stood.has(id),
  });
  const flags = new Set(bugs);
  const traps = inject({ kernel, network, store, agent, managers, stood, record: () => store.record });
  const world: World = {
    kernel,
    random,
    network,
    checker,
    mode,
    profile,
    has: (bug) => flags.has(bug),
    pass: traps.pass,
  };
  for (const [index, id] of instanceIds.entries()) {
    const clock = createClock(kernel.now, random.between(-0.012, 0.012), 10_000 + random.between(0, 1e6));
    const one = createAgent(world, id, clock, first, {
      agent,
      engine: (other) => agent(other).engine,
      askManager: (manager, request, answer) =>
        network.send(id, manager, () => managers.get(manager)?.grant(request, answer)),
    });
    agents.set(id, one);
    one.deadMan.process.start();
    one.process.start();
    if (id !== 'a') one.engine.startReplica();
    const writes = createRandom(seed, `writer ${id}`);
    const write = (): void => {
      one.engine.write();
      if (checker.violation === undefined) kernel.after(writes.between(20, 80), write);
    };
    kernel.after(index * 7, write);
  }
  for (const name of managerIds) {
    const clock = createClock(kernel.now, random.between(-0.012, 0.012), random.between(0, 1e6));
    const one = createManager(world, name, clock, store, agent);
    managers.set(name, one);
    kernel.after(name === 'm0' ? 0 : 500, () => one.process.start());
  }
  for (const fault of faults) kernel.after(fault.atMs, () => traps.begin(fault));
  kernel.after(HEALED_MS, traps.heal);
  const settled = (): boolean => {
    const { epoch, step, intent, primary } = store.record;
    const engine = agent(primary).engine;
    return (
      step === 'done' && !intent && engine.epoch === epoch && engine.open && checker.lastAckMs > kernel.now() - 200
    );
  };
  const found = (): boolean => checker.violation !== undefined;
  kernel.runUntil(HEALED_MS + 1_000, found);
  for (let until = HEALED_MS + 2_000; until <= CONVERGED_MS && !found() && !settled(); until += 1_000)
    kernel.runUntil(until, found);
  if (!found() && !settled()) {
    const { epoch, step, intent, primary } = store.record;
    const state = agent(primary).engine;
    const text = `epoch ${epoch} of ${primary} at ${intent ? `intent ${intent.epoch}` : step}, its engine is ${state.process.state}${state.open ? '' : ' and closed'}`;
    checker.violated(
      'I8',
      `nobody writes ${(CONVERGED_MS - HEALED_MS) / 1_000} s after everything was healed: ${text}`,
    );
  }
  if (!found()) checker.ended(agent(store.record.primary).engine.tip);
  if (!found() && family === 'harmless' && store.record.epoch > 1)
    checker.violated('I9', `a failover to epoch ${store.record.epoch}, and nothing had happened that asks for one`);
  return {
    violation: checker.violation,
    epochs: store.record.epoch,
    acknowledged: checker.acknowledgedCount,
    lost: checker.lost,
    events: kernel.events,
  };
}
