import { expect, test } from 'vitest';
import { checks, runCheck } from '../../scripts/checks.ts';

/** The checks of `make check` count as tests, so that the last line of `make test` speaks of them too. */
test.each(checks)('the code passes the check: $name', async ({ command }) => {
  const { code, output } = await runCheck(command);
  expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
});
