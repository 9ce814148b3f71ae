/** The API as far as the cluster manager needs it: one record per cluster, one Lease per replica. It may be away, or slow. */
import type { Kernel, Random } from './kernel.ts';
import type { Network } from './network.ts';
import type { SimRecord } from './world.ts';

export interface Snapshot {
  readonly record: SimRecord;
  /** Of the record's owner: changes with every renewal. */
  readonly leaseVersion: string;
}

export interface Store {
  readonly record: SimRecord;
  /** Consistent: what it shows was so after the call began. */
  readonly read: (from: string, done: (seen: Snapshot) => void) => void;
  readonly renewLease: (from: string, holder: string, done: () => void) => void;
  /** Nothing is said where the answer gets lost: the write may have happened. */
  readonly swap: (from: string, next: SimRecord, done: (ok: boolean) => void) => void;
  readonly disturb: (how: 'away' | 'slow', on: boolean) => void;
}

export function createStore(
  kernel: Kernel,
  network: Network,
  random: Random,
  first: SimRecord,
  written: (before: SimRecord, next: SimRecord) => void,
): Store {
  let record = first;
  const leases = new Map<string, number>();
  let [away, slow] = [0, 0];
  const call = (from: string, work: () => () => void): void => {
    network.send(from, 'api', () => {
      if (away > 0) return;
      const late = (): number => (slow > 0 ? random.between(0, 2_500) : random.between(1, 8));
      kernel.after(late(), () => {
        const reply = work();
        kernel.after(late() / 2, () => {
          if (away === 0) network.send('api', from, reply);
        });
      });
    });
  };
  return {
    get record() {
      return record;
    },
    read: (from, done) =>
      call(from, () => {
        const seen: Snapshot = { record, leaseVersion: String(leases.get(record.owner.id) ?? 0) };
        return () => done(seen);
      }),
    renewLease: (from, holder, done) =>
      call(from, () => {
        leases.set(holder, (leases.get(holder) ?? 0) + 1);
        return done;
      }),
    swap: (from, next, done) =>
      call(from, () => {
        const ok = next.version === record.version + 1;
        if (ok) {
          written(record, next);
          record = next;
        }
        return () => done(ok);
      }),
    disturb: (how, on) => {
      if (how === 'away') away += on ? 1 : -1;
      else slow += on ? 1 : -1;
    },
  };
}
