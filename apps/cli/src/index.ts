export { type Io, processIo } from './io.ts';
export { runCli } from './run-cli.ts';
