import { type ErrorCode, errorTable, type StackError } from '@polarstack/base';

/** HTTP status of the codes that callers cause or meet; the others are 500. */
const statusOf: Partial<Record<ErrorCode, number>> = {
  TokenMissing: 401,
  TokenScope: 403,
  RouteUnknown: 404,
  NotFound: 404,
  ClusterGone: 404,
  RouteMethod: 405,
  Timeout: 503,
  AlreadyExists: 409,
  Conflict: 409,
  BodyTooLarge: 413,
  BodyInvalid: 422,
  BadRequest: 400,
  Invalid: 422,
  OperationInvalid: 422,
  TooManyRequests: 429,
  TooManyStreams: 429,
  ApiUnreachable: 503,
  ServerTimeout: 503,
  Cancelled: 503,
  NotLeader: 503,
};

/** An error as RFC 9457 has it, with the words of the error table. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The path that was called. */
  readonly instance: string;
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly retry: 'never' | 'later' | 'now';
  /** Each thing that is wrong with the body. */
  readonly problems?: readonly string[];
}

export function problemOf({ code, message, remedy, retry, details }: StackError, instance: string): Problem {
  const { problems } = details;
  return {
    type: `urn:polarstack:error:${code}`,
    title: errorTable[code].summary,
    status: statusOf[code] ?? 500,
    detail: message,
    instance,
    code,
    remedy,
    retry,
    ...(Array.isArray(problems) && { problems: problems as readonly string[] }),
  };
}
