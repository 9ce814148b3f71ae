/**
 * Engines, agents, a record and a service in memory: the whole world of a switch, with nothing left to chance. Whoever drives the
 * switch is the real thing; every call of it can be lost, and it can be killed before and after each.
 *
 * The world checks by itself, at every change: two engines never accept writes at the same time (I1), nobody is promoted while
 * another could still be started as a primary (I4), a replica never follows a line that its own is no part of (I11), an epoch has
 * one primary and never decreases (I2).
 */
import { StackError } from '@polarstack/base';
import type { AgentStatus, EngineReport, Term, Upstream } from '@polarstack/contracts';
import type { RecordStore, StoredRecord } from '../actor.ts';
import type { MemberAgent, SwitchPorts } from '../effects/ports.ts';
import { type HaRecord, newRecord } from '../record/record.ts';

export const IDS = ['a', 'b', 'c'] as const;

export interface ModelInstance {
  readonly id: string;
  term: Term;
  fence: number | undefined;
  running: boolean;
  role: 'primary' | 'replica';
  cleanStop: boolean;
  timeline: number;
  /** The timeline that its control file tells: that of its last start or restart point. */
  noted: number;
  /** What it has written or replayed, in order. */
  log: readonly string[];
  /** Its agent and its engine do not answer. */
  down: boolean;
  /** Received WAL stays where it is. */
  stuck: boolean;
  /** The engine ends at each promotion. */
  cannotPromote: boolean;
}

/** Where and how a call is spoilt: the n-th of the run, before or after it took effect. */
export interface Fault {
  readonly at: number;
  readonly when: 'before' | 'after';
  /** `kill`: whoever calls dies. `lose`: the call fails, as with a broken connection. */
  readonly what: 'kill' | 'lose';
}

export class Killed extends Error {}

/** Entries are 16 bytes long; the first begins at 16. */
const lsn = (entries: number): string => `0/${((entries + 1) * 16).toString(16).toUpperCase()}`;

export function createModel(faults: readonly Fault[] = []) {
  const instances = new Map<string, ModelInstance>(
    IDS.map((id) => [
      id,
      {
        id,
        term: id === 'a' ? { epoch: 1, role: 'primary' } : { epoch: 1, role: 'replica', upstream: upstreamOf('a', id) },
        fence: undefined,
        running: true,
        role: id === 'a' ? 'primary' : 'replica',
        cleanStop: false,
        timeline: 1,
        noted: 1,
        log: ['base'],
        down: false,
        stuck: false,
        cannotPromote: false,
      },
    ]),
  );
  let stored: StoredRecord = {
    record: newRecord({
      cluster: { namespace: 'default', name: 'demo', uid: 'u1' },
      primary: 'a',
      pods: Object.fromEntries(IDS.map((id) => [id, `pod-${id}`])),
      now: new Date(0),
    }),
    version: '1',
  };
  let routed = 'a';
  let calls = 0;
  let rows = 0;
  let canary: string | null = null;
  const acknowledged: string[] = [];
  const violations: string[] = [];
  const epochs = new Map<number, string>();
  let killer = new AbortController();

  const get = (id: string): ModelInstance => {
    const found = instances.get(id);
    if (!found) throw new Error(`no instance ${id}`);
    return found;
  };
  const writable = (): readonly ModelInstance[] =>
    [...instances.values()].filter(({ running, role }) => running && role === 'primary');

  const isPrefix = (part: readonly string[], whole: readonly string[]): boolean =>
    part.length <= whole.length && part.every((entry, i) => whole[i] === entry);

  const replay = (): void => {
    for (const one of instances.values()) {
      const upstream = one.term.upstream && get(one.term.upstream.instanceId);
      if (!one.running || one.down || one.stuck || one.role !== 'replica' || !upstream?.running || upstream.down)
        continue;
      if (!isPrefix(one.log, upstream.log)) {
        if (upstream.role === 'primary') violations.push(`${one.id} follows ${upstream.id}, whose line it is off`);
        continue;
      }
      one.log = upstream.log;
      one.timeline = upstream.timeline;
    }
  };

  /** Replicas replay, the client writes a row where the service leads, and the invariants are looked at. */
  const live = (): void => {
    replay();
    const [primary, second] = writable();
    if (second) violations.push(`${primary?.id} and ${second.id} accept writes at the same time`);
    const reached = get(routed);
    if (reached.running && !reached.down && reached.role === 'primary') {
      const row = `row ${++rows}`;
      reached.log = [...reached.log, row];
      acknowledged.push(row);
    }
  };

  const stop = (one: ModelInstance): void => {
    if (!one.running) return;
    // Its walsenders go last: whoever follows gets everything.
    if (one.role === 'primary') one.log = [...one.log, `end of ${one.id} in ${one.term.epoch}`];
    replay();
    one.running = false;
    one.cleanStop = true;
  };

  const report = (one: ModelInstance): EngineReport => ({
    state: one.running ? 'running' : 'stopped',
    dataDir: '/data',
    configVersion: 1,
    systemId: 's',
    // A replica without a walreceiver knows no more than its control file.
    timeline: one.role === 'replica' && one.running && !streams(one) ? one.noted : one.timeline,
    version: '15.1',
    ...(one.running
      ? {
          role: one.role,
          lsn: lsn(one.log.length),
          ...(one.role === 'replica'
            ? { streaming: streams(one) }
            : { peers: IDS.filter((id) => streams(get(id))).map(peer) }),
        }
      : { cleanStop: one.cleanStop, lsn: lsn(one.log.length - 1) }),
  });
  const streams = (one: ModelInstance): boolean => {
    const upstream = one.term.upstream && get(one.term.upstream.instanceId);
    return one.running && one.role === 'replica' && upstream?.running === true && isPrefix(one.log, upstream.log);
  };
  const peer = (instanceId: string) => ({
    instanceId,
    state: 'streaming',
    sentLsn: '0/0',
    flushLsn: '0/0',
    replayLsn: '0/0',
  });

  const start = (one: ModelInstance): void => {
    if (one.term.epoch < (one.fence ?? 0)) throw new StackError('StaleEpoch', `${one.id} is fenced`);
    if (one.running) return;
    one.running = true;
    one.noted = one.timeline;
    one.role = one.term.role;
    one.cleanStop = false;
    live();
  };

  /** Every call passes here: it may be lost, and its caller may be killed. */
  const through = async <T>(target: ModelInstance | undefined, effect: () => T): Promise<T> => {
    killer.signal.throwIfAborted();
    await Promise.resolve();
    const at = ++calls;
    const spoil = (when: Fault['when']): void => {
      const fault = faults.find((one) => one.at === at && one.when === when);
      if (fault?.what === 'lose')
        throw new StackError(target ? 'AgentUnreachable' : 'ApiUnreachable', 'the call was lost');
      if (!fault) return;
      const killed = new Killed(`killed ${when} call ${at}`);
      killer.abort(killed);
      throw killed;
    };
    spoil('before');
    live();
    if (target?.down) throw new StackError('AgentUnreachable', `${target.id} is down`);
    const answer = effect();
    spoil('after');
    return answer;
  };

  const agent = (id: string): MemberAgent => {
    const one = get(id);
    const call = async <T>(effect: () => T): Promise<T> => await through(one, effect);
    return {
      status: async () =>
        await call(
          (): AgentStatus => ({
            instanceId: id,
            agent: { version: '1', pid: 1, startedAt: '' },
            term: one.term,
            ...(one.fence === undefined ? {} : { fence: one.fence }),
            engine: report(one),
            observedAt: '',
          }),
        ),
      setTerm: async (term) =>
        await call(() => {
          const { epoch, role } = one.term;
          if (term.epoch < epoch || term.epoch < (one.fence ?? 0) || (term.epoch === epoch && term.role !== role))
            throw new StackError('StaleEpoch', `${id} has seen epoch ${epoch}`);
          one.term = term;
          if (one.running && one.role === 'primary' && term.role === 'replica')
            violations.push(`${id} runs as primary and was made a replica`);
          return term;
        }),
      setSlots: async () => await call(() => undefined),
      checkpoint: async () => await call(() => ({ durationMs: 1 })),
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
      fence: async ({ epoch }) =>
        await call(() => {
          if (epoch <= one.term.epoch || epoch < (one.fence ?? 0))
            throw new StackError('StaleEpoch', `${id} is beyond`);
          one.fence = epoch;
          stop(one);
          const { cleanStop = false, systemId, timeline, lsn: at } = report(one);
          const position = { ...(systemId && { systemId }), ...(timeline && { timeline }), ...(at && { lsn: at }) };
          return { instanceId: id, epoch, bootId: 'boot', cleanStop, ...position, at: '2026-01-01T00:00:00.000Z' };
        }),
      promote: async ({ epoch } = {}) =>
        await call(() => {
          if (epoch !== one.term.epoch) throw new StackError('StaleEpoch', `${id} is in ${one.term.epoch}`);
          if (one.term.role !== 'primary') throw new StackError('WrongRole', `${id} is a replica`);
          if (!one.running) throw new StackError('EngineNotRunning', `${id} does not run`);
          if (one.cannotPromote) throw new StackError('EngineTimeout', `${id} stays in recovery`);
          if (one.role === 'primary') return report(one);
          for (const other of instances.values()) {
            const couldStart = other.term.role === 'primary' && other.term.epoch >= (other.fence ?? 0);
            if (other !== one && (couldStart || (other.running && other.role === 'primary')))
              violations.push(`${id} is promoted while ${other.id} could be a primary`);
          }
          one.role = 'primary';
          one.timeline += 1;
          one.log = [...one.log, `${id} promoted in ${epoch}`];
          live();
          return report(one);
        }),
      rewind: async (task) =>
        await call(() => {
          const upstream = one.term.upstream && get(one.term.upstream.instanceId);
          if (one.running || !upstream) throw new StackError('EngineRunning', `${id} cannot be rewound`);
          one.log = upstream.log;
          one.timeline = upstream.timeline;
          return { id: task, kind: 'rewind', state: 'done', startedAt: '' } as const;
        }),
      task: async (task) => await call(() => ({ id: task, kind: 'rewind', state: 'done', startedAt: '' }) as const),
      writeCanary: async (token) =>
        await call(() => {
          if (!one.running || one.role !== 'primary') throw new StackError('WrongRole', `${id} is read-only`);
          canary = token;
          return { lsn: lsn(one.log.length) };
        }),
      readCanary: async () => await call(() => ({ token: canary })),
    };
  };

  const ports: SwitchPorts = {
    agent,
    upstream: upstreamOf,
    route: async ({ instanceId }) =>
      await through(undefined, () => {
        routed = instanceId;
      }),
    label: async () => await through(undefined, () => undefined),
  };

  const store: RecordStore = {
    read: async () => await through(undefined, () => stored),
    write: async (before, next) =>
      await through(undefined, () => {
        if (before.version !== stored.version) throw new StackError('Conflict', 'changed meanwhile');
        note(stored.record, next);
        stored = { record: next, version: String(Number(stored.version) + 1) };
        return stored;
      }),
  };

  const note = (before: HaRecord, next: HaRecord): void => {
    if (next.epoch < before.epoch) violations.push(`the epoch fell from ${before.epoch} to ${next.epoch}`);
    const known = epochs.get(next.epoch) ?? (next.epoch === 1 ? 'a' : next.primary);
    epochs.set(next.epoch, known);
    if (known !== next.primary) violations.push(`epoch ${next.epoch} has the primaries ${known} and ${next.primary}`);
    const proven = next.switch?.evidence.some(({ epoch, instanceId }) => epoch === next.epoch && instanceId !== '');
    if (next.epoch > before.epoch && !proven) violations.push(`epoch ${next.epoch} began without evidence`);
  };

  return {
    instances,
    get: get,
    ports,
    store,
    /** The signal of the manager that lives now; a new one after each death. */
    life: (): AbortSignal => {
      if (killer.signal.aborted) killer = new AbortController();
      return killer.signal;
    },
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
      const [primary] = writable();
      if (!primary) found.push('no instance accepts writes');
      else {
        if (primary.id !== stored.record.primary) found.push(`${primary.id} writes, ${stored.record.primary} should`);
        if (primary.id !== routed) found.push(`the service leads to ${routed}, ${primary.id} is the primary`);
        const lost = acknowledged.filter((row) => !primary.log.includes(row));
        if (lost.length > 0) found.push(`lost: ${lost.join(', ')}`);
      }
      return found;
    },
    violations,
    acknowledged,
  };
}

export type Model = ReturnType<typeof createModel>;

function upstreamOf(primary: string, member: string): Upstream {
  return { instanceId: primary, host: '10.0.0.1', port: 5432, serverName: `pod-${primary}`, slot: `ins_${member}` };
}
