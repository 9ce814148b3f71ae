import { processIo } from './io.ts';
import { runCli } from './run-cli.ts';

// A reader that has gone (`polarstack list | head -1`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const exitCode = await runCli(process.argv.slice(2), processIo());
if (exitCode !== undefined) process.exitCode = exitCode;
