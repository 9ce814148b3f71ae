/**
 * One replica of the cluster manager: its Lease, who owns the cluster, its word with the agents, and the writes of the record. What a
 * switch and a quiet cluster ask for is decided in `switching.ts` and `tending.ts`.
 */
import type { GrantAnswer, GrantRequest } from '../lease/holder.ts';
import { beganEpoch, type GrantBook, leaseProof, newBook, renew } from '../lease/owner.ts';
import {
  isAlive,
  type LeaseWatch,
  mayTakeOver,
  type OwnLease,
  observed,
  ownerLease,
  renewed,
  watchLease,
} from '../lease/ownership.ts';
import type { Agent } from './agent.ts';
import type { MachineClock } from './clock.ts';
import { createProcess } from './process.ts';
import type { Snapshot, Store } from './store.ts';
import { drive, type Findings, newFindings, type Suspicion } from './switching.ts';
import { instanceIds, type Order, type OrderAnswer, type SimRecord, type World } from './world.ts';

export interface Owned {
  readonly generation: number;
  book: GrantBook;
  record: SimRecord;
  /** What was found out for the present intent; nothing of it is written before it decides. */
  findings: Findings;
}

/** What an owner can do; `tend` and `drive` decide by it. */
export interface Hands {
  readonly world: World;
  readonly owned: Owned;
  readonly nowMs: number;
  /** How long ago each instance was heard of, with what it said. */
  heard: ReadonlyMap<string, Suspicion>;
  readonly tell: (id: string, order: Order) => void;
  /** One write at a time; nothing is written where one is under way. */
  readonly write: (next: Omit<SimRecord, 'version' | 'owner'>) => void;
  /** F4 against the present primary. */
  readonly leaseEnded: () => boolean;
}

export type Manager = ReturnType<typeof createManager>;

export function createManager(
  world: World,
  name: string,
  clock: MachineClock,
  store: Store,
  agent: (id: string) => Agent,
) {
  const { kernel, network, random, profile } = world;
  let id = '';
  let lease: OwnLease | undefined;
  let watch: LeaseWatch | undefined;
  let owned: Owned | undefined;
  let writing = false;
  let request: { readonly inPlace: boolean } | undefined;
  let heard = new Map<string, Suspicion>();
  let writes = 0;

  const owns = (): boolean => {
    // The mistake: it goes on answering until it hears of another.
    if (world.has('takeover-while-answering')) return owned !== undefined;
    if (lease) lease = observed(lease, clock.boot());
    if (!isAlive(lease, clock.boot())) owned = undefined;
    return owned !== undefined;
  };

  const renewOwn = (): void => {
    const sentMs = clock.boot();
    store.renewLease(
      name,
      id,
      process.bound(() => {
        const { lost, ...next } = renewed(lease, sentMs, clock.boot());
        if (lost && !world.has('takeover-while-answering')) owned = undefined;
        lease = next;
      }),
    );
  };

  const look = (): void => {
    if (!isAlive(lease, clock.boot()) || writing) return;
    const sentMs = clock.boot();
    store.read(
      name,
      process.bound((seen: Snapshot) => {
        if (owns() || writing) return;
        const { owner } = seen.record;
        const read = { holder: owner.id, version: seen.leaseVersion, sentMs, answeredMs: clock.boot() };
        watch = watchLease(watch, read);
        if (!mayTakeOver(watch, owner.id === '' || owner.id === id)) return;
        const next = { ...seen.record, owner: { id, generation: owner.generation + 1 } };
        swap(next, () => {
          heard = new Map();
          const book = newBook(clock.boot(), next.owner.generation);
          owned = {
            generation: next.owner.generation,
            // Who owns a new record first is before everybody.
            book: owner.id === '' ? beganEpoch(book, next.epoch) : book,
            record: { ...next, version: next.version + 1 },
            findings: newFindings(clock.boot()),
          };
        });
      }),
    );
  };

  const swap = (next: SimRecord, then: () => void): void => {
    writing = true;
    const mine = ++writes;
    const version = next.version + 1;
    store.swap(
      name,
      { ...next, version },
      process.bound((ok: boolean) => {
        if (mine !== writes) return;
        writing = false;
        if (!ok) owned = undefined;
        else then();
      }),
    );
    // An answer that never comes: whether it was written is found out by reading.
    process.after(4_000, () => {
      if (mine !== writes || !writing) return;
      writing = false;
      owned = undefined;
    });
  };

  const answer = (got: OrderAnswer): void => {
    if (!owned) return;
    const { findings, record } = owned;
    if (got.kind === 'pulse') {
      const before = heard.get(got.pulse.instanceId);
      const nowMs = clock.boot();
      const answers = got.pulse.engine.answers;
      heard.set(got.pulse.instanceId, {
        pulse: got.pulse,
        atMs: nowMs,
        mutedMs: answers ? undefined : (before?.mutedMs ?? nowMs),
      });
      return;
    }
    if (got.epoch !== record.intent?.epoch) return;
    findings[got.kind].set(got.instanceId, got.tip);
  };

  const hands = (mine: Owned): Hands => ({
    world,
    owned: mine,
    nowMs: clock.boot(),
    heard,
    tell: (to, order) =>
      network.send(name, to, () =>
        agent(to).order(order, (got) =>
          network.send(
            to,
            name,
            process.bound(() => owns() && answer(got)),
          ),
        ),
      ),
    write: (next) => {
      if (writing) return;
      const { record } = mine;
      const full: SimRecord = { ...next, version: record.version, owner: record.owner };
      swap(full, () => {
        if (owned !== mine) return;
        const written = { ...full, version: record.version + 1 };
        if (written.epoch > record.epoch) mine.book = beganEpoch(mine.book, written.epoch);
        if (written.intent?.epoch !== record.intent?.epoch) mine.findings = newFindings(clock.boot());
        mine.record = written;
        if (written.intent && !record.intent) world.pass('S0', name, written.primary);
        else if (written.epoch > record.epoch) world.pass('S4', name, written.primary);
        else if (written.routed !== record.routed) world.pass('S7', name, written.primary);
        else world.pass('publish', name, written.primary);
      });
    },
    leaseEnded: () => {
      const { record, book } = mine;
      if (world.has('f4-stored-deadline')) return kernel.now() > record.storedDeadlineMs;
      const from = record.intent?.from ?? record.primary;
      return leaseProof(book, from, record, profile, { nowMs: clock.boot(), owns: owns(), deadMan: true }).holds;
    },
  });

  const process = createProcess(kernel, `manager ${name}`, () => {
    id = `${name}.${process.life}`;
    [lease, watch, owned, writing, request] = [undefined, undefined, undefined, false, undefined];
    heard = new Map();
    process.every(ownerLease.renewMs, renewOwn);
    process.every(400 + random.between(0, 20), () => {
      if (!owns()) look();
    });
    process.every(100, () => {
      if (!owns() || !owned) return;
      drive(hands(owned), request);
      if (owned?.record.intent) request = undefined;
    });
    process.every(250, () => {
      if (!owns() || !owned) return;
      const { generation, record } = owned;
      for (const to of instanceIds)
        hands(owned).tell(to, { kind: 'hello', manager: name, epoch: record.epoch, generation });
    });
    renewOwn();
  });

  return {
    name,
    process,
    get owns() {
      return owned !== undefined;
    },
    /** A person asks for a failover: no suspicion is needed for that, evidence is. */
    ask: (inPlace: boolean) => {
      request = { inPlace };
    },
    grant: (one: GrantRequest, reply: (answer: GrantAnswer) => void) =>
      process.run(() => {
        if (!owns() || !owned) return;
        const { epoch, primary, intent, maxTtlMs } = owned.record;
        const terms = { epoch, primary, maxTtlMs, ...(intent ? { intends: intent.epoch } : {}) };
        const renewal = renew(owned.book, one, terms, profile, { nowMs: clock.boot(), owns: true });
        owned.book = renewal.book;
        const { answer: given } = renewal;
        if (given) network.send(name, one.instanceId, () => reply(given));
      }),
  };
}
