import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, StackError } from '@polarstack/base';
import { createPostgresDriver, findBinaries, type Layout } from '@polarstack/engine';
import { createAgent } from './agent.ts';
import type { AgentConfig } from './config.ts';
import { readCertificates, watchCertificates } from './http/certificates.ts';
import { createAgentServer } from './http/server.ts';
import { createDiskWatch } from './pulses/disk-watch.ts';
import { createPulses } from './pulses/pulses.ts';
import { createReadiness } from './readiness.ts';
import { guardRole } from './role-guard.ts';
import { openStateFile } from './state-file.ts';
import { createSupervisor } from './supervisor.ts';
import { createTasks } from './tasks.ts';
import { openTermFile } from './term-file.ts';

export interface RunOptions {
  readonly config: AgentConfig;
  readonly version: string;
  readonly log: Logger;
  /** The pod stops: the engine is stopped too. */
  readonly signal: AbortSignal;
}

/** Below the 30 s that a pod has by default: what is left is for the immediate stop. */
const SHUTDOWN_MS = 20_000;

/** Runs the agent until the signal; then stops the engine and resolves. */
export async function runAgent({ config, version, log, signal }: RunOptions): Promise<void> {
  for (const folder of [config.workDir, config.runDir]) {
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: Error) => {
      throw new StackError('DataFolderUnusable', `${folder}: ${error.message}`, { cause: error });
    });
  }
  const layout: Layout = {
    dataDir: config.dataDir,
    workDir: config.workDir,
    socketDir: config.runDir,
    listenAddress: config.podIP,
    port: config.enginePort,
    instanceId: config.instanceId,
    clusterName: config.pod,
    osUser: config.osUser,
    tls: config.tls,
    replicator: config.replicator,
    env: config.engineEnv,
  };
  const [binaries, terms, state, certificates] = await Promise.all([
    findBinaries(config.engineBin, config.engineEnv, signal),
    openTermFile(join(config.workDir, 'term')),
    openStateFile(join(config.workDir, 'state.json')),
    readCertificates(config.tls),
  ]);
  const driver = createPostgresDriver(layout, binaries);
  const life = new AbortController();
  const supervisor = createSupervisor({
    ...{ driver, terms, state, log, signal: life.signal },
    isHeard: () => pulses.isHeard,
  });
  const memoryFile = join(config.workDir, 'caught-up');
  const readiness = createReadiness({ driver, terms, state, supervisor, memoryFile });
  const tasks = createTasks({ log, signal });
  const disk = createDiskWatch({ file: join(config.workDir, 'disk'), cwd: config.workDir, env: config.engineEnv });
  const pulses = createPulses({ instanceId: config.instanceId, driver, terms, state, supervisor, tasks, disk, log });
  const api = createAgent({
    instanceId: config.instanceId,
    version,
    driver,
    terms,
    state,
    supervisor,
    readiness,
    tasks,
    log,
    signal: life.signal,
  });
  const server = createAgentServer({ api, readiness, pulses, certificates, log, signal: life.signal });
  await supervisor.adopt();
  const looking = [supervisor.run(), guardRole({ driver, terms, state, supervisor, tasks, log, signal: life.signal })];
  try {
    await server.listen(config.podIP, config.agentPort);
    log.info({ engine: binaries.version, address: `${config.podIP}:${config.agentPort}` }, 'agent ready');
    const watching = watchCertificates(
      config.tls,
      certificates,
      (now) => {
        server.useCertificates(now);
        supervisor.engine?.process.reload();
      },
      { log, signal },
    );
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await watching;
    await supervisor.shutdown(SHUTDOWN_MS);
  } finally {
    life.abort();
    await Promise.all([...looking, server.close(), pulses.close()]);
  }
}
