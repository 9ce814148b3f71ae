import { isDeepStrictEqual } from 'node:util';
import { isStackError, type Logger, linkSignals, StackError, systemClock, toStackError } from '@polarstack/base';
import type {
  AgentApi,
  AgentStatus,
  Bootstrap,
  EngineConfig,
  EngineReport,
  FenceEvidence,
  Term,
} from '@polarstack/contracts';
import { bootId, type EngineDriver, isStackOwned, type Observation } from '@polarstack/engine';
import { runBootstrap } from './bootstrap.ts';
import { createMutex } from './mutex.ts';
import type { Readiness } from './readiness.ts';
import type { StateFile } from './state-file.ts';
import { describeStopped } from './stopped-folder.ts';
import type { Supervisor } from './supervisor.ts';
import type { Tasks } from './tasks.ts';
import type { TermFile } from './term-file.ts';

export interface AgentOptions {
  readonly instanceId: string;
  readonly version: string;
  readonly driver: EngineDriver;
  readonly terms: TermFile;
  readonly state: StateFile;
  readonly supervisor: Supervisor;
  readonly readiness: Readiness;
  readonly tasks: Tasks;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const RELOAD_MS = 3_000;
const START_MS = 110_000;
const PROMOTE_MS = 60_000;

/** The agent's API as it is called inside; requests are checked already. */
export function createAgent(options: AgentOptions): AgentApi {
  const { driver, terms, state, supervisor, readiness, tasks, log } = options;
  const startedAt = systemClock.now().toISOString();
  // Not the caller's: a call whose connection breaks goes on, as a repetition of it would find it under way.
  const { signal } = options;

  /** A repetition of a call that goes on without its caller waits for its end. */
  const accounts = createMutex();

  const report = async (): Promise<EngineReport> => await readiness.report(signal);

  const requireRunning = (): void => {
    if (!supervisor.engine?.accepting)
      throw new StackError('EngineNotRunning', supervisor.failure?.reason ?? 'the engine does not run');
  };

  const checkConfig = async (parameters: EngineConfig['parameters']): Promise<void> => {
    const problems = await driver.checkParameters(parameters, signal);
    if (problems.length === 0) return;
    throw new StackError('InvalidParameter', problems.map(({ name, reason }) => `${name}: ${reason}`).join('; '), {
      details: { parameters: problems },
    });
  };

  /** True where the config is new and was checked; an older one is overtaken, the same one is in force. */
  const isNewConfig = async (config: EngineConfig): Promise<boolean> => {
    const inForce = state.current.config;
    if (inForce && config.version <= inForce.version) {
      if (config.version === inForce.version && !isDeepStrictEqual({ ...config.parameters }, { ...inForce.parameters }))
        throw new StackError(
          'InvalidRequest',
          `version: ${config.version} is in force with other parameters; a change needs a higher one`,
          {
            details: { field: 'version' },
          },
        );
      return false;
    }
    await checkConfig(config.parameters);
    return true;
  };

  const takeConfig = async (config: EngineConfig): Promise<void> => {
    const ignored = Object.keys(config.parameters).filter(isStackOwned);
    if (ignored.length > 0) log.debug({ parameters: ignored }, 'parameters that the stack sets itself are left out');
    await state.update({ config });
  };

  const acceptConfig = async (config: EngineConfig): Promise<void> => {
    if (await isNewConfig(config)) await takeConfig(config);
  };

  /** Waits until the engine has read its files again. */
  const untilReloaded = async (before: Observation): Promise<Observation> => {
    const deadline = systemClock.monotonic() + RELOAD_MS;
    for (;;) {
      const now = await driver.sql.observe(signal);
      if (now.configLoadedAt !== before.configLoadedAt) return now;
      if (systemClock.monotonic() > deadline)
        throw new StackError('EngineTimeout', 'the engine did not read its configuration again');
      await systemClock.sleep(5, signal);
    }
  };

  const applyTerm = async (term: Term): Promise<void> => {
    await terms.set(term);
    if (supervisor.engine && (await driver.isStandby())) await supervisor.configure(signal);
  };

  /** A config that is refused leaves the term as it is. */
  const applyBootstrap = async ({ config, term }: Bootstrap): Promise<void> => {
    const isNew = await isNewConfig(config);
    await applyTerm(term);
    if (isNew) await takeConfig(config);
  };

  const bootstrapTask = async (id: string, bootstrap: Bootstrap) => {
    if (tasks.current?.id === id) return tasks.current;
    if (tasks.current?.state === 'running') throw new StackError('TaskRunning', `task ${tasks.current.id} is running`);
    await applyBootstrap(bootstrap);
    return tasks.start(
      id,
      bootstrap.kind,
      async (progress, taskSignal) =>
        await runBootstrap({ driver, state, supervisor }, bootstrap, progress, taskSignal),
    );
  };

  return {
    status: async (): Promise<AgentStatus> => {
      const engine = await report();
      return {
        instanceId: options.instanceId,
        agent: { version: options.version, pid: process.pid, startedAt },
        ...(terms.current ? { term: terms.current } : {}),
        ...(terms.fence === undefined ? {} : { fence: terms.fence }),
        ...(state.current.startedEpoch === undefined ? {} : { startedEpoch: state.current.startedEpoch }),
        engine,
        ...(tasks.current ? { task: tasks.current } : {}),
        observedAt: systemClock.now().toISOString(),
      };
    },
    setTerm: async (term) => {
      await applyTerm(term);
      return terms.current ?? term;
    },
    bootstrap: bootstrapTask,
    task: async (id, { waitMs = 0 } = {}, callSignal = signal) => await tasks.get(id, waitMs, callSignal),
    checkConfig,
    setConfig: async (config) => {
      await acceptConfig(config);
      const before = supervisor.engine?.accepting ? await driver.sql.observe(signal) : undefined;
      // Also where it was accepted before: that call may have ended before its files were written.
      await supervisor.configure(signal);
      if (before === undefined) return { pendingRestart: [] };
      return { pendingRestart: (await untilReloaded(before)).pendingRestart };
    },
    start: async () => {
      const limited = linkSignals([signal], START_MS);
      try {
        await supervisor.start(limited.signal);
      } catch (error) {
        // Recovery can take long: the answer then says `starting`.
        if (signal.aborted || !limited.signal.aborted) throw error;
      } finally {
        limited.end();
      }
      return await report();
    },
    stop: async ({ mode, timeoutMs }) => {
      await supervisor.stop(mode, timeoutMs);
      return await report();
    },
    reload: async () => {
      requireRunning();
      const before = await driver.sql.observe(signal);
      await supervisor.configure(signal);
      await untilReloaded(before);
      return await report();
    },
    fence: async ({ epoch, mode, timeoutMs }): Promise<FenceEvidence> => {
      // Refused first, so that nothing is started between the stop and its proof.
      await terms.setFence(epoch);
      await supervisor.stop(mode, timeoutMs);
      const found = await describeStopped({ driver, supervisor, log }, signal);
      // A term that came meanwhile has overtaken the fence, and may have started an engine.
      await terms.setFence(epoch);
      return {
        instanceId: options.instanceId,
        epoch,
        bootId: bootId(),
        ...found,
        at: systemClock.now().toISOString(),
      };
    },
    checkpoint: async () => {
      requireRunning();
      const begun = systemClock.monotonic();
      await driver.sql.checkpoint(signal);
      return { durationMs: Math.round(systemClock.monotonic() - begun) };
    },
    promote: async ({ epoch } = {}) => {
      await supervisor.promote(epoch, PROMOTE_MS, signal);
      // pg_rewind before 16 takes the timeline from the control file, which tells the old one until a checkpoint.
      driver.sql.checkpoint(signal).catch((error: unknown) => {
        log.warn({ code: toStackError(error).code }, `checkpoint after the promotion: ${toStackError(error).message}`);
      });
      return await report();
    },
    rewind: async (id) => {
      const { current } = terms;
      if (current === undefined) throw new StackError('TermMissing', 'this instance has no term yet');
      if (current.role !== 'replica')
        throw new StackError('WrongRole', 'only a replica can be rewound to its upstream');
      if (supervisor.engine) throw new StackError('EngineRunning', 'the engine runs');
      const { upstream } = current;
      return tasks.start(id, 'rewind', async (progress, taskSignal) => {
        await supervisor.whileStopped(async () => {
          const { rewinding } = state.current;
          await state.update({ rewinding: true });
          const parameters = state.current.config?.parameters ?? {};
          try {
            await driver.rewind(
              { parameters, role: 'replica', ...(upstream ? { upstream } : {}) },
              progress,
              taskSignal,
            );
          } catch (error) {
            // The upstream does not answer: nothing was changed, so the folder is as usable as it was.
            if (isStackError(error, 'EngineNotRunning')) await state.update({ rewinding });
            throw error;
          }
          await state.update({ rewinding: false, deposed: false });
        });
      });
    },
    setRoles: async (roles) => {
      requireRunning();
      await accounts.run(async () => await driver.sql.setRoles(roles, signal));
    },
    setDatabases: async (databases) => {
      requireRunning();
      await accounts.run(async () => await driver.sql.setDatabases(databases, signal));
    },
    checkDatabases: async (names) => {
      requireRunning();
      await driver.sql.checkDatabases(names, signal);
    },
    setSlots: async (slots) => {
      requireRunning();
      await driver.sql.setSlots(slots, signal);
    },
    writeCanary: async (token) => {
      requireRunning();
      return await driver.sql.writeCanary(token, signal);
    },
    readCanary: async () => {
      requireRunning();
      return { token: await driver.sql.readCanary(signal) };
    },
  };
}
