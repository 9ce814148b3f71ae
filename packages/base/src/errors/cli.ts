import { entries } from './entry.ts';

export const cliErrors = entries({
  Usage: {
    summary: 'The command line cannot be understood.',
    remedy: 'See --help of the command.',
    retry: 'never',
    exit: 2,
  },
  ManifestInvalid: {
    summary: 'A file that describes clusters cannot be read.',
    remedy: 'Correct the file as the message says; the folder examples/ holds files to start from.',
    retry: 'never',
    exit: 2,
  },
  PsqlMissing: {
    summary: 'The program psql was not found.',
    remedy:
      'Install the client programs of PostgreSQL (Debian: apt-get install postgresql-client), or set POLARSTACK_PG_BIN.',
    retry: 'later',
    exit: 3,
  },
  EndpointMissing: {
    summary: 'The cluster has no such endpoint, or not yet.',
    remedy: 'See `polarstack status` for what the cluster offers; a cluster without ROs has no read-only endpoint.',
    retry: 'later',
    exit: 6,
  },
  OperationRefused: {
    summary: 'An operation was refused before its first step; nothing was changed.',
    remedy: 'Mend what the message names, then ask again.',
    retry: 'later',
    exit: 10,
  },
  OperationInterrupted: {
    summary: 'An operation stopped at a step and needs a person.',
    remedy: 'Mend what the message names, then `polarstack operation resume NAME`.',
    retry: 'later',
    exit: 11,
  },
  OperationCancelled: {
    summary: 'An operation was cancelled.',
    remedy: 'Ask again when it is wanted.',
    retry: 'never',
    exit: 12,
  },
  OperationUnfinished: {
    summary: 'An operation has not ended in the time that was given for waiting; it goes on.',
    remedy: '`polarstack operation show NAME -w` waits on; `polarstack why CLUSTER` says what it waits for.',
    retry: 'later',
    exit: 6,
  },
  Detached: {
    summary: 'The waiting for an operation was ended by Ctrl-C; the operation goes on.',
    remedy: '`polarstack operation show NAME -w` waits on; `polarstack operation cancel NAME` ends it.',
    retry: 'never',
    exit: 130,
  },
  OperationFailed: {
    summary: 'An operation on the cluster failed.',
    remedy: 'See `polarstack operations` and `polarstack events` for what happened.',
    retry: 'later',
  },
});
