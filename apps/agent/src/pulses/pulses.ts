/**
 * What this agent says by itself (packages/contracts, pulse.ts), to whoever listens.
 *
 * Owns: when a pulse is made, what is in it, and the probes that run for it. Does not own the engine (the supervisor), nor how a
 * pulse travels (http/).
 * Invariants:
 *  P1. A pulse is made at every change, in the turn of the event loop in which it happened, and at least every PULSE_MS.
 *  P2. Making one waits for nothing and asks nobody: a pulse says what is known, and since when a probe has had no answer.
 *  P3. No probe waits for another. Where nobody listens none runs, and nothing of them is left.
 */
import { type Logger, systemClock, toStackError } from '@polarstack/base';
import { type AgentPulse, PULSE_MS } from '@polarstack/contracts';
import { bootId, type EngineDriver, type EngineProcess, type Glance } from '@polarstack/engine';
import type { StateFile } from '../state-file.ts';
import type { Supervisor } from '../supervision.ts';
import type { Tasks } from '../tasks.ts';
import type { TermFile } from '../term-file.ts';
import type { DiskWatch } from './disk-watch.ts';
import { createProbe } from './probe.ts';

export interface Pulses {
  /** Whether anybody listens. */
  readonly isHeard: boolean;
  /** Calls `onLine` with each pulse, as a line of JSON with its end, the first one at once; returns the end of that. */
  listen(onLine: (line: string) => void): () => void;
  /** Something has changed that the supervisor does not know of. */
  changed(): void;
  /** Ends the probes. Resolves when none runs any more. */
  close(): Promise<void>;
}

export interface PulsesOptions {
  readonly instanceId: string;
  readonly driver: EngineDriver;
  readonly terms: TermFile;
  readonly state: StateFile;
  readonly supervisor: Supervisor;
  readonly tasks: Tasks;
  readonly disk: DiskWatch;
  readonly log: Logger;
}

const SELECT_MS = 250;
const CANARY_MS = 500;
const DISK_MS = 500;
/** ha.md §3: an alarm from here on. */
const LATE_MS = 1_000;
/** A new session costs the engine a process: not at every look, but after one that failed. */
const KNOCK_MS = 2_000;

export function createPulses(options: PulsesOptions): Pulses {
  const { instanceId, driver, terms, state, supervisor, tasks, disk, log } = options;
  const boot = bootId();
  const agentStartedAt = systemClock.now().toISOString();
  const listeners = new Set<(line: string) => void>();
  let sequence = 0;
  let announced = false;
  /** What the engine that runs now said last; forgotten with it. */
  let seen: { readonly process: EngineProcess; readonly glance: Glance } | undefined;
  /** Whether the kept session had no answer, whatever a new one says. */
  let mute = false;

  const isLookedAt = (): boolean => supervisor.engine !== undefined && !supervisor.stopping;

  let knockedAt = Number.NEGATIVE_INFINITY;
  const knock = async (signal: AbortSignal): Promise<void> => {
    const now = systemClock.monotonic();
    if (now - knockedAt < KNOCK_MS) return;
    await driver.sql.knock(signal);
    knockedAt = now;
  };
  const glance = async (signal: AbortSignal): Promise<void> => {
    const process = supervisor.engine?.process;
    try {
      const glance = await driver.probes.glance(signal);
      const before = seen?.process === process ? seen?.glance : undefined;
      if (process) seen = { process, glance };
      const isNews = mute || before?.role !== glance.role || before.streaming !== glance.streaming;
      mute = false;
      if (isNews) changed();
    } catch (error) {
      // One that is starting has not said yet that it answers.
      if (!mute && supervisor.engine?.process === process && supervisor.engine?.accepting === true) {
        mute = true;
        changed();
      }
      throw error;
    }
  };

  const select = createProbe({
    ...{ periodMs: SELECT_MS, lateMs: LATE_MS, applies: isLookedAt, onChange: () => changed() },
    look: async (signal) => {
      const results = await Promise.allSettled([glance(signal), knock(signal)]);
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  });
  const canary = createProbe({
    ...{ periodMs: CANARY_MS, lateMs: LATE_MS, onChange: () => changed() },
    applies: () => isLookedAt() && supervisor.engine?.accepting === true && terms.current?.role === 'primary',
    look: async (signal) => await driver.probes.writeRow(signal),
  });
  const diskProbe = createProbe({
    ...{ periodMs: DISK_MS, lateMs: LATE_MS, applies: () => true, onChange: () => changed() },
    look: async (signal) => await disk.look(signal),
  });

  const engineState = (): AgentPulse['engine']['state'] => {
    const { engine, stopping, failure } = supervisor;
    if (stopping) return 'stopping';
    if (engine) return !engine.accepting ? 'starting' : mute ? 'failed' : 'running';
    if (failure) return 'failed';
    return state.current.bootstrapped ? 'stopped' : 'absent';
  };

  const describeEngine = (): AgentPulse['engine'] => {
    const { engine, failure, died } = supervisor;
    const said = engine && seen?.process === engine.process ? seen.glance : undefined;
    const reason = failure?.reason ?? (mute ? select.state?.reason : undefined);
    const { role, ...facts } = said ?? {};
    return {
      state: engineState(),
      ...(role === undefined || mute ? {} : { role }),
      ...facts,
      ...(died ? { died } : {}),
      ...(reason === undefined ? {} : { reason }),
      ...(state.current.wanted === 'stopped' ? { stoppedByRequest: true } : {}),
    };
  };

  const line = (): string => {
    const probes = { select: select.state, canary: canary.state, disk: diskProbe.state };
    const { current: task } = tasks;
    const pulse: AgentPulse = {
      instanceId,
      agentStartedAt,
      sequence: ++sequence,
      bootId: boot,
      ...(terms.current ? { term: terms.current } : {}),
      ...(terms.fence === undefined ? {} : { fence: terms.fence }),
      engine: describeEngine(),
      probes: Object.fromEntries(Object.entries(probes).filter(([, probe]) => probe !== undefined)),
      ...(task?.state === 'running' ? { task: { id: task.id, kind: task.kind } } : {}),
      at: systemClock.now().toISOString(),
    };
    return `${JSON.stringify(pulse)}\n`;
  };

  const tell = (): void => {
    announced = false;
    if (listeners.size === 0) return;
    const text = line();
    for (const listener of [...listeners]) listener(text);
  };
  /** Several changes of one turn make one pulse. */
  const changed = (): void => {
    if (announced || listeners.size === 0) return;
    announced = true;
    queueMicrotask(tell);
  };

  let looking: AbortController | undefined;
  /** The probes of the one before, on whose sessions those of the next must not come. */
  let ended: Promise<unknown> = Promise.resolve();

  const begin = (): void => {
    const stop = new AbortController();
    const { signal } = stop;
    const beat = setInterval(changed, PULSE_MS);
    const unsubscribe = supervisor.onChange(() => {
      if (supervisor.engine === undefined) {
        mute = false;
        knockedAt = Number.NEGATIVE_INFINITY;
        select.forget();
        canary.forget();
        driver.probes.close();
      }
      changed();
    });
    const before = ended;
    const run = async (): Promise<void> => {
      await before;
      const probes = [select, canary, diskProbe].map(async (probe) => await probe.run(signal));
      for (const result of await Promise.allSettled(probes))
        if (result.status === 'rejected') log.error({}, `a probe ended: ${toStackError(result.reason).message}`);
      clearInterval(beat);
      unsubscribe();
      driver.probes.close();
      disk.close();
      mute = false;
      knockedAt = Number.NEGATIVE_INFINITY;
    };
    ended = run();
    looking = stop;
  };
  const end = async (): Promise<void> => {
    looking?.abort();
    looking = undefined;
    await ended;
  };

  return {
    get isHeard() {
      return listeners.size > 0;
    },
    listen: (onLine) => {
      listeners.add(onLine);
      if (looking === undefined) begin();
      onLine(line());
      return () => {
        if (listeners.delete(onLine) && listeners.size === 0) void end();
      };
    },
    changed,
    close: end,
  };
}
