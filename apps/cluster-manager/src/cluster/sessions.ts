/**
 * The pulses of one cluster's agents: a stream to each member, held for as long as it is a member.
 *
 * Invariants (tests cite them):
 * - P1 A member's pulse is the newest that its agent sent; when it was received is by this process's monotonic clock.
 * - P2 A stream that breaks is opened again by itself, sooner where the member's address has changed.
 * - P3 Nothing of a member that is none any more is kept.
 */
import { type Backoff, backoffDelay, type Clock, type Logger, linkSignals, toStackError } from '@polarstack/base';
import type { AgentPulse, PulseSource } from '@polarstack/contracts';
import type { SeenPulse } from '@polarstack/ha';

export interface SessionsOptions {
  /** The stream of a member's agent; `watch` throws `AgentUnreachable` where there is none. */
  readonly source: (instanceId: string) => PulseSource;
  readonly clock: Clock;
  readonly log: Logger;
  /** A pulse said something new: its engine, term or probes are not as before. */
  readonly onNews: () => void;
  readonly signal: AbortSignal;
}

export interface Sessions {
  /** Holds streams to exactly these members. */
  keep(instanceIds: readonly string[]): void;
  /** By instance id, the newest pulse of each member that was heard. */
  readonly pulses: ReadonlyMap<string, SeenPulse>;
  /** Something of the members' addresses has changed: broken streams are opened again at once. */
  retryNow(): void;
  /** Resolves when every stream has ended, after the signal. */
  readonly ended: Promise<void>;
}

/** Short at first: an agent that was restarted by its keeper is back within a few hundred milliseconds. */
const again: Backoff = { baseMs: 100, maxMs: 2_000 };

export function createSessions({ source, clock, log, onNews, signal }: SessionsOptions): Sessions {
  const pulses = new Map<string, SeenPulse>();
  const open = new Map<string, AbortController>();
  const running = new Set<Promise<void>>();
  let wake = new AbortController();

  const receive = (id: string, pulse: AgentPulse): void => {
    const before = pulses.get(id)?.pulse;
    pulses.set(id, { pulse, receivedAt: clock.monotonic() });
    if (before === undefined || newsOf(before) !== newsOf(pulse)) onNews();
  };

  const hold = async (id: string, gone: AbortSignal): Promise<void> => {
    for (let failures = 0; !gone.aborted; ) {
      try {
        await source(id).watch((pulse) => {
          failures = 0;
          if (!gone.aborted) receive(id, pulse);
        }, gone);
      } catch (error) {
        if (gone.aborted) return;
        const { code, message } = toStackError(error);
        const fields = { instance: id, code, ...(code === 'Internal' ? { err: error } : {}) };
        if (failures === 0) log.info(fields, `its pulses cannot be heard: ${message}`);
      }
      const either = linkSignals([gone, wake.signal]);
      await clock.sleep(backoffDelay(again, failures++), either.signal).catch(() => undefined);
      either.end();
    }
  };

  return {
    pulses,
    keep: (instanceIds) => {
      for (const [id, end] of open) {
        if (instanceIds.includes(id)) continue;
        end.abort();
        open.delete(id);
        pulses.delete(id);
      }
      for (const id of instanceIds) {
        if (open.has(id) || signal.aborted) continue;
        const end = new AbortController();
        open.set(id, end);
        const both = linkSignals([signal, end.signal]);
        const held = hold(id, both.signal).finally(() => {
          both.end();
          running.delete(held);
        });
        running.add(held);
      }
    },
    retryNow: () => {
      wake.abort();
      wake = new AbortController();
    },
    get ended() {
      return Promise.all(running).then(() => undefined);
    },
  };
}

/** What of a pulse is worth a decision; positions change with every write and are not. */
const newsOf = ({ agentStartedAt, term, fence, engine, probes, task }: AgentPulse): string =>
  JSON.stringify([
    agentStartedAt,
    term?.epoch,
    term?.role,
    fence,
    engine.state,
    engine.role,
    engine.died?.count,
    engine.streaming,
    Object.entries(probes).map(([name, probe]) => [name, probe?.ok]),
    task?.id,
  ]);
