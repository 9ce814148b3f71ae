import type { ErrorCode } from '@polarstack/base';

/** One reason why a spec cannot be carried out. */
export interface Problem {
  readonly code: ErrorCode;
  /** The field, e.g. `spec.classInfo.className`. */
  readonly path: string;
  /** What is wrong, with the value. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}
