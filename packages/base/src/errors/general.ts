import { entries } from './entry.ts';

export const generalErrors = entries({
  Internal: {
    summary: 'A defect in PolarDB Stack itself.',
    remedy: 'Report it with the log of the process that printed it.',
    retry: 'later',
  },
  InvalidConfig: {
    summary: 'A setting has a value that cannot be used.',
    remedy: 'Correct the setting that the message names.',
    retry: 'never',
    exit: 2,
  },
  Cancelled: {
    summary: 'The work was stopped before it finished.',
    remedy: 'Start it again when you want it done.',
    retry: 'later',
  },
  Timeout: {
    summary: 'The deadline passed before the awaited thing happened.',
    remedy: 'Look at the reason the message gives, mend it, and try again.',
    retry: 'later',
  },
});
