/** The agent of one instance, without an engine: does what it is told at once and says so. */
import type { AgentApi, AgentTask, EngineConfig, EngineReport, Term } from '@polarstack/contracts';

const STARTED_AT = '2026-01-01T00:00:00Z';

export interface SimulatedAgent {
  readonly api: Partial<AgentApi>;
  readonly isRunning: () => boolean;
}

/** `onRunning` is told when its engine has come up, `onCheck` when it is asked to judge a configuration. */
export function createSimulatedAgent(pod: string, onRunning: () => void, onCheck: () => void): SimulatedAgent {
  let state: EngineReport['state'] = 'absent';
  let term: Term | undefined;
  let config: EngineConfig | undefined;
  let canary: string | undefined;
  const tasks = new Map<string, AgentTask>();

  const report = (): EngineReport => ({
    state,
    dataDir: '/data/pgdata',
    configVersion: config?.version ?? 0,
    ...(state === 'running' &&
      term && {
        role: term.role,
        pid: 4711,
        startedAt: STARTED_AT,
        version: '15.18',
        pendingRestart: [],
        lsn: '0/3000000',
        timeline: 1,
      }),
  });

  const api: Partial<AgentApi> = {
    status: async () => ({
      instanceId: pod,
      agent: { version: '1', pid: 1, startedAt: STARTED_AT },
      engine: report(),
      observedAt: new Date().toISOString(),
      ...(term && { term }),
    }),
    bootstrap: async (id, asked) => {
      const task: AgentTask = { id, kind: asked.kind, state: 'done', startedAt: STARTED_AT };
      ({ term, config } = asked);
      state = 'running';
      tasks.set(id, task);
      onRunning();
      return task;
    },
    task: async (id) => tasks.get(id) ?? { id, kind: 'initdb', state: 'failed', startedAt: STARTED_AT },
    checkConfig: async () => onCheck(),
    setConfig: async (asked) => {
      config = asked;
      return { pendingRestart: [] };
    },
    setTerm: async (asked) => {
      term = asked;
      return asked;
    },
    start: async () => report(),
    reload: async () => report(),
    checkpoint: async () => ({ durationMs: 1 }),
    writeCanary: async (token) => {
      canary = token;
      return { lsn: '0/3000000' };
    },
    readCanary: async () => ({ token: canary ?? null }),
    setRoles: async () => {},
    setDatabases: async () => {},
    checkDatabases: async () => {},
    setSlots: async () => {},
  };
  return { api, isRunning: () => state === 'running' };
}
