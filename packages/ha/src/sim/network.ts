/**
 * The network between nodes, managers and the API: each message is delayed, and may be lost, held back for long or cut off. Messages
 * overtake each other; nothing arrives twice, as calls here are idempotent or numbered.
 */
import type { Kernel, Random } from './kernel.ts';

export interface Network {
  readonly send: (from: string, to: string, deliver: () => void) => void;
  /** Cuts every way from one of `from` to one of `to`; answers with how to mend just that. */
  readonly cut: (from: readonly string[], to: readonly string[]) => () => void;
  /** Every message is lost with the probability `loss`, and late by up to `jitterMs`. */
  readonly disturb: (loss: number, jitterMs: number) => () => void;
  /** Every message of this way is held back with the probability given, and arrives that late even if the way is cut meanwhile. */
  readonly hold: (to: string, probability: number, heldMs: number) => () => void;
}

export function createNetwork(kernel: Kernel, random: Random): Network {
  const cuts = new Map<string, number>();
  const disturbances = new Set<{ readonly loss: number; readonly jitterMs: number }>();
  const holds = new Set<{ readonly to: string; readonly probability: number; readonly heldMs: number }>();
  const way = (from: string, to: string): string => `${from}>${to}`;
  const isCut = (from: string, to: string): boolean => cuts.size > 0 && (cuts.get(way(from, to)) ?? 0) > 0;
  const added = <T>(set: Set<T>, one: T): (() => void) => {
    set.add(one);
    return () => set.delete(one);
  };
  return {
    send: (from, to, deliver) => {
      if (isCut(from, to)) return;
      let delay = random.between(0.2, 2);
      for (const { loss, jitterMs } of disturbances) {
        if (random.chance(loss)) return;
        delay += random.between(0, jitterMs);
      }
      for (const one of holds) {
        if (one.to !== to || !random.chance(one.probability)) continue;
        kernel.after(delay + one.heldMs, deliver);
        return;
      }
      kernel.after(delay, () => {
        if (!isCut(from, to)) deliver();
      });
    },
    cut: (from, to) => {
      const ways = from.flatMap((one) => to.filter((other) => other !== one).map((other) => way(one, other)));
      for (const one of ways) cuts.set(one, (cuts.get(one) ?? 0) + 1);
      let mended = false;
      return () => {
        if (mended) return;
        mended = true;
        for (const one of ways) {
          const left = (cuts.get(one) ?? 1) - 1;
          if (left > 0) cuts.set(one, left);
          else cuts.delete(one);
        }
      };
    },
    disturb: (loss, jitterMs) => added(disturbances, { loss, jitterMs }),
    hold: (to, probability, heldMs) => added(holds, { to, probability, heldMs }),
  };
}
