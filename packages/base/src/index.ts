export { type Backoff, backoffDelay } from './backoff.ts';
export { type Clock, systemClock } from './clock.ts';
export type { ErrorEntry } from './errors/entry.ts';
export { isStackError, StackError, type StackErrorOptions, toStackError } from './errors/stack-error.ts';
export { type ErrorCode, errorTable } from './errors/table.ts';
export type { Json } from './json.ts';
export { type LinkedSignal, linkSignals, withDeadline } from './link-signals.ts';
export { createLogger, type Logger, type LogOptions, silentLogger } from './log.ts';
export { type RetryOptions, retry, waitFor } from './retry.ts';
