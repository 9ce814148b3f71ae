/**
 * The life of one engine.
 *
 * Owns: whether the engine runs, in which role it is started, and what happens when it dies. Does not own: what role this
 * instance has (the term file, set by others), nor how an engine is started (the driver).
 * Invariants:
 *  L1. An engine is started only with a valid term, in its role; never a data folder that is unfinished.
 *  L2. Nothing is started before every process of the engine before is proven dead.
 *  L3. One act on the engine at a time.
 *  L4. The agent's death ends no engine; a new agent adopts it. SIGTERM (the pod stops) ends it.
 *  L5. Stopped by request stays stopped until asked to start.
 *  L6. An engine that writes against its term is stopped at once, and its folder is not started again as it is.
 *  L7. Nothing is started in an epoch that a fence has overtaken; an engine of such an epoch that an earlier agent left is stopped.
 *  L8. The death of an engine that nobody asked for is told before anything is done about it. Its last processes are ended at once;
 *      where somebody hears of it, a primary's engine is started again only after its owner had OWNER_WORD_MS for a word: a
 *      fence keeps it down, a start starts it.
 *  L9. A stop that is to be immediate, a fence's above all, waits neither for a slower one nor for the search for a reason.
 */
import { type Backoff, backoffDelay, linkSignals, StackError, systemClock, toStackError } from '@polarstack/base';
import type { StopMode } from '@polarstack/contracts';
import type { Configuration, EngineExit, EngineProcess } from '@polarstack/engine';
import { createDeaths } from './deaths.ts';
import { createMutex, type Mutex } from './mutex.ts';
import { createNotifier } from './notifier.ts';
import { noteStart } from './state-file.ts';
import type { Failure, RunningEngine, Supervisor, SupervisorOptions } from './supervision.ts';

export type { Supervisor } from './supervision.ts';

const backoff: Backoff = { baseMs: 250, maxMs: 10_000 };
/** An engine that ran this long has recovered: its next failure is a first one. */
const SETTLED_MS = 10_000;
const ACCEPT_POLL_MS = 5;
/** A promotion of an engine that was started to be promoted. */
const PROMOTION_MS = 60_000;
/** How long an immediate stop may take before everything is killed. */
const IMMEDIATE_MS = 5_000;
/** An engine that is deposed has this long to end by itself: it may not acknowledge anything. */
const DEPOSE_MS = 500;
/** Finishing a stop that an earlier agent began. */
const RESUMED_STOP_MS = 60_000;
/** The same of a fence, whose owner waits. */
const OVERTAKEN_STOP_MS = 5_000;

const DEPOSED =
  'the engine left recovery though its term makes it a replica (promoted by hand?): it was stopped, and stays so until its folder is back on the line of its upstream';

function describeExit({ code, signal }: EngineExit): string {
  if (signal !== undefined) return `ended by ${signal}`;
  return code === undefined ? 'ended' : `ended with exit code ${code}`;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { driver, terms, state, log, isHeard, signal } = options;
  const changed = createNotifier();
  const deaths = createDeaths(options.ownerWordMs);
  /** Ends the waits that hold up an immediate stop (L9); another one after each. */
  let hurry = new AbortController();
  let hurriedMs = 0;
  const acts: Mutex = createMutex();
  const files: Mutex = createMutex();
  let engine: (RunningEngine & { readonly since: number }) | undefined;
  let failure: Failure | undefined;
  let stopping = false;
  let bootstrapping = false;
  let shutDown = false;
  let coming = Promise.resolve();
  /** The engine that was adopted belongs to an epoch below a fence, whose stop an earlier agent did not come to. */
  let overtaken = false;
  /** Deposed, whether or not that could be written down. */
  let barred = false;
  /** Processes of an engine whose main process is gone may be left: they are ended before anything else, at once. */
  let leftovers = true;

  const isDeposed = (): boolean => barred || state.current.deposed === true;

  const term = () => {
    if (terms.current === undefined) throw new StackError('TermMissing', 'this instance has no term yet');
    return terms.current;
  };
  const configuration = (): Configuration => {
    const { role, upstream } = term();
    return { parameters: state.current.config?.parameters ?? {}, role, ...(upstream ? { upstream } : {}) };
  };
  // The newest term and config are read inside, so that the last writer writes the newest.
  const writeFiles = async (): Promise<void> =>
    await files.run(async () => await driver.configure(configuration(), signal));

  /** Monotonic time before which nothing is started again: a first failure is tried again at once. */
  let retryAt = 0;

  const fail = (reason: string, explained = true): void => {
    const failures = (failure?.failures ?? 0) + 1;
    failure = { reason, failures, explained };
    retryAt = systemClock.monotonic() + (failures === 1 ? 0 : backoffDelay(backoff, failures - 2));
    log.error({ failures }, `engine: ${reason}`);
    changed.notify();
  };

  const track = (process: EngineProcess, accepting = false, epoch?: number): void => {
    engine = { process, accepting, since: systemClock.monotonic() };
    void process.exited.then((exit) => {
      if (engine?.process !== process) return;
      const { accepting: accepted, since } = engine;
      engine = undefined;
      leftovers = true;
      driver.sql.close();
      if (accepted && systemClock.monotonic() - since > SETTLED_MS) failure = undefined;
      if (!stopping) deaths.note(describeExit(exit), accepted && terms.current?.role === 'primary' && isHeard());
      if (accepted && !stopping) fail(`the engine ${describeExit(exit)}`);
      else if (!stopping) fail(`the engine ${describeExit(exit)} before it accepted connections`, false);
      changed.notify();
    });
    if (!accepting) coming = untilAccepting(process, epoch);
    changed.notify();
  };

  /** Waits for the engine's own word, then brings it into the role of its term where it was started as a standby. */
  const untilAccepting = async (process: EngineProcess, epoch: number | undefined): Promise<void> => {
    try {
      while (engine?.process === process && !signal.aborted) {
        if (await driver.isAccepting(process.pid)) break;
        await systemClock.sleep(ACCEPT_POLL_MS, signal);
      }
      if (engine?.process !== process || signal.aborted) return;
      if (terms.current?.role === 'primary' && (await driver.isStandby())) {
        await driver.sql.promote(PROMOTION_MS, signal);
        await writeFiles();
        process.reload();
      }
      if (engine?.process !== process) return;
      engine = { ...engine, accepting: true };
      deaths.over();
      log.info(
        { pid: process.pid, role: terms.current?.role, epoch: terms.current?.epoch },
        'engine accepts connections',
      );
      changed.notify();
    } catch (error) {
      if (!signal.aborted) fail(toStackError(error).message);
      return;
    }
    if (epoch !== undefined) await noteStart(state, epoch, log);
  };

  const mayStart = async (): Promise<boolean> =>
    !shutDown &&
    !barred &&
    state.current.wanted === 'running' &&
    (state.current.bootstrapped || bootstrapping) &&
    !state.current.rewinding &&
    terms.mayStart &&
    (await driver.dataFolder()) === 'present';

  const launch = async (): Promise<void> => {
    // A primary that was a standby keeps its signal file until it is promoted: only that gives it a timeline of its own.
    if (term().role === 'replica') await driver.setStandby(true);
    await writeFiles();
    const { epoch } = term();
    track(await driver.launch(signal), false, epoch);
    log.info({ pid: engine?.process.pid, role: term().role, epoch }, 'engine started');
  };

  /** Learns from the engine's own output why it does not start; a start that works now was a passing trouble. */
  const explain = async (known: Failure): Promise<void> => {
    // Somebody asked for a stop while it was looked whether to start.
    if (state.current.wanted !== 'running') return;
    const { signal: hurried } = hurry;
    const linked = linkSignals([signal, hurried]);
    const lines = await driver
      .diagnose(linked.signal)
      .catch((error: unknown) => {
        if (hurried.aborted && !signal.aborted) return undefined;
        throw error;
      })
      .finally(() => linked.end());
    if (lines === undefined) return;
    const marked = lines.filter((line) => /\b(FATAL|PANIC|ERROR|HINT|DETAIL):/.test(line));
    const said = marked.length > 0 ? marked : lines.slice(-3);
    failure = {
      ...known,
      reason: said.length > 0 ? `${known.reason}: ${said.join(' | ')}` : known.reason,
      explained: true,
    };
    log.error({ failures: known.failures }, `engine: ${failure.reason}`);
    changed.notify();
  };

  const stopNow = async (mode: StopMode, timeoutMs: number): Promise<void> => {
    const { process } = engine ?? {};
    if (process) {
      stopping = true;
      changed.notify();
      // A smart stop waits for every session, ours too.
      driver.sql.close();
      const within = async (ms: number, sources: readonly AbortSignal[] = []): Promise<boolean> => {
        const timer = linkSignals(sources);
        const late = systemClock.sleep(ms, timer.signal).then(() => false);
        const ended = await Promise.race([process.exited.then(() => true), late.catch(() => false)]);
        timer.end();
        return ended;
      };
      process.stop(mode);
      const { signal: hurried } = hurry;
      if (!(await within(timeoutMs, mode === 'immediate' ? [] : [hurried]))) {
        log.warn({ mode, timeoutMs }, 'the stop takes too long and goes on as immediate');
        // An immediate one that takes too long goes on as the end of all processes, below.
        if (mode !== 'immediate') {
          process.stop('immediate');
          await within(hurried.aborted ? hurriedMs : IMMEDIATE_MS);
        }
      }
    }
    try {
      if ((await driver.dataFolder()) === 'present') await driver.endAll(new AbortController().signal);
      engine = undefined;
      driver.sql.close();
    } finally {
      stopping = false;
      changed.notify();
    }
  };

  /** One look; answers in how many milliseconds to look again, undefined where only a change matters. */
  const look = async (): Promise<number | undefined> =>
    await acts.run(async () => {
      if (engine) {
        if (overtaken && !terms.mayStart) await stopNow('fast', OVERTAKEN_STOP_MS);
        else if (state.current.wanted === 'stopped' && !bootstrapping) await stopNow('fast', RESUMED_STOP_MS);
        overtaken = false;
        return undefined;
      }
      if (leftovers && (await driver.dataFolder()) === 'present') {
        await driver.endAll(signal);
        leftovers = false;
      }
      if (!(await mayStart())) return undefined;
      const word = deaths.wordMs();
      if (word > 0) return word;
      if (failure && !failure.explained) {
        await explain(failure);
        if (!(await mayStart())) return undefined;
      }
      const pause = retryAt - systemClock.monotonic();
      if (pause > 0) return pause;
      await launch();
      return undefined;
    });

  const adopt = async (): Promise<void> => {
    if (isDeposed()) failure = { reason: `EngineContradictsTerm: ${DEPOSED}`, failures: 1, explained: true };
    if ((await driver.dataFolder()) !== 'present') return;
    const found = await driver.find(signal);
    if (found === undefined) return;
    log.info({ pid: found.pid }, 'engine adopted');
    leftovers = false;
    overtaken = !terms.mayStart;
    track(found, await driver.isAccepting(found.pid));
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const known = failure;
      let pause: number | undefined;
      try {
        pause = await look();
      } catch (error) {
        if (signal.aborted) break;
        fail(toStackError(error).message);
      }
      // A failure during the look was notified while nobody waited.
      if (engine === undefined && failure !== known && pause === undefined)
        pause = Math.max(0, retryAt - systemClock.monotonic());
      await changed.wait({ ...(pause === undefined ? {} : { ms: pause }), signal });
    }
    engine?.process.release();
    driver.sql.close();
    await coming;
  };

  const untilRunning = async (waitSignal: AbortSignal): Promise<void> => {
    const before = failure?.failures ?? 0;
    retryAt = 0;
    deaths.wordGiven();
    changed.notify();
    for (;;) {
      waitSignal.throwIfAborted();
      if (engine?.accepting) return;
      if (failure && failure.failures > before && failure.explained && !engine)
        throw new StackError('EngineStartFailed', failure.reason);
      await changed.wait({ signal: waitSignal });
    }
  };

  const checkStartable = async (): Promise<void> => {
    const { epoch } = term();
    if (!terms.mayStart) {
      throw new StackError(
        'StaleEpoch',
        `this instance is fenced: nothing is started below epoch ${terms.fence}, and its term is of ${epoch}`,
      );
    }
    if (isDeposed()) throw new StackError('EngineContradictsTerm', failure?.reason ?? DEPOSED);
    if (state.current.rewinding)
      throw new StackError('DataFolderUnfinished', 'a rewind of this data folder began and did not end');
    if ((await driver.dataFolder()) === 'absent' || !(state.current.bootstrapped || bootstrapping))
      throw new StackError('DataFolderUnfinished', 'this instance has no finished data folder yet');
  };

  const wantRunning = async (waitSignal: AbortSignal): Promise<void> => {
    await checkStartable();
    if (state.current.wanted !== 'running') await state.update({ wanted: 'running' });
    await untilRunning(waitSignal);
  };

  return {
    get engine() {
      return engine;
    },
    get stopping() {
      return stopping;
    },
    get deposed() {
      return isDeposed();
    },
    get failure() {
      return failure;
    },
    get died() {
      return deaths.last;
    },
    onChange: (listener) => changed.subscribe(listener),
    adopt: async () => await acts.run(adopt),
    run,
    start: wantRunning,
    startUnfinished: async (waitSignal) => {
      bootstrapping = true;
      await wantRunning(waitSignal);
    },
    stop: async (mode, timeoutMs) => {
      // Who waits for this may hold up everybody's writes: no flush of a disk for what is known.
      if (state.current.wanted !== 'stopped') await state.update({ wanted: 'stopped' });
      if (mode === 'immediate') {
        hurriedMs = timeoutMs;
        hurry.abort();
        hurry = new AbortController();
      }
      await acts.run(async () => await stopNow(mode, timeoutMs));
      failure = undefined;
    },
    shutdown: async (timeoutMs) => {
      shutDown = true;
      await acts.run(async () => await stopNow('fast', timeoutMs));
    },
    configure: async () => {
      if ((await driver.dataFolder()) === 'absent') return;
      await writeFiles();
      engine?.process.reload();
    },
    promote: async (epoch, timeoutMs, waitSignal) =>
      await acts.run(async () => {
        if (epoch !== undefined && term().epoch !== epoch)
          throw new StackError('StaleEpoch', `the term is of epoch ${term().epoch}, not ${epoch}`);
        if (term().role !== 'primary')
          throw new StackError('WrongRole', `the term of epoch ${term().epoch} makes this instance a replica`);
        if (!engine?.accepting) throw new StackError('EngineNotRunning', 'there is no running engine to promote');
        await driver.sql.promote(timeoutMs, waitSignal);
        await writeFiles();
        engine.process.reload();
      }),
    depose: async (process) =>
      await acts.run(async () => {
        if (engine?.process !== process || terms.current?.role !== 'replica') return false;
        barred = true;
        const why: Failure = { reason: `EngineContradictsTerm: ${DEPOSED}`, failures: 1, explained: true };
        failure = why;
        log.error({ pid: process.pid, epoch: terms.current.epoch }, DEPOSED);
        // The signal goes out before anything is waited for, a full disk included.
        const stopped = stopNow('immediate', DEPOSE_MS);
        const noted = state.update({ rewinding: true, deposed: true });
        const results = await Promise.allSettled([stopped, noted]);
        // The exit may have forgotten it.
        failure = why;
        changed.notify();
        for (const result of results) if (result.status === 'rejected') throw result.reason;
        return true;
      }),
    whileStopped: async (work) =>
      await acts.run(async () => {
        if (engine) throw new StackError('EngineRunning', 'the engine runs');
        await work();
        barred = false;
        failure = undefined;
      }),
  };
}
