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
  OperationFailed: {
    summary: 'An operation on the cluster failed.',
    remedy: 'See `polarstack operations` and `polarstack events` for what happened.',
    retry: 'later',
  },
});
