/** Faults, carried out and ended. */
import type { Agent } from './agent.ts';
import type { Fault } from './faults.ts';
import type { Kernel } from './kernel.ts';
import type { Manager } from './manager.ts';
import type { Network } from './network.ts';
import type { Process } from './process.ts';
import type { Store } from './store.ts';
import { instanceIds, managerIds, type Point, type SimRecord } from './world.ts';

interface Target {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly store: Store;
  readonly agent: (id: string) => Agent;
  readonly managers: ReadonlyMap<string, Manager>;
  /** Nodes that stood still at some time. */
  readonly stood: Set<string>;
  readonly record: () => SimRecord;
}

export function inject({ kernel, network, store, agent, managers, stood, record }: Target) {
  const ends = new Set<() => void>();
  let armed: Extract<Fault, { readonly kind: 'catch' }>[] = [];
  let boots = 1;

  const lasting = (forMs: number, end: () => void): void => {
    const once = (): void => {
      if (ends.delete(once)) end();
    };
    ends.add(once);
    kernel.after(forMs, once);
  };

  const processOf = (who: string): Process | undefined => {
    const [what, id = ''] = who.split(':');
    if (what === 'manager') return managers.get(id)?.process;
    const one = agent(id);
    return what === 'agent' ? one.process : what === 'dead-man' ? one.deadMan.process : one.engine.process;
  };

  const kill = (who: string): void => {
    const [what, id = ''] = who.split(':');
    if (what === 'engine') {
      agent(id).engineDied();
      return;
    }
    const process = processOf(who);
    if (!process || process.state === 'dead') return;
    process.kill();
    // Its keeper starts it again; the agent sees to the dead-man.
    if (what !== 'dead-man') kernel.after(what === 'agent' ? 150 : 1_500, () => process.start());
  };

  const stop = (who: string, forMs: number): void => {
    const process = processOf(who);
    if (!process) return;
    const { life } = process;
    process.stop();
    lasting(forMs, () => {
      if (process.life === life) process.resume();
    });
  };

  const off = (id: string, forMs: number): void => {
    const one = agent(id);
    const processes = [one.process, one.deadMan.process];
    one.engineDied();
    for (const process of processes) process.kill();
    const lives = ++boots;
    lasting(forMs, () => {
      one.reboot(lives);
      for (const process of [...processes].reverse()) process.start();
    });
  };

  const cut = (from: readonly string[], to: readonly string[], forMs: number, oneWay = false): void => {
    lasting(forMs, network.cut(from, to));
    if (!oneWay) lasting(forMs, network.cut(to, from));
  };

  const begin = (fault: Fault): void => {
    switch (fault.kind) {
      case 'kill':
        kill(fault.who);
        return;
      case 'stop':
        stop(fault.who, fault.forMs);
        return;
      case 'off':
        off(fault.node, fault.forMs);
        return;
      case 'freeze': {
        const one = agent(fault.node);
        stood.add(fault.node);
        one.clock.freeze();
        for (const what of ['agent', 'dead-man', 'engine']) stop(`${what}:${fault.node}`, fault.forMs);
        lasting(fault.forMs, one.clock.thaw);
        return;
      }
      case 'cut':
        cut(fault.from, fault.to, fault.forMs, fault.oneWay);
        return;
      case 'disturb':
        lasting(fault.forMs, network.disturb(fault.loss, fault.jitterMs));
        return;
      case 'hold':
        lasting(fault.forMs, network.hold(fault.to, fault.probability, fault.heldMs));
        return;
      case 'api':
        store.disturb(fault.how, true);
        lasting(fault.forMs, () => store.disturb(fault.how, false));
        return;
      case 'failover':
        for (const one of managers.values()) one.ask(fault.inPlace);
        return;
      case 'conflict':
        agent(fault.node).engine.conflict(fault.forMs);
        return;
      case 'slow-promotion':
        agent(fault.node).engine.slowDown(fault.forMs);
        return;
      case 'hang':
        agent(fault.node).engine.hang(fault.forMs);
        return;
      case 'lose-term':
        kill(`agent:${fault.node}`);
        agent(fault.node).loseTerm();
        return;
      case 'wall':
        agent(fault.node).clock.setWall(fault.byMs);
        return;
      case 'catch':
        armed.push(fault);
    }
  };

  return {
    begin,
    pass: (point: Point, who: string) => {
      const caught = armed.find((one) => one.point === point);
      if (!caught) return;
      armed = armed.filter((one) => one !== caught);
      const { primary } = record();
      const process = who.replace(' ', ':').replace(/^(m\d)$/, 'manager:$1');
      const everybody = [...instanceIds, ...managerIds, 'api'];
      switch (caught.what) {
        case 'kill':
          kill(process);
          return;
        case 'stop':
          stop(process, caught.forMs);
          return;
        case 'winner-off':
          off(primary, caught.forMs);
          return;
        case 'winner-cut':
          cut([primary], everybody, caught.forMs);
          return;
      }
    },
    /** Whatever still lasts ends now. */
    heal: () => {
      armed = [];
      for (const end of [...ends]) end();
      for (const id of instanceIds) agent(id).engine.clearFaults();
    },
  };
}
