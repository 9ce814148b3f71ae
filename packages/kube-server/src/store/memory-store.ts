import { type Logger, silentLogger } from '@polarstack/base';
import { volatileLog } from './commit-log.ts';
import { createCommitter } from './committer.ts';
import { defaultHistoryLimit, type HistoryLimit } from './history.ts';
import type { ObjectStore } from './object-store.ts';
import { createView } from './view.ts';

/** A store with every property of the durable one but durability: for tests. */
export function createMemoryStore(
  options: { readonly logger?: Logger; readonly historyLimit?: HistoryLimit } = {},
): ObjectStore {
  const logger = options.logger ?? silentLogger;
  return createCommitter(createView(options.historyLimit ?? defaultHistoryLimit, logger), volatileLog, logger);
}
