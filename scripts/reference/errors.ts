import { type ErrorEntry, errorTable } from '@polarstack/base';
import { code, page, table } from './markdown.ts';

const help = {
  never: 'no: the request itself is wrong',
  later: 'when the cause is mended',
  now: 'at once: somebody was faster',
} as const;

/** Every error code with what it means, what to do, and whether to try again. */
export function errorsPage(): string {
  const entries: readonly (readonly [string, ErrorEntry])[] = Object.entries(errorTable);
  const rows = [...entries]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { summary, remedy, retry, exit }]) => [code(name), summary, remedy, help[retry], String(exit ?? 1)]);
  return page(
    'Error codes',
    'packages/base/src/errors',
    'A code is the same everywhere: in the output of `polarstack`, as reason of a condition or an event, in the API of the agent and in logs. The last column is the exit code of the command line.',
    table(['Code', 'Meaning', 'What to do', 'Trying again helps', 'Exit'], rows),
  );
}
