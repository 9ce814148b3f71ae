import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Logger, StackError, toStackError } from '@polarstack/base';
import { encodeRecord, maxFrameRecords, maxObjectBytes, maxRecordBytes } from './codec.ts';
import type { CommitLog } from './commit-log.ts';
import type { Decision, ObjectStore, StoredObject } from './object-store.ts';
import type { Change, View } from './view.ts';

/** Frames are closed beyond this size, so that one slow batch does not hold up the next for long. */
const frameBytes = 4 * 1024 * 1024;

interface Outcome {
  readonly succeed: () => void;
  readonly fail: (error: StackError) => void;
}

/** An accepted write on its way to the disk, and everybody whose answer depends on it. */
interface Pending {
  readonly change: Change;
  readonly record: Buffer;
  readonly outcomes: Outcome[];
}

/**
 * Runs transactions: decides on the newest accepted state, gathers what was decided into batches, and makes a batch
 * visible when the log says that it is durable. Group commit: while one batch is being fsynced the next one gathers.
 *
 * - M1 `accepted` holds, for every key with writes on their way, the newest of them; decisions are made on it. (S2)
 * - M2 Nothing leaves before it is durable, not even by hint: an answer that was decided on a state which is still on
 *   its way (a `keep`, an error such as "exists already") waits for that state's batch and fails with it. (S1)
 * - M3 When a batch fails, everything accepted since fails with it, because it may have been decided on what failed.
 *   The revisions it had taken are not given out again. (S3, S5)
 */
export function createCommitter(view: View, log: CommitLog, logger: Logger): ObjectStore {
  const accepted = new Map<string, Pending>();
  let queue: Pending[] = [];
  let lastRevision = view.revision;
  let running: Promise<void> | undefined;
  let deciding = false;
  let closing: Promise<void> | undefined;

  const takeBatch = (): Pending[] => {
    let bytes = 0;
    let count = 0;
    while (count < queue.length && count < maxFrameRecords) {
      bytes += (queue[count] as Pending).record.length;
      if (count > 0 && bytes > frameBytes) break;
      count++;
    }
    const batch = queue.slice(0, count);
    queue = queue.slice(count);
    return batch;
  };

  const commit = async (batch: readonly Pending[]): Promise<void> => {
    const first = (batch[0] as Pending).change.revision;
    try {
      await log.append(
        batch.map(({ record }) => record),
        first,
      );
    } catch (error) {
      const failure = toStackError(error);
      const failed = [...batch, ...queue];
      queue = [];
      accepted.clear();
      logger.error({ err: error, code: failure.code, transactions: failed.length }, 'writing the state failed');
      for (const { outcomes } of failed) for (const outcome of outcomes) outcome.fail(failure);
      return;
    }
    for (const pending of batch) if (accepted.get(pending.change.key) === pending) accepted.delete(pending.change.key);
    view.apply(
      batch.map(({ change }) => change),
      first + batch.length - 1,
    );
    for (const { outcomes } of batch) for (const outcome of outcomes) outcome.succeed();
    await log.checkpoint(view.revision, () => view.list(''));
  };

  const run = async (): Promise<void> => {
    // One turn of the event loop lets whoever is ready join the first batch, and those just answered join the next.
    for (await nextTurn(); queue.length > 0; await nextTurn()) await commit(takeBatch());
    running = undefined;
  };

  const accept = (key: string, current: StoredObject | undefined, decision: Exclude<Decision, { type: 'keep' }>) => {
    if (decision.type === 'delete' && !current) {
      throw new StackError('Internal', `a transaction deletes ${key}, which is not there`);
    }
    const revision = lastRevision + 1;
    const metadata = { ...(decision.object.metadata as object), resourceVersion: String(revision) };
    const object = { ...decision.object, metadata } as unknown as StoredObject;
    const record = encodeRecord(decision.type, key, revision, JSON.stringify(object));
    const limit = decision.type === 'put' ? maxObjectBytes : maxRecordBytes;
    if (record.length > limit) {
      throw new StackError('StateObjectTooLarge', `${key} takes ${record.length} bytes; the limit is ${limit}`);
    }
    lastRevision = revision;
    const change: Change = { op: decision.type, key, revision, object, bytes: record.length };
    const pending: Pending = { change, record, outcomes: [] };
    accepted.set(key, pending);
    queue.push(pending);
    running ??= run();
    return pending;
  };

  const transact: ObjectStore['transact'] = (key, decide) =>
    new Promise((resolve, reject) => {
      if (closing) throw new StackError('StateClosed', 'the store is closed');
      // A decision inside a decision would be made on a state that the outer one is about to replace.
      if (deciding) throw new StackError('Internal', 'a transaction was started inside the decision of another');
      assertKey(key);
      const before = accepted.get(key);
      const current = before ? (before.change.op === 'put' ? before.change.object : undefined) : view.get(key);
      try {
        deciding = true;
        const decision = decide(current);
        if (decision.type === 'keep') settle(before, () => resolve(current), reject);
        else {
          const pending = accept(key, current, decision);
          pending.outcomes.push({ succeed: () => resolve(pending.change.object), fail: reject });
        }
      } catch (error) {
        settle(before, () => reject(error), reject);
      } finally {
        deciding = false;
      }
    });

  return {
    get revision() {
      return view.revision;
    },
    get oldestRevision() {
      return view.oldestRevision;
    },
    get: (key) => view.get(key),
    list: (prefix) => view.list(prefix),
    subscribe: (prefix, fromRevision, listener) => view.subscribe(prefix, fromRevision, listener),
    transact,
    close() {
      closing ??= (async () => {
        await running;
        view.close();
        await log.close();
      })();
      return closing;
    },
  };
}

/** Gives an answer now when it rests on durable state, and otherwise (M2) with the write it rests on. */
function settle(before: Pending | undefined, succeed: () => void, fail: (error: StackError) => void): void {
  if (before) before.outcomes.push({ succeed, fail });
  else succeed();
}

function assertKey(key: string): void {
  // Lone surrogates have no UTF-8 form: two such keys could be one after a restart.
  if (key === '' || key.length > 16_000 || /\p{Surrogate}/u.test(key)) {
    throw new StackError('Internal', `not a key of the store: ${JSON.stringify(key.slice(0, 200))}`);
  }
}
