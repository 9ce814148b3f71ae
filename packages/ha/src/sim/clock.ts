/** The clocks of one machine. */
export interface MachineClock {
  /** The boot clock: nobody sets it; it drifts, and stands still only where the whole machine does. */
  readonly boot: () => number;
  /** The wall clock: it can be set. */
  readonly wall: () => number;
  readonly setWall: (byMs: number) => void;
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** The boot clock begins anew. */
  readonly reboot: () => void;
}

/** `drift`: how much faster than real time it runs, as a share. */
export function createClock(real: () => number, drift: number, startMs: number): MachineClock {
  let [origin, base, wallOffset] = [real(), startMs, 1e9];
  let frozen = false;
  const boot = (): number => (frozen ? base : base + (real() - origin) * (1 + drift));
  return {
    boot,
    wall: () => boot() + wallOffset,
    setWall: (byMs) => {
      wallOffset += byMs;
    },
    freeze: () => {
      base = boot();
      frozen = true;
    },
    thaw: () => {
      if (!frozen) return;
      frozen = false;
      origin = real();
    },
    reboot: () => {
      frozen = false;
      [origin, base] = [real(), 0];
    },
  };
}
