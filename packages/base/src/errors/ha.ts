import { entries } from './entry.ts';

/** The cluster manager: who is primary, and how that changes. */
export const haErrors = entries({
  HaRecordInvalid: {
    summary: 'The record of who is primary (ConfigMap <cluster>-cmconfig) cannot be read.',
    remedy:
      'Restore the ConfigMap that the message names, or delete it: it is made anew from what every instance of the cluster remembers.',
    retry: 'later',
  },
  HaRecordNewer: {
    summary: 'The record of who is primary was written by a newer version of the stack.',
    remedy: 'Run the newer version again: an older one must not decide by a record that it cannot read in full.',
    retry: 'never',
  },
  HaRecordMissing: {
    summary: 'The record of who is primary is gone, and cannot be made anew yet.',
    remedy: 'It is made by itself as soon as the agents of all instances answer; see to it that their pods run.',
    retry: 'later',
  },
  SwitchRunning: {
    summary: 'Another switch of the primary is under way or asked for.',
    remedy: 'Wait for its end, then ask again.',
    retry: 'later',
  },
  ClusterManagerSilent: {
    summary: 'Nobody took up the request for a switch: the cluster manager does not run, or cannot reach the API.',
    remedy:
      'Look at the pod of the cluster manager in namespace polarstack-system and at its log. Nothing was changed.',
    retry: 'later',
  },
  SwitchDeadline: {
    summary: 'The time that was given for a switch was over before it could begin.',
    remedy: 'Nothing was changed. Ask again, with more time.',
    retry: 'later',
  },
  SwitchTargetUnfit: {
    summary: 'The chosen replica cannot take over now.',
    remedy: 'Mend what the message says, or choose another replica; nothing was changed.',
    retry: 'later',
  },
  PrimaryUnfit: {
    summary: 'The primary does not work as it should, so that a planned switch is not possible.',
    remedy: 'Mend what the message says of the primary, then ask again; nothing was changed.',
    retry: 'later',
  },
  SwitchWithdrawn: {
    summary: 'A switch was taken back; the old primary is the primary again.',
    remedy: 'The message says what went wrong. Mend that, then ask again; no data was lost.',
    retry: 'later',
  },
  SwitchReturned: {
    summary: 'The chosen replica could not take over; another instance became the primary instead.',
    remedy:
      'The message says what went wrong, and who is primary. Look at the log of the chosen replica before asking again.',
    retry: 'later',
  },
  MemberIsPrimary: {
    summary: 'The primary cannot be removed from the members, nor be made ineligible.',
    remedy: 'Switch over to a replica first.',
    retry: 'later',
  },
});
