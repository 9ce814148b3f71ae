import { type FieldError, fieldMessage } from './field-error.ts';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** The `Status` object that answers a failed request, as Kubernetes words it. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  /** Absent where a deletion succeeded, as Kubernetes leaves it out. */
  readonly code?: number;
}

export type FailureStatus = Status & { readonly code: number };

/** Ends a request with a `Status`. */
export class ApiError extends Error {
  readonly status: FailureStatus;

  constructor(status: FailureStatus) {
    super(status.message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** What a message is about: a resource in lower-case plural, or a kind where validation speaks. */
export interface Subject {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

const qualified = (name: string, group: string): string => (group === '' ? name : `${name}.${group}`);

export function failure(
  code: number,
  reason: string | undefined,
  message: string,
  details?: StatusDetails,
  metadata: Readonly<Record<string, unknown>> = {},
): ApiError {
  const base = { kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure' } as const;
  return new ApiError({
    ...base,
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(details ? { details } : {}),
    code,
  });
}

export function success(details?: StatusDetails): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    ...(details ? { details } : {}),
  };
}

const about = ({ group, plural }: Subject, name: string): StatusDetails => ({
  name,
  ...(group === '' ? {} : { group }),
  kind: plural,
});

export const errors = {
  badRequest: (message: string) => failure(400, 'BadRequest', message),
  unauthorized: () => failure(401, 'Unauthorized', 'Unauthorized'),
  forbidden: (subject: Subject, name: string, why: string) =>
    failure(
      403,
      'Forbidden',
      `${qualified(subject.plural, subject.group)}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`,
      about(subject, name),
    ),
  noSuchPath: () => failure(404, 'NotFound', 'the server could not find the requested resource', {}),
  notFound: (subject: Subject, name: string) =>
    failure(404, 'NotFound', `${qualified(subject.plural, subject.group)} "${name}" not found`, about(subject, name)),
  methodNotAllowed: (verb: string, subject: Subject & { readonly custom?: boolean }) => {
    if (subject.custom !== true) {
      return failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
    }
    return failure(
      405,
      'MethodNotAllowed',
      `${verb} is not supported on resources of kind "${qualified(subject.plural, subject.group)}"`,
      { ...(subject.group === '' ? {} : { group: subject.group }), kind: subject.plural },
    );
  },
  notAcceptable: (accepted: readonly string[]) =>
    failure(406, 'NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`),
  notThatForm: (message: string) => failure(406, 'NotAcceptable', message),
  alreadyExists: (subject: Subject, name: string) =>
    failure(
      409,
      'AlreadyExists',
      `${qualified(subject.plural, subject.group)} "${name}" already exists`,
      about(subject, name),
    ),
  conflict: (subject: Subject, name: string, why: string) =>
    failure(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${qualified(subject.plural, subject.group)} "${name}": ${why}`,
      about(subject, name),
    ),
  modified: (subject: Subject, name: string) =>
    errors.conflict(
      subject,
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    ),
  expired: (message: string) => failure(410, 'Expired', message),
  tooLarge: (limit: number) => failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`),
  /** The store's own word: Kubernetes gives no reason either, as etcd's refusals have none. */
  tooLargeObject: (message: string) => failure(500, undefined, `request is too large: ${message}`),
  tooManyOperations: (limit: number, found: number) =>
    failure(
      413,
      'RequestEntityTooLarge',
      `Request entity too large: The allowed maximum operations in a JSON patch is ${limit}, got ${found}`,
    ),
  unsupportedMediaType: (message: string) => failure(415, 'UnsupportedMediaType', message),
  unsupportedPatch: () => failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {}),
  unknownFormat: (accepted: readonly string[]) =>
    errors.unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    ),
  invalid: (subject: Pick<Subject, 'group' | 'kind'>, name: string, found: readonly FieldError[]) => {
    const messages = found.map(fieldMessage);
    const different = [...new Set(messages)];
    const text = different.length === 1 ? different[0] : `[${different.join(', ')}]`;
    return failure(422, 'Invalid', `${qualified(subject.kind, subject.group)} "${name}" is invalid: ${text}`, {
      ...(name === '' ? {} : { name }),
      ...(subject.group === '' ? {} : { group: subject.group }),
      ...(subject.kind === '' ? {} : { kind: subject.kind }),
      causes: found.map((e) => ({
        reason: e.type,
        message: fieldMessage(e).slice(e.field === '' ? 0 : e.field.length + 2),
        field: e.field,
      })),
    });
  },
  internal: (message: string) =>
    failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] }),
  unavailable: (message: string) => failure(503, 'ServiceUnavailable', message),
  /** What overload is answered with; `retryAfterSeconds` becomes the header, too. */
  tooManyRequests: () =>
    failure(429, 'TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 }),
  tooSlow: () =>
    failure(504, 'Timeout', 'the server was unable to return a response in the time allotted', {
      causes: [{ message: 'the answer took longer than the server allows' }],
    }),
  /** Kubernetes has no word for it; the code is that of WebDAV. */
  diskFull: (message: string) =>
    failure(
      507,
      'InsufficientStorage',
      `the disk that holds the state is full and the write was not made: ${message} (StateDiskFull). Free some space; writes go on by themselves as soon as there is room.`,
    ),
  tooLargeVersion: (wanted: number, current: number) =>
    failure(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    }),
};
