import { entries } from './entry.ts';

/** What can stand in the way of a local home: the machine, its folder, its programs and its addresses. */
export const localErrors = entries({
  UnsupportedPlatform: {
    summary: 'A local home needs Linux.',
    remedy: 'Run it on a Linux machine, in a Linux virtual machine or in WSL 2.',
    retry: 'never',
    exit: 3,
  },
  HomeNotOurs: {
    summary: 'The data folder holds something else, or belongs to another user.',
    remedy: 'Set POLARSTACK_HOME to an empty folder or to one that `polarstack up` made as this user.',
    retry: 'never',
    exit: 4,
  },
  HomeNotWritable: {
    summary: 'The data folder cannot be written.',
    remedy: 'Set POLARSTACK_HOME to a folder that this user may write, or give it to this user with chown.',
    retry: 'later',
    exit: 4,
  },
  HomeNotReachable: {
    summary: 'The system user that runs the databases cannot enter the data folder.',
    remedy: 'Choose a POLARSTACK_HOME all of whose parent folders are open to others (chmod o+x).',
    retry: 'never',
    exit: 4,
  },
  HomeTooNew: {
    summary: 'The data folder was written by a newer version of PolarDB Stack.',
    remedy: 'Use that version, or another data folder. Nothing was changed.',
    retry: 'never',
    exit: 4,
  },
  HomeDamaged: {
    summary: 'A file that describes the data folder cannot be read.',
    remedy: 'Run `polarstack doctor` to see which file, and restore it from a copy.',
    retry: 'never',
    exit: 4,
  },
  HomeMissing: {
    summary: 'There is no local home here.',
    remedy: 'Run `polarstack up`, or name the folder with --home or POLARSTACK_HOME.',
    retry: 'never',
    exit: 4,
  },
  HomeBusy: {
    summary: 'Another command is changing this home.',
    remedy: 'Wait until it has ended, then run the command again.',
    retry: 'later',
    exit: 5,
  },
  PostgresMissing: {
    summary: 'No complete set of PostgreSQL server programs (13 or later) was found.',
    remedy: 'Install them with the command shown, or set POLARSTACK_PG_BIN to the folder that holds them.',
    retry: 'later',
    exit: 3,
  },
  PostgresInstallFailed: {
    summary: 'The packages of PostgreSQL could not be installed.',
    remedy: 'Install them by hand and run `polarstack up` again.',
    retry: 'later',
    exit: 3,
  },
  ProgramMissing: {
    summary: 'A program of the operating system that is needed was not found.',
    remedy: 'Install it with the command that the message names.',
    retry: 'later',
    exit: 3,
  },
  SystemUserMissing: {
    summary: 'The system user that runs the databases could not be made.',
    remedy: 'Make it with `useradd --system --no-create-home --shell /usr/sbin/nologin polarstack`.',
    retry: 'later',
    exit: 3,
  },
  AddressInUse: {
    summary: 'An address that this home needs is taken by another program.',
    remedy: 'Stop the program that the message names, then run `polarstack up` again.',
    retry: 'later',
    exit: 5,
  },
  ClockSetBack: {
    summary: "The clock of this machine is before the time the home's certificates begin.",
    remedy: 'Set the clock (for example with `timedatectl set-ntp true`) and run `polarstack up` again.',
    retry: 'later',
    exit: 3,
  },
  ControlFailed: {
    summary: 'The control process ended before it was ready.',
    remedy: 'Read logs/control.log in the data folder; `polarstack doctor` checks the rest.',
    retry: 'later',
  },
  ControlStopped: {
    summary: 'The control process is stopped, as by SIGSTOP or a debugger: it lives and answers nothing.',
    remedy: 'Let it go on with `kill -CONT <pid>`, or end everything with `polarstack down`.',
    retry: 'later',
    exit: 5,
  },
  ClusterNotReady: {
    summary: 'The home runs, but a cluster did not become ready in time.',
    remedy: 'See `polarstack status` and `polarstack events`; the work goes on in the background.',
    retry: 'later',
    exit: 6,
  },
  ProcessesLeft: {
    summary: 'Processes of this home are still alive after they were told to end.',
    remedy: 'Run `polarstack down` again; where that does not help, end the processes that the message names.',
    retry: 'later',
  },
  ConfirmationNeeded: {
    summary: 'This removes data, and nobody was there to confirm it.',
    remedy: 'Add --yes if you mean it.',
    retry: 'never',
    exit: 2,
  },
  UnhealthyMachine: {
    summary: 'A check of `polarstack doctor` failed.',
    remedy: 'Run the command shown beside each failed check.',
    retry: 'later',
    exit: 1,
  },
});
