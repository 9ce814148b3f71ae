import { type ErrorCode, StackError } from '@polarstack/base';

/** The part of a Kubernetes `Status` that says what went wrong. */
interface StatusBody {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number; readonly causes?: readonly { readonly reason?: string }[] };
}

/** Reasons win over HTTP codes: 409 is both AlreadyExists and Conflict. */
const byReason: Readonly<Record<string, ErrorCode>> = {
  NotFound: 'NotFound',
  AlreadyExists: 'AlreadyExists',
  Conflict: 'Conflict',
  Invalid: 'Invalid',
  BadRequest: 'BadRequest',
  Unauthorized: 'Unauthorized',
  Forbidden: 'Forbidden',
  MethodNotAllowed: 'MethodNotAllowed',
  Expired: 'Gone',
  Gone: 'Gone',
  TooManyRequests: 'TooManyRequests',
  ServerTimeout: 'ServerTimeout',
  Timeout: 'ServerTimeout',
};

const byCode: Readonly<Record<number, ErrorCode>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Gone',
  415: 'BadRequest',
  422: 'Invalid',
  429: 'TooManyRequests',
  504: 'ServerTimeout',
};

function isStatus(value: unknown): value is StatusBody {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
}

function parseStatus(body: string): StatusBody | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isStatus(value) ? value : undefined;
  } catch {
    // A proxy in between answers in HTML or plain text: the text is the message then.
    return undefined;
  }
}

/** The error for a `Status` object, as watches carry it in ERROR events. */
export function errorFromStatus(status: unknown, what: string, retryAfterSeconds?: number): StackError {
  const body: StatusBody = isStatus(status) ? status : {};
  // The server went back in time (restored, or another one): as with a version that is too old, only a list helps.
  const isTooNew = body.details?.causes?.some(({ reason }) => reason === 'ResourceVersionTooLarge') === true;
  const code = isTooNew ? 'Gone' : (byReason[body.reason ?? ''] ?? byCode[body.code ?? 0] ?? 'ApiError');
  const pause = retryAfterSeconds ?? body.details?.retryAfterSeconds;
  return new StackError(code, body.message ?? `${what}: the API server reported an error without a message`, {
    details: { status, httpStatus: body.code, ...(pause === undefined ? {} : { retryAfterSeconds: pause }) },
  });
}

/** `Retry-After` in seconds, whether it came as a number or as a date; undefined where there is none to understand. */
export function retryAfterSeconds(header: string | undefined, now: Date = new Date()): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now.getTime()) / 1000);
}

/** The error for an HTTP answer that is not a success. `what` names the request (`GET /api/v1/pods`). */
export function errorFromResponse(httpStatus: number, body: string, what: string, retryAfter?: string): StackError {
  const pause = retryAfterSeconds(retryAfter);
  const status = parseStatus(body);
  if (status !== undefined) return errorFromStatus({ code: httpStatus, ...status }, what, pause);
  const text = body.trim().slice(0, 200);
  return new StackError(
    byCode[httpStatus] ?? 'ApiError',
    `${what}: HTTP ${httpStatus}${text === '' ? '' : `: ${text}`}`,
    { details: { httpStatus, ...(pause === undefined ? {} : { retryAfterSeconds: pause }) } },
  );
}

const tlsCodes = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? errorCode(error.cause) : undefined;
}

/** The error for a request that got no whole answer: refused, reset, timed out, or not trusted. */
export function errorFromTransport(error: unknown, server: string, what: string): StackError {
  if (error instanceof StackError) return error;
  const code = errorCode(error);
  const message = error instanceof Error && error.message !== '' ? error.message : String(code ?? error);
  if (code === 'ANSWER_TIMEOUT') {
    return new StackError('ServerTimeout', `${what}: ${server} did not answer in time`, { cause: error });
  }
  if (code !== undefined && (tlsCodes.has(code) || code.startsWith('ERR_SSL') || code.startsWith('ERR_OSSL'))) {
    return new StackError('ApiUnreachable', `${what}: no trusted connection to ${server}: ${message}`, {
      cause: error,
      remedy: 'The kubeconfig and the server do not belong together: take the kubeconfig of this very server.',
    });
  }
  return new StackError('ApiUnreachable', `${what}: cannot reach ${server}: ${message}`, { cause: error });
}
