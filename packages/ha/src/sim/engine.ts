/**
 * A model of one PostgreSQL: WAL, streaming, synchronous commit, clients. What is written is on disk at once. Messages of one
 * stream may be lost: positions are cumulative, and the next message tells them again.
 */
import type { SyncConfiguration } from '../sync/configuration.ts';
import { createProcess } from './process.ts';
import { append, contains, type Wal } from './wal.ts';
import type { World } from './world.ts';

interface Commit {
  readonly record: Wal;
  readonly begunMs: number;
  readonly canary: boolean;
}

interface Walsender {
  readonly member: string;
  readonly connection: number;
  flushed: Wal;
  heardMs: number;
}

export type Engine = ReturnType<typeof createEngine>;

export function createEngine(world: World, id: string, first: Wal, peer: (id: string) => Engine) {
  const { kernel, network, random, mode, checker } = world;
  let tip = first;
  let role: 'primary' | 'replica' = 'replica';
  let epoch = 1;
  let open = false;
  /** A set that nobody can satisfy (`nobody`) until the real one is loaded. */
  let effective: SyncConfiguration | 'nobody' = 'nobody';
  /** When the checkpointer will have told the backends that commits wait: before it they return at once. */
  let waitsFromMs = 0;
  let endOfRecovery = first;
  let waiting: Commit[] = [];
  let senders: Walsender[] = [];
  /** Where `primary_conninfo` leads. */
  let upstream: string | undefined;
  /** The walreceiver's process: it may outlive the setting that it was started by. */
  let receiver: { readonly upstream: string; readonly connection: number } | undefined;
  let heardMs = Number.NEGATIVE_INFINITY;
  let connections = 0;
  let conflictUntilMs = 0;
  let hungUntilMs = 0;
  let slowUntilMs = 0;

  const process = createProcess(kernel, `engine ${id}`, () => {
    process.every(100, beat);
  });
  const holders = (record: Wal): readonly string[] =>
    senders.filter(({ flushed }) => flushed.length >= record.length).map(({ member }) => member);

  const isEnough = (record: Wal): boolean => {
    if (effective === 'nobody') return false;
    const { k, members } = effective;
    return holders(record).filter((member) => members.includes(member)).length >= k;
  };

  const release = (): void => {
    const done = waiting.filter(({ record }) => isEnough(record));
    if (done.length === 0) return;
    waiting = waiting.filter((one) => !done.includes(one));
    for (const one of done) acknowledge(one);
  };

  const acknowledge = ({ record, begunMs, canary }: Commit): void => {
    if (canary) return;
    checker.acknowledged({
      instanceId: id,
      epoch,
      record,
      begunMs,
      effective: mode === 'sync' && effective !== 'nobody' ? effective : undefined,
    });
  };

  const commit = (canary: boolean): Wal => {
    tip = append(tip, epoch);
    const one: Commit = { record: tip, begunMs: kernel.now(), canary };
    if (mode === 'sync' && kernel.now() >= waitsFromMs && !isEnough(tip)) waiting.push(one);
    else acknowledge(one);
    ship();
    return one.record;
  };

  const ship = (): void => {
    for (const { member, connection } of senders) {
      const sent = tip;
      network.send(id, member, () => peer(member).receive(id, connection, sent));
    }
  };

  const beat = (): void => {
    const now = kernel.now();
    if (role === 'primary') {
      senders = senders.filter((one) => now - one.heardMs < 2_000);
      ship();
      return;
    }
    if (receiver && receiver.upstream !== upstream && now >= conflictUntilMs) receiver = undefined;
    if (receiver && now - heardMs > 600) receiver = undefined;
    if (!receiver && upstream !== undefined) connect(upstream);
  };

  const connect = (to: string): void => {
    const connection = ++connections;
    receiver = { upstream: to, connection };
    heardMs = kernel.now();
    const from = tip;
    network.send(id, to, () => peer(to).accept(id, connection, from));
  };

  /** Everything of it ends: its memory is gone, its files stay. */
  const end = (): void => {
    process.kill();
    open = false;
    waiting = [];
    senders = [];
    receiver = undefined;
  };

  const becomePrimary = (inEpoch: number): void => {
    role = 'primary';
    epoch = inEpoch;
    open = false;
    [upstream, receiver] = [undefined, undefined];
    [waiting, senders] = [[], []];
    effective = 'nobody';
    waitsFromMs = kernel.now() + random.between(0, 400);
    tip = append(tip, inEpoch);
    endOfRecovery = tip;
  };

  return {
    process,
    get tip() {
      return tip;
    },
    get role() {
      return role;
    },
    get epoch() {
      return epoch;
    },
    get open() {
      return open;
    },
    set open(next: boolean) {
      open = next;
    },
    get upstream() {
      return upstream;
    },
    get receiving() {
      return receiver !== undefined;
    },
    get heardMs() {
      return heardMs;
    },
    get effectiveVersion() {
      return effective === 'nobody' ? 0 : effective.version;
    },
    get hung() {
      return kernel.now() < hungUntilMs;
    },
    hang: (ms: number) => {
      hungUntilMs = kernel.now() + ms;
    },
    /** Replay conflicts: a walreceiver that was told to go goes on receiving. */
    conflict: (ms: number) => {
      conflictUntilMs = kernel.now() + ms;
    },
    /** A promotion takes until then. */
    slowDown: (ms: number) => {
      slowUntilMs = kernel.now() + ms;
    },
    get slowMs() {
      return Math.max(0, slowUntilMs - kernel.now());
    },
    clearFaults: () => {
      [conflictUntilMs, hungUntilMs, slowUntilMs] = [0, 0, 0];
    },
    /** What a commit of a client waits for. */
    write: () => {
      if (process.state === 'up' && role === 'primary' && open && kernel.now() >= hungUntilMs) commit(false);
    },
    canary: () => commit(true),
    /** Whether a canary is seen waiting: only that proves that commits wait. */
    waits: () => kernel.now() >= waitsFromMs,
    end,
    startReplica: () => {
      role = 'replica';
      process.start();
    },
    startPrimary: (inEpoch: number) => {
      becomePrimary(inEpoch);
      process.start();
    },
    promote: becomePrimary,
    /** In place: the engine goes on, its records are of the new epoch from here on. */
    continueIn: (inEpoch: number) => {
      epoch = inEpoch;
      tip = append(tip, inEpoch);
      release();
    },
    follow: (next: string | undefined) => {
      upstream = next;
    },
    /** SIGTERM for the walreceiver; it may take its time. */
    stopReceiver: () => {
      if (kernel.now() >= conflictUntilMs) receiver = undefined;
    },
    load: (configuration: SyncConfiguration) => {
      effective = configuration;
      release();
    },
    confirmedRecovery: (k: number) =>
      effective !== 'nobody' &&
      holders(endOfRecovery).filter((one) => effective !== 'nobody' && effective.members.includes(one)).length >= k,
    held: () => new Map(senders.map(({ member, flushed }) => [member, flushed.position])),
    rewindTo: (next: Wal) => {
      tip = next;
    },
    accept: (member: string, connection: number, from: Wal) =>
      process.run(() => {
        if (role !== 'primary' || !contains(tip, from)) return;
        senders = senders.filter((one) => one.member !== member);
        senders.push({ member, connection, flushed: from, heardMs: kernel.now() });
        release();
        ship();
      }),
    receive: (from: string, connection: number, sent: Wal) =>
      process.run(() => {
        if (role !== 'replica' || receiver?.connection !== connection || receiver.upstream !== from) return;
        heardMs = kernel.now();
        if (sent.length > tip.length) {
          if (!contains(sent, tip)) return;
          tip = sent;
        }
        const flushed = tip;
        network.send(id, from, () => peer(from).confirm(id, connection, flushed));
      }),
    confirm: (member: string, connection: number, flushed: Wal) =>
      process.run(() => {
        const sender = senders.find((one) => one.member === member && one.connection === connection);
        if (!sender) return;
        sender.heardMs = kernel.now();
        if (flushed.length > sender.flushed.length && contains(tip, flushed)) sender.flushed = flushed;
        release();
      }),
  };
}
