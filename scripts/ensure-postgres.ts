/**
 * Before the tests: finds PostgreSQL, or installs it where that can be done. Without it the tests that need it are
 * skipped, unless the environment variable REQUIRE (comma separated) lists `postgres`.
 */
import { ensurePostgres } from '../apps/local/src/commands/preconditions.ts';
import { readLocalSettings } from '../apps/local/src/config.ts';

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

try {
  await ensurePostgres(readLocalSettings(), say, new AbortController().signal);
} catch (error) {
  say(`PostgreSQL: ${error instanceof Error ? error.message : String(error)}`);
  if ((process.env.REQUIRE ?? '').split(',').includes('postgres')) process.exit(1);
  say('the tests that need it are skipped');
}
