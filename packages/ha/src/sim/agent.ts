/**
 * The model of one node's agent around the real cores of grants and terms (`lease/`): it carries out what its owner orders, asks for
 * grants, promises, and starts nothing that the boot gate holds back.
 */
import type { GrantAnswer, GrantRequest } from '../lease/holder.ts';
import { accept, introduce, promise, restarted, type TermFile } from '../lease/term-file.ts';
import { proven } from '../sync/change.ts';
import type { SyncConfiguration } from '../sync/configuration.ts';
import type { MachineClock } from './clock.ts';
import { createDeadMan } from './dead-man.ts';
import { createEngine, type Engine } from './engine.ts';
import { createGrants } from './grants.ts';
import { createProcess } from './process.ts';
import { contains, forkOf, type Wal } from './wal.ts';
import { instanceIds, type Known, type Order, type OrderAnswer, type Pulse, stepOf, type World } from './world.ts';

export interface Peers {
  readonly agent: (id: string) => Agent;
  readonly engine: (id: string) => Engine;
  /** Asks the replica of the cluster manager of that name for a grant. */
  readonly askManager: (manager: string, request: GrantRequest, answer: (one: GrantAnswer) => void) => void;
}

export type Agent = ReturnType<typeof createAgent>;

export function createAgent(world: World, id: string, clock: MachineClock, first: Wal, peers: Peers) {
  const { kernel, network, random, profile, mode, checker } = world;
  const engine = createEngine(world, id, first, peers.engine);
  // On disk.
  let bootId = `${id}/1`;
  let file: TermFile | undefined = { epoch: 1, role: 'replica', generation: 0, step: 0, bootId, session: bootId };
  let configuration: SyncConfiguration | undefined;
  let known: Known = { version: 0, electable: [...instanceIds] };
  // In the memory of one life.
  let manager: { readonly name: string; readonly heardMs: number } | undefined;
  let busy = false;
  let killing = false;
  let diedMs = 0;
  let provenVersion = 0;
  let canary: { readonly version: number; readonly record: Wal } | undefined;

  const set = (next: TermFile): void => {
    if (file && next.epoch < file.epoch)
      checker.violated('I2', `the term of ${id} fell from ${file.epoch} to ${next.epoch}`);
    file = next;
    grants.follow(next);
  };

  /** Every process of the engine: takes a while, and cannot be done while they hang in the kernel. */
  const kill = (): void => {
    if (killing || engine.process.state === 'dead') return;
    killing = true;
    engine.open = false;
    const { life } = engine.process;
    const finish = (): void => {
      if (engine.process.life !== life) {
        killing = false;
        return;
      }
      if (engine.hung) {
        kernel.after(50, finish);
        return;
      }
      killing = false;
      engine.end();
      diedMs = kernel.now();
    };
    // SIGKILL needs nobody to go on running.
    kernel.after(random.between(5, profile.killBudgetMs * 0.6), finish);
  };
  const deadMan = createDeadMan(world, id, clock, kill);

  const grants = createGrants(world, id, clock, deadMan, peers, {
    process: () => process,
    manager: () => manager?.name,
    diskHangs: () => engine.hung,
    electorate: () =>
      mode === 'async'
        ? { mode, electable: known.electable }
        : { mode, configurations: configuration?.primary === id ? [configuration] : [] },
  });
  const gateOpen = (): boolean => grants.gateOpen(file);

  const startPrimary = (): void => {
    if (busy || !gateOpen()) return;
    busy = true;
    world.pass('promote', `agent ${id}`, id);
    const online = engine.process.state === 'up' && engine.role === 'replica';
    process.after(engine.slowMs + (online ? random.between(30, 200) : random.between(100, 400)), () => {
      busy = false;
      if (!file || killing || engine.process.state === 'stopped' || !gateOpen()) return;
      checker.promoted(id, file.epoch, engine.tip);
      if (engine.process.state === 'up') engine.promote(file.epoch);
      else engine.startPrimary(file.epoch);
      provenVersion = 0;
    });
  };

  /** In place: the engine of the epoch before goes on in this one, once there is a grant for it. */
  const goOn = (epoch: number): void => {
    if (killing || !gateOpen()) return;
    checker.promoted(id, epoch, engine.tip);
    engine.continueIn(epoch);
    if (configuration && mode === 'sync') engine.load(configuration);
  };

  /** A primary is opened once its commits are known to wait, and to have been waited for. */
  const prepare = (): void => {
    if (engine.open || killing) return;
    if (mode === 'async') {
      engine.open = true;
      return;
    }
    if (!configuration || configuration.epoch !== engine.epoch) return;
    const careless = world.has('canary-proves-nothing');
    if (engine.effectiveVersion === 0) {
      engine.canary();
      if (!careless && !engine.waits()) return;
      engine.load(configuration);
    }
    if (careless || engine.confirmedRecovery(configuration.k)) engine.open = true;
  };

  const tick = (): void => {
    const up = engine.process.state !== 'dead';
    // What the agent can do itself it does before the dead-man has to.
    if (up && engine.role === 'primary' && grants.hasEnded(engine.epoch)) kill();
    if (deadMan.process.state === 'dead') grants.feed();
    if (!file) return;
    if (file.role === 'primary') {
      if (engine.process.state === 'stopped') return;
      if (up && engine.role === 'primary' && engine.epoch === file.epoch) prepare();
      else if (up && engine.role === 'primary') goOn(file.epoch);
      else if (up && engine.role === 'replica') startPrimary();
      else if (!up && !killing && kernel.now() - diedMs > 400) startPrimary();
    } else if (file.role === 'replica') {
      if (up && engine.role === 'primary') kill();
      else if (!up && !killing && !busy) engine.startReplica();
    }
  };

  const process = createProcess(kernel, `agent ${id}`, () => {
    [busy, canary, manager] = [false, undefined, undefined];
    if (file) {
      file = restarted(file, bootId, bootId, clock.boot());
      grants.restart(file, engine.process.state !== 'dead');
    }
    process.every(100, tick);
    process.every(profile.renewMs, () => {
      if (file?.role === 'primary') grants.request();
    });
  });

  const pulse = (): Pulse => ({
    instanceId: id,
    epoch: file?.epoch ?? 0,
    role: file?.role ?? 'none',
    generation: file?.generation ?? 0,
    tip: engine.tip,
    engine: {
      up: engine.process.state !== 'dead' && !killing,
      answers: engine.process.state === 'up' && !killing && !engine.hung,
      role: engine.role,
      epoch: engine.epoch,
      open: engine.open,
    },
    following: engine.upstream,
    streaming: engine.receiving && kernel.now() - engine.heardMs < 500,
    upstreamHeardMs: kernel.now() - engine.heardMs,
    effectiveVersion: engine.effectiveVersion,
    provenVersion,
    knownVersion: known.version,
  });

  const obey = (order: Order, reply: (answer: OrderAnswer) => void): void => {
    const { epoch, generation } = order;
    const step = order.kind === 'fence' && world.has('fence-below-stay') ? 2 : stepOf[order.kind];
    if (order.kind === 'hello') {
      if (!file) {
        // The owner tells a member without a term the epoch; only then does it take part again.
        if (epoch > 0) {
          const lengthMs = profile.ttlMs + profile.marginMs;
          const own = { bootId, session: bootId };
          const { promise: given, ...told } = introduce({ epoch, generation, step }, own, {
            nowMs: clock.boot(),
            lengthMs,
          });
          set({ ...told, ...(given && !world.has('introduced-without-promise') ? { promise: given } : {}) });
        }
        return;
      }
      if (generation < file.generation) return;
      if (generation > file.generation) set({ ...file, generation, step: 0 });
      manager = { name: order.manager, heardMs: kernel.now() };
      reply({ kind: 'pulse', pulse: pulse() });
      return;
    }
    if (step === 0) {
      if (!file || epoch !== file.epoch || generation < file.generation) return;
    } else {
      // Who stays in place is told by S5 that it is the primary, like any other: until then it only goes on.
      const role = order.kind === 'promote' ? 'primary' : order.kind === 'follow' ? 'replica' : 'sealed';
      const command = {
        epoch,
        generation,
        step,
        ...(order.kind === 'seal' && order.proof ? { proof: order.proof } : {}),
      };
      const verdict = accept(file, command, role, clock.boot());
      if (!verdict.ok) return;
      set(verdict.file);
    }
    carryOut(order, reply);
  };

  const carryOut = (order: Exclude<Order, { kind: 'hello' }>, reply: (answer: OrderAnswer) => void): void => {
    const { epoch } = order;
    const once = (done: () => boolean, then: () => void): void => {
      if (!done()) process.after(20, () => once(done, then));
      else if (file?.epoch === epoch) then();
    };
    switch (order.kind) {
      case 'seal':
        if (engine.role === 'primary' && engine.process.state !== 'dead') return;
        engine.follow(undefined);
        engine.stopReceiver();
        if (world.has('reload-as-seal')) {
          reply({ kind: 'sealed', instanceId: id, epoch, tip: engine.tip });
          return;
        }
        once(
          () => {
            engine.stopReceiver();
            return !engine.receiving && !busy;
          },
          () => reply({ kind: 'sealed', instanceId: id, epoch, tip: engine.tip }),
        );
        return;
      case 'stay':
        if (engine.role === 'primary' && engine.process.state === 'up')
          reply({ kind: 'stays', instanceId: id, epoch, tip: engine.tip });
        return;
      case 'fence':
        kill();
        once(
          () => engine.process.state === 'dead' && !busy,
          () => reply({ kind: 'fenced', instanceId: id, epoch, tip: engine.tip }),
        );
        return;
      case 'promote':
        if (order.configuration && order.configuration.version > (configuration?.version ?? 0))
          configuration = order.configuration;
        if (order.known.version >= known.version) known = order.known;
        if (order.grantedMs !== undefined) grants.pushed(order.grantedMs, order.sentMs ?? 0);
        else if (!gateOpen()) grants.request();
        return;
      case 'follow':
        follow(order.upstream, order.mayRewind);
        return;
      case 'apply':
        if (order.configuration.version <= (configuration?.version ?? 0)) return;
        configuration = order.configuration;
        process.after(random.between(0, 30), () => {
          if (configuration && engine.role === 'primary' && engine.effectiveVersion > 0) engine.load(configuration);
        });
        return;
      case 'confirm':
        confirm(order.published);
        return;
      case 'know':
        if (order.known.version > known.version) known = order.known;
        return;
    }
  };

  const confirm = (published: readonly SyncConfiguration[]): void => {
    if (!configuration || engine.role !== 'primary' || engine.effectiveVersion !== configuration.version) return;
    if (engine.process.state !== 'up' || engine.hung) return;
    if (canary?.version !== configuration.version || !contains(engine.tip, canary.record))
      canary = { version: configuration.version, record: engine.canary() };
    const held = engine.held();
    if (proven(canary.record.position, configuration, published, held, new Set(held.keys())))
      provenVersion = configuration.version;
  };

  const follow = (upstream: string, mayRewind: boolean): void => {
    if (engine.process.state !== 'dead' && engine.role === 'primary') {
      kill();
      return;
    }
    const line = peers.engine(upstream);
    engine.follow(upstream);
    if (contains(line.tip, engine.tip) || !mayRewind || busy || line.role !== 'primary') return;
    busy = true;
    engine.end();
    process.after(random.between(100, 500), () => {
      busy = false;
      const fork = forkOf(line.tip, engine.tip);
      if (fork && line.process.state === 'up' && file?.role === 'replica') engine.rewindTo(fork);
    });
  };

  return {
    id,
    engine,
    deadMan,
    process,
    clock,
    order: (order: Order, reply: (answer: OrderAnswer) => void) => process.run(() => obey(order, reply)),
    /** The primary of this epoch asks for a promise, or for its request to be passed on. */
    promise: (one: GrantRequest, relayed: (answer: GrantAnswer) => void, reply: (by: string) => void) =>
      process.run(() => {
        const reachesOwner = manager !== undefined && kernel.now() - manager.heardMs < 1_000;
        const verdict = promise(file, one.epoch, profile, { nowMs: clock.boot(), reachesOwner });
        if (!verdict.ok) return;
        if (verdict.kind === 'relay') {
          if (manager)
            peers.askManager(manager.name, one, (answer) => network.send(id, one.instanceId, () => relayed(answer)));
          return;
        }
        set(verdict.file);
        reply(id);
      }),
    /** The engine ends without anybody having asked for it. */
    engineDied: () => {
      engine.end();
      diedMs = kernel.now();
    },
    /** Power gone and back: the disk stays. */
    reboot: (lives: number) => {
      bootId = `${id}/${lives}`;
      clock.reboot();
    },
    loseTerm: () => {
      const before = file;
      file = undefined;
      // The planted bug takes what it finds elsewhere for its term, and forgets what it promised.
      if (!before || !world.has('term-lost-answered')) return;
      const { promise: _, ...rest } = before;
      file = rest;
    },
  };
}
