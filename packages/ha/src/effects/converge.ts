/** What is seen to while no switch stands: members that have missed a decision, or whose primary has another address. */
import { isStackError } from '@polarstack/base';
import type { AgentStatus } from '@polarstack/contracts';
import type { HaRecord } from '../record/record.ts';
import { statusOf } from '../switch/look.ts';
import { type EffectContext, lookAt } from './context.ts';
import { bringBack, follow, standsStill } from './follow.ts';

/** What one look did, in words for the log; and what is not well with a member, by instance id. */
export interface Convergence {
  readonly done: readonly string[];
  readonly left: Readonly<Record<string, string>>;
}

/**
 * Whether a member has to be brought back: it missed an epoch, or was proven dead for this one and has not come back since. One that
 * came back and stands still now was stopped by somebody (F4).
 */
const isBehind = (record: HaRecord, { term, fence, startedEpoch, engine }: AgentStatus): boolean =>
  term !== undefined &&
  (term.epoch < record.epoch || (fence === record.epoch && startedEpoch !== record.epoch && standsStill(engine)));

export async function converge(record: HaRecord, context: EffectContext): Promise<Convergence> {
  const { ports, signal } = context;
  const look = await lookAt(Object.keys(record.members), context);
  const done: string[] = [];
  const left: Record<string, string> = {};
  const see = async (id: string): Promise<void> => {
    const status = statusOf(look, id);
    // A member without a term is the operator's: it is being made.
    if (status?.term === undefined) return;
    const { term } = status;
    if (id === record.primary) {
      // Nobody is made primary here; one that goes on as such is told the epoch.
      if (term.role !== 'primary' || term.epoch >= record.epoch) return;
      await ports.agent(id).setTerm({ epoch: record.epoch, role: 'primary' }, signal);
      done.push(`${id} goes on as primary in epoch ${record.epoch}`);
    } else if (isBehind(record, status)) {
      const why = await bringBack(record, id, context);
      if (why === undefined) done.push(`${id} follows ${record.primary} in epoch ${record.epoch}`);
      else left[id] = why;
    } else if (term.role === 'replica' && term.epoch === record.epoch) {
      const host = addressOf(record, id, context);
      if (host === undefined || host === term.upstream?.host) return;
      await follow(record, id, ports, signal);
      done.push(`${id} was told the address of its primary, ${host}`);
    }
  };
  await Promise.all(
    Object.keys(record.members).map(async (id) => {
      try {
        await see(id);
      } catch (error) {
        signal.throwIfAborted();
        if (!isStackError(error)) throw error;
        left[id] = error.message;
      }
    }),
  );
  return { done, left };
}

function addressOf(record: HaRecord, id: string, { ports }: EffectContext): string | undefined {
  try {
    return ports.upstream(record.primary, id).host;
  } catch (error) {
    if (isStackError(error)) return undefined;
    throw error;
  }
}
