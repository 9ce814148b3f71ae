import { type ErrorCode, errorTable, isStackError } from '@polarstack/base';
import type { Fault } from '@polarstack/domain';

/** What a person is told of something that is lost: with what helps. */
export const fault = (reason: ErrorCode, what: string): Fault => ({
  reason,
  message: `${what}. ${errorTable[reason].remedy}`,
});

/** The fault that an error means to a person; undefined where it may pass by itself. */
export const faultOf = (error: unknown): Fault | undefined =>
  isStackError(error, 'NameTaken') ? fault('NameTaken', error.message) : undefined;
