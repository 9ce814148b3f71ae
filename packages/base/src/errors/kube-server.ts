import { entries } from './entry.ts';

export const kubeServerErrors = entries({
  Gone: {
    summary: 'The watch asked for changes that are no longer kept.',
    remedy: 'List again and watch from the revision of that list.',
    retry: 'now',
  },
  StateLocked: {
    summary: 'Another process has the state open.',
    remedy: 'Stop that process (`polarstack down`), or use it instead of starting a second one.',
    retry: 'later',
  },
  StateFolderUnusable: {
    summary: 'The folder of the state cannot be used.',
    remedy: 'Make it a folder that this user may read and write, or set POLARSTACK_HOME to one.',
    retry: 'never',
  },
  StateLogCorrupt: {
    summary: 'A file of the state is damaged in a place where no crash can have done it.',
    remedy: 'Run `polarstack doctor --repair`: it saves what is readable into a copy and reports what is lost.',
    retry: 'never',
  },
  StateFormatTooNew: {
    summary: 'The state was written by a newer version of PolarDB Stack.',
    remedy: 'Start it with that version or a later one.',
    retry: 'never',
  },
  StateDiskFull: {
    summary: 'The disk that holds the state is full; the write was not made.',
    remedy: 'Free some space; writes go on by themselves as soon as there is room.',
    retry: 'later',
  },
  StateWriteFailed: {
    summary: 'The disk refused to store the state; the write was not made.',
    remedy: 'Look at the disk and its file system (kernel log); writes go on when it works again.',
    retry: 'later',
  },
  StateObjectTooLarge: {
    summary: 'An object is larger than the state can hold.',
    remedy: 'Make it smaller; large data belongs into a volume.',
    retry: 'never',
  },
  AuditPolicyInvalid: {
    summary: 'The policy of the audit log cannot be used.',
    remedy:
      'Correct what the message names, or remove the file: writes, commands and reads of Secrets are logged then.',
    retry: 'never',
    exit: 2,
  },
  StateClosed: {
    summary: 'The state is closed because the process is ending.',
    remedy: 'Send the request again when the server is back.',
    retry: 'later',
  },
});
