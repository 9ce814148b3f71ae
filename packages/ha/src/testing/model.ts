/**
 * Engines, agents, a record and a service in memory: the whole world of a switch, with nothing left to chance. Whoever drives the
 * switch is the real thing; every call of it can be lost or come twice, it can be killed before and after each, and engines and
 * agents fail on the way. `checker.ts` says what is looked at.
 */
import { StackError } from '@polarstack/base';
import type { AgentStatus } from '@polarstack/contracts';
import { createVirtualClock, type VirtualClock } from '@polarstack/testkit';
import type { RecordStore, StoredRecord } from '../actor.ts';
import type { MemberAgent, SwitchPorts } from '../effects/ports.ts';
import type { Pulses, SeenPulse } from '../failover/verdict.ts';
import { type HaRecord, newRecord } from '../record/record.ts';
import { createChecker } from './checker.ts';
import { createEngines, type Mishap, OWNER_WORD_MS } from './engines.ts';
import { createInstance, IDS, lsn, type ModelInstance, pulseOf, upstreamOf } from './instance.ts';

export { type Mishap, mishaps } from './engines.ts';
export { IDS, type ModelInstance } from './instance.ts';

/** What happens at the n-th call of a run, before or after it took effect. */
export interface Fault {
  readonly at: number;
  readonly when: 'before' | 'after';
  /**
   * `kill`: whoever calls dies. `lose`: the call fails, as with a broken connection. `repeat`: it comes again some calls later.
   * Else something happens to an instance.
   */
  readonly what: 'kill' | 'lose' | 'repeat' | Mishap;
  /** Default: whoever the record says is primary. */
  readonly id?: string;
}

export class Killed extends Error {}

export function createModel(faults: readonly Fault[] = [], clock: VirtualClock = createVirtualClock()) {
  const instances = new Map<string, ModelInstance>(
    IDS.map((id) => [id, createInstance(id, clock.monotonic() - 60_000)]),
  );
  const now = (): number => clock.monotonic();
  const epochMs = clock.now().getTime() - now();
  const wall = (ms: number): string => new Date(epochMs + ms).toISOString();
  const checker = createChecker(instances, now);
  const { violations, acknowledged } = checker;
  let stored: StoredRecord = {
    record: newRecord({
      cluster: { namespace: 'default', name: 'demo', uid: 'u1' },
      primary: 'a',
      pods: Object.fromEntries(IDS.map((id) => [id, `pod-${id}`])),
      now: clock.now(),
    }),
    version: '1',
  };
  let routed = 'a';
  let calls = 0;
  let rows = 0;
  let canary: string | null = null;
  const seen = new Map<string, SeenPulse>();
  let late: readonly { readonly at: number; readonly effect: () => unknown }[] = [];
  let killer = new AbortController();

  const engines = createEngines({
    instances,
    now,
    wall,
    calls: () => calls,
    violate: (text) => violations.push(text),
  });
  const { get, upstream, isAble, receive, report, start, stop, befall, fence } = engines;
  /** Time has passed: agents see to their engines, replicas to what has come, and a client writes where the service leads. */
  const live = (): void => {
    for (const one of instances.values()) {
      if (now() >= one.downUntil) one.down = false;
      const isDue = one.died !== undefined && now() - one.died.at >= OWNER_WORD_MS;
      if (isDue && !one.down && !one.stoppedByRequest && !one.running && engines.mayStart(one)) engines.tryStart(one);
    }
    receive();
    checker.looked();
    const write = (one: ModelInstance): void => {
      const row = `row ${++rows}`;
      one.log = [...one.log, row];
      acknowledged.push(row);
    };
    const reached = get(routed);
    if (isAble(reached) && reached.role === 'primary') write(reached);
    for (const one of instances.values()) if (one.survivors && one !== reached) write(one);
    pulse();
  };

  const pulse = (): void => {
    for (const one of instances.values()) {
      if (!one.running || one.hungSince !== undefined || one.diskSince !== undefined) one.unwellAt = now();
      if (!one.down) seen.set(one.id, { pulse: pulseOf(one, report(one), now(), wall), receivedAt: now() });
    }
  };

  /** Every call passes here. */
  const through = async <T>(target: ModelInstance | undefined, effect: () => T, carriesEpoch = false): Promise<T> => {
    killer.signal.throwIfAborted();
    await Promise.resolve();
    const at = ++calls;
    const spoil = (when: Fault['when']): void => {
      for (const fault of faults.filter((one) => one.at === at && one.when === when)) {
        if (fault.what === 'lose')
          throw new StackError(target ? 'AgentUnreachable' : 'ApiUnreachable', 'the call was lost');
        if (fault.what === 'repeat') {
          if (carriesEpoch) late = [...late, { at: at + 8, effect }];
        } else if (fault.what === 'kill') {
          const killed = new Killed(`killed ${when} call ${at}`);
          killer.abort(killed);
          throw killed;
        } else befall(fault.what, fault.id ?? stored.record.primary);
      }
    };
    spoil('before');
    const due = late.filter((one) => one.at <= at);
    late = late.filter((one) => one.at > at);
    for (const one of due) {
      try {
        one.effect();
      } catch (error) {
        // Nobody hears the answer to a call that comes twice.
        if (!(error instanceof StackError)) throw error;
      }
    }
    live();
    if (target?.down) throw new StackError('AgentUnreachable', `${target.id} is down`);
    const answer = effect();
    checker.looked();
    spoil('after');
    return answer;
  };

  const statusOf = (one: ModelInstance): AgentStatus => ({
    instanceId: one.id,
    agent: { version: '1', pid: 1, startedAt: '' },
    term: one.term,
    ...(one.fence === undefined ? {} : { fence: one.fence }),
    startedEpoch: one.startedEpoch,
    engine: report(one),
    observedAt: wall(now()),
  });

  const agent = (id: string): MemberAgent => {
    const one = get(id);
    const call = async <T>(effect: () => T, carriesEpoch = false): Promise<T> =>
      await through(one, effect, carriesEpoch);
    return {
      status: async () => await call(() => statusOf(one)),
      setTerm: async (term) =>
        await call(() => {
          const { epoch, role } = one.term;
          if (term.epoch < epoch || term.epoch < (one.fence ?? 0) || (term.epoch === epoch && term.role !== role))
            throw new StackError('StaleEpoch', `${id} has seen epoch ${epoch}`);
          one.term = term;
          if (one.running && one.role === 'primary' && term.role === 'replica')
            violations.push(`I11: ${id} runs as primary and was made a replica`);
          return term;
        }, true),
      setSlots: async () => await call(() => undefined),
      checkpoint: async () =>
        await call(() => {
          if (!isAble(one)) throw new StackError('EngineNotRunning', `${id} does not run`);
          one.checkpoint = one.log.length;
          return { durationMs: 1 };
        }),
      start: async () =>
        await call(() => {
          start(one);
          return report(one);
        }),
      stop: async () =>
        await call(() => {
          stop(one);
          return report(one);
        }),
      fence: async ({ epoch }) => await call(() => fence(one, epoch), true),
      promote: async ({ epoch } = {}) =>
        await call(() => {
          if (epoch !== one.term.epoch) throw new StackError('StaleEpoch', `${id} is in ${one.term.epoch}`);
          if (one.term.role !== 'primary') throw new StackError('WrongRole', `${id} is a replica`);
          if (!one.running) throw new StackError('EngineNotRunning', `${id} does not run`);
          if (one.hungSince !== undefined || one.cannotPromote)
            throw new StackError('EngineTimeout', `${id} stays in recovery`);
          checker.promotes(one);
          if (one.role === 'primary') return report(one);
          one.role = 'primary';
          one.pending = undefined;
          one.replayed = one.log.length;
          one.timeline += 1;
          one.log = [...one.log, `${id} promoted in ${epoch}`];
          live();
          return report(one);
        }, true),
      rewind: async (task) =>
        await call(() => {
          const source = upstream(one);
          if (one.running || !source) throw new StackError('EngineRunning', `${id} cannot be rewound`);
          if (!isAble(source) || source.role !== 'primary')
            throw new StackError('RewindFailed', `${source.id} does not run`);
          one.log = source.log;
          one.replayed = one.log.length;
          one.timeline = source.timeline;
          return { id: task, kind: 'rewind', state: 'done', startedAt: '' } as const;
        }),
      task: async (task) => await call(() => ({ id: task, kind: 'rewind', state: 'done', startedAt: '' }) as const),
      writeCanary: async (token) =>
        await call(() => {
          if (!isAble(one) || one.role !== 'primary') throw new StackError('WrongRole', `${id} is read-only`);
          canary = token;
          checker.wroteCanary(id, one.term.epoch);
          return { lsn: lsn(one.log.length) };
        }),
      readCanary: async () => await call(() => ({ token: canary })),
    };
  };

  const ports: SwitchPorts = {
    agent,
    upstream: upstreamOf,
    route: async ({ instanceId, epoch }) =>
      await through(undefined, () => {
        checker.routed(instanceId, epoch);
        routed = instanceId;
      }),
    label: async () => await through(undefined, () => undefined),
  };

  const store: RecordStore = {
    read: async () => await through(undefined, () => stored),
    write: async (before, next) =>
      await through(undefined, () => {
        if (before.version !== stored.version) throw new StackError('Conflict', 'changed meanwhile');
        checker.wrote(stored.record, next);
        stored = { record: next, version: String(Number(stored.version) + 1) };
        return stored;
      }),
  };

  return {
    instances,
    clock,
    get,
    ports,
    store,
    befall,
    failovers: checker.failovers,
    givenUp: checker.givenUp,
    pulses: (): Pulses => {
      pulse();
      return new Map(seen);
    },
    /** Something else than calls: time has passed. */
    live,
    /** The signal of the manager that lives now; a new one after each death. */
    life: (): AbortSignal => {
      if (killer.signal.aborted) killer = new AbortController();
      return killer.signal;
    },
    kill: (why: string): void => killer.abort(new Killed(why)),
    get record() {
      return stored.record;
    },
    set record(next: HaRecord) {
      stored = { record: next, version: String(Number(stored.version) + 1) };
    },
    get calls() {
      return calls;
    },
    get routed() {
      return routed;
    },
    /** What every run must end with, whatever happened on the way. */
    faultsFound: (): readonly string[] => {
      live();
      const found = [...violations];
      const primary = [...instances.values()].find((one) => isAble(one) && one.role === 'primary');
      if (!primary) found.push('no instance accepts writes');
      else {
        if (primary.id !== stored.record.primary) found.push(`${primary.id} writes, ${stored.record.primary} should`);
        if (primary.id !== routed) found.push(`the service leads to ${routed}, ${primary.id} is the primary`);
        const lost = checker.lost(primary);
        if (lost.length > 0) found.push(`I3: lost: ${lost.join(', ')}`);
      }
      return found;
    },
    violations,
    acknowledged,
  };
}

export type Model = ReturnType<typeof createModel>;
