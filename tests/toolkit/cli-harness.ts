import { PassThrough } from 'node:stream';
import { type Io, runCli } from '@polarstack/cli';

export interface CliResult {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** What the user answers when asked; undefined: nobody is there. */
  readonly answer?: boolean;
  readonly input?: string;
  /** Called with everything written so far, at each write. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a command line in this process, with streams of its own. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const out = collect(options.onOutput);
  const err = collect();
  const io: Io = {
    stdout: out.stream,
    stderr: err.stream,
    confirm: async () => options.answer,
    readInput: async () => options.input ?? '',
  };
  const code = await runCli(args, io);
  return { code, stdout: out.text(), stderr: err.text() };
}

function collect(onOutput?: (text: string) => void) {
  const stream = new PassThrough();
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    onOutput?.(text);
  });
  return { stream, text: () => text + String(stream.read() ?? '') };
}
