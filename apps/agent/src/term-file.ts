/**
 * The term file: the instance's fsynced memory of the highest epoch it has seen, and its role in it.
 *
 * Owns the file's format and the rule which term may follow which. Two slots of one block each are written in turn, in
 * place (a full disk cannot stop it, and a torn write spoils only the slot that was not in force).
 * Invariants:
 *  T1. After a crash at any byte of a write, the term read is the one before or the one being written, whole.
 *  T2. A term that was acknowledged is read after every later crash.
 *  T3. Epochs never decrease; within an epoch the role never changes.
 *  T4. After a fence nothing below its epoch is ever accepted or started again; a fence never goes down.
 */
import { createHash } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StackError } from '@polarstack/base';
import { agentRequests, type Term } from '@polarstack/contracts';
import { syncFolder } from '@polarstack/engine';
import { createMutex } from './mutex.ts';

export const SLOT_BYTES = 4096;
const MAGIC = 'polarstack-term-1';

export interface SlotContent {
  /** Grows by one with each write; the higher one is in force. */
  readonly sequence: number;
  readonly term: Term;
  /** Nothing is started in an epoch below this. */
  readonly fence?: number;
}

const digest = (sequence: number, body: string): string =>
  createHash('sha256').update(`${MAGIC} ${sequence} ${body}`).digest('hex');

export function encodeSlot({ sequence, term, fence }: SlotContent): Buffer {
  const body = JSON.stringify(fence === undefined ? term : { ...term, fence });
  const bytes = Buffer.from(`${MAGIC} ${sequence} ${digest(sequence, body)} ${body}\n`);
  if (bytes.length > SLOT_BYTES) throw new StackError('InvalidRequest', 'the term is too long for its file');
  return Buffer.concat([bytes, Buffer.alloc(SLOT_BYTES - bytes.length)]);
}

export function decodeSlot(slot: Buffer): SlotContent | undefined {
  const end = slot.indexOf('\n');
  const match = /^(\S+) (\d+) ([0-9a-f]{64}) (.*)$/.exec(slot.toString('utf8', 0, Math.max(0, end)));
  const [, magic, number, sum, body] = match ?? [];
  const sequence = Number(number);
  if (magic !== MAGIC || body === undefined || digest(sequence, body) !== sum) return undefined;
  const { fence, ...term } = JSON.parse(body) as { readonly fence?: unknown };
  return {
    sequence,
    term: agentRequests.term(term, 'term'),
    ...(typeof fence === 'number' ? { fence } : {}),
  };
}

/** The slot in force, and where the next one goes. Undefined where no slot is whole. */
export function decodeFile(file: Buffer): { readonly inForce: SlotContent; readonly next: 0 | 1 } | undefined {
  const [a, b] = [0, 1].map((index) => decodeSlot(file.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES)));
  if (a && (!b || a.sequence > b.sequence)) return { inForce: a, next: 1 };
  return b ? { inForce: b, next: 0 } : undefined;
}

/** Whether `next` may follow `current`; throws `StaleEpoch` (invariant T3). */
export function checkSuccession(current: Term | undefined, next: Term): void {
  if (current === undefined || next.epoch > current.epoch) return;
  if (next.epoch < current.epoch) {
    throw new StackError('StaleEpoch', `epoch ${next.epoch} is below ${current.epoch}, which this instance has seen`, {
      details: { epoch: current.epoch },
    });
  }
  if (next.role !== current.role) {
    throw new StackError(
      'StaleEpoch',
      `in epoch ${current.epoch} this instance is ${current.role}; another role needs a higher epoch`,
      { details: { epoch: current.epoch } },
    );
  }
}

/** Refuses what a fence has overtaken (invariant T4). */
function checkFence(fence: number | undefined, epoch: number): void {
  if (fence === undefined || epoch >= fence) return;
  throw new StackError('StaleEpoch', `epoch ${epoch} is below ${fence}, for which this instance was fenced`, {
    details: { epoch: fence },
  });
}

export interface TermFile {
  /** The term in force; undefined for a new member, which has none. */
  readonly current: Term | undefined;
  /** The epoch below which nothing may be started; undefined where nobody has fenced this instance. */
  readonly fence: number | undefined;
  /** Whether the term in force may be started. */
  readonly mayStart: boolean;
  /** Makes a term the one in force, durably, before it resolves. The same one again is fine. */
  set(term: Term): Promise<Term>;
  /**
   * From now on, durably, nothing is started in an epoch below `epoch`. Throws `StaleEpoch` where the term is of that epoch or a
   * higher one already, `TermMissing` where there is none.
   */
  setFence(epoch: number): Promise<void>;
}

const sameTerm = (a: Term, b: Term): boolean => {
  const flat = ({ epoch, role, upstream: u }: Term) =>
    JSON.stringify([epoch, role, u && [u.instanceId, u.host, u.port, u.serverName, u.slot]]);
  return flat(a) === flat(b);
};

/** Opens the term file at `path`; throws `TermFileCorrupt` where a file is there but no slot of it is whole. */
export async function openTermFile(path: string): Promise<TermFile> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  let state = content && decodeFile(content);
  if (content && !state) throw new StackError('TermFileCorrupt', `neither slot of ${path} is whole`);
  const mutex = createMutex();

  // Made under another name, so that a half made file never counts as the term file.
  const create = async (slot: Buffer): Promise<void> => {
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(Buffer.concat([slot, Buffer.alloc(SLOT_BYTES)]));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(dirname(path));
  };
  const overwrite = async (slot: Buffer, index: 0 | 1): Promise<void> => {
    const file = await open(path, 'r+');
    try {
      await file.write(slot, 0, SLOT_BYTES, index * SLOT_BYTES);
      await file.datasync();
    } finally {
      await file.close();
    }
  };

  const write = async (content: Omit<SlotContent, 'sequence'>): Promise<void> => {
    const inForce = { sequence: (state?.inForce.sequence ?? 0) + 1, ...content };
    const slot = encodeSlot(inForce);
    if (state) await overwrite(slot, state.next);
    else await create(slot);
    state = { inForce, next: state?.next === 1 ? 0 : 1 };
  };

  return {
    get current() {
      return state?.inForce.term;
    },
    get fence() {
      return state?.inForce.fence;
    },
    get mayStart() {
      return state !== undefined && state.inForce.term.epoch >= (state.inForce.fence ?? 0);
    },
    set: async (term) =>
      await mutex.run(async () => {
        const { fence, term: current } = state?.inForce ?? {};
        checkFence(fence, term.epoch);
        checkSuccession(current, term);
        if (current && sameTerm(current, term)) return term;
        await write({ term, ...(fence === undefined ? {} : { fence }) });
        return term;
      }),
    setFence: async (epoch) =>
      await mutex.run(async () => {
        if (state === undefined) throw new StackError('TermMissing', 'this instance has no term yet');
        const { term, fence } = state.inForce;
        checkFence(fence, epoch);
        if (epoch <= term.epoch) {
          throw new StackError(
            'StaleEpoch',
            `this instance has a term of epoch ${term.epoch}: ${epoch} fences nothing`,
            {
              details: { epoch: term.epoch },
            },
          );
        }
        if (fence !== epoch) await write({ term, fence: epoch });
      }),
  };
}
