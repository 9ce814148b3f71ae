import { StackError, systemClock } from '@polarstack/base';
import type { EngineSql } from '../driver.ts';
import type { Layout } from './layout.ts';
import { observe, probe } from './observe.ts';
import { prepare, readCanary, readCatalog, setDatabases, setRoles, setSlots, writeCanary } from './provision.ts';
import { openSession, type Session } from './session.ts';

/** A probe that takes longer is a failed probe. */
const PROBE_TIMEOUT_MS = 1_000;
/** Creating a database copies files; the rest is quick. */
const WORK_TIMEOUT_MS = 60_000;
const PROMOTION_POLL_MS = 5;

/**
 * SQL work of the agent. Probes share one connection that stays open: they must work when all others are taken, and cost
 * next to nothing. Everything else opens a session of its own, so that nothing slow stands before a probe.
 */
export function createSql(layout: Layout): EngineSql {
  let kept: Session | undefined;
  let opening: Promise<Session> | undefined;
  const options = { socketDir: layout.socketDir, port: layout.port, connectTimeoutMs: PROBE_TIMEOUT_MS };

  const keep = async (): Promise<Session> => {
    if (kept && !kept.closed) return kept;
    opening ??= openSession({
      ...options,
      queryTimeoutMs: PROBE_TIMEOUT_MS,
      signal: new AbortController().signal,
    }).finally(() => {
      opening = undefined;
    });
    kept = await opening;
    return kept;
  };

  const work = async <T>(
    signal: AbortSignal,
    body: (session: Session) => Promise<T>,
    database?: string,
  ): Promise<T> => {
    const session = await openSession({ ...options, database, queryTimeoutMs: WORK_TIMEOUT_MS, signal });
    try {
      return await body(session);
    } finally {
      session.close();
    }
  };

  return {
    probe: async (signal) => {
      signal.throwIfAborted();
      return await probe(await keep());
    },
    knock: async (signal) => {
      try {
        (await openSession({ ...options, queryTimeoutMs: PROBE_TIMEOUT_MS, signal })).close();
      } catch (error) {
        // The socket's file is gone, by a clean-up: that says nothing about those who come by the network.
        if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT') throw error;
      }
    },
    observe: async (signal) => {
      signal.throwIfAborted();
      return await observe(await keep());
    },
    setRoles: async (roles, signal) => await work(signal, async (s) => await setRoles(s, roles)),
    setDatabases: async (databases, signal) => await work(signal, async (s) => await setDatabases(s, databases)),
    setSlots: async (slots, signal) => await work(signal, async (s) => await setSlots(s, slots)),
    checkDatabases: async (names, signal) => {
      for (const name of names) await work(signal, readCatalog, name);
    },
    prepare: async (slots, signal) =>
      await work(signal, async (session) => {
        await prepare(session);
        await setSlots(session, slots);
      }),
    writeCanary: async (token, signal) => await work(signal, async (s) => await writeCanary(s, token)),
    readCanary: async (signal) => await work(signal, readCanary),
    checkpoint: async (signal) => await work(signal, async (s) => void (await s.query('checkpoint'))),
    promote: async (timeoutMs, signal) =>
      await work(signal, async (session) => {
        if ((await probe(session)) === 'primary') return;
        await session.query('select pg_wal_replay_resume()');
        await session.query('select pg_promote(false)');
        const deadline = systemClock.monotonic() + timeoutMs;
        while ((await probe(session)) !== 'primary') {
          if (systemClock.monotonic() > deadline)
            throw new StackError(
              'EngineTimeout',
              `the engine is still in recovery ${timeoutMs} ms after its promotion`,
            );
          await systemClock.sleep(PROMOTION_POLL_MS, signal);
        }
      }),
    close: () => {
      kept?.close();
      kept = undefined;
    },
  };
}
