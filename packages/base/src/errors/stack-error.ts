import type { ErrorEntry } from './entry.ts';
import { type ErrorCode, errorTable } from './table.ts';

export interface StackErrorOptions {
  readonly cause?: unknown;
  /** Replaces the table's remedy where the place of the error knows a better one. */
  readonly remedy?: string;
  /** Facts for programs (field paths, ids, HTTP status); never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error class of the project: a code from the table, what happened here, and what to do about it. */
export class StackError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly retry: 'never' | 'later' | 'now';
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: StackErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const entry: ErrorEntry = errorTable[code];
    this.name = 'StackError';
    this.code = code;
    this.remedy = options.remedy ?? entry.remedy;
    this.retry = entry.retry;
    this.details = options.details ?? {};
  }
}

/** True where `error` is a {@link StackError}, of the given code if one is named. */
export function isStackError(error: unknown, code?: ErrorCode): error is StackError {
  return error instanceof StackError && (code === undefined || error.code === code);
}

/** Turns whatever was thrown into a {@link StackError}; foreign errors become `Internal` with their cause kept. */
export function toStackError(error: unknown): StackError {
  if (error instanceof StackError) return error;
  if (error instanceof Error && error.name === 'AbortError') {
    return new StackError('Cancelled', error.message, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new StackError('Internal', message, { cause: error });
}
