import { type ErrorCode, errorTable, isStackError, StackError } from '@polarstack/base';
import type { Fault } from '@polarstack/domain';

/** Carries out what may fail without keeping anything else from being done; what is a fault is noted. */
export type Attempt = (what: () => Promise<void>) => Promise<void>;

/** What a person is told of something that is lost: with what helps. */
export const fault = (reason: ErrorCode, what: string, remedy: string = errorTable[reason].remedy): Fault => ({
  reason,
  message: `${what}. ${remedy}`,
});

const faults = [
  'NameTaken',
  'SecretMissing',
  'AuthorityMissing',
  'DataMissing',
  'HaRecordInvalid',
  'HaRecordNewer',
  'HaRecordMissing',
] as const;

/** The fault that an error means to a person; undefined where it may pass by itself. */
export function faultOf(error: unknown): Fault | undefined {
  if (!(error instanceof StackError)) return undefined;
  const reason = faults.find((code) => isStackError(error, code));
  return reason && fault(reason, error.message, error.remedy);
}
