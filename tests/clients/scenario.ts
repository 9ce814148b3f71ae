import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { KubeTestServer } from '@polarstack/testkit/kube-servers';

/** What a client saw in one step of its scenario; `failed` where something went wrong that must not. */
export interface Line {
  readonly step: string;
  readonly seen: unknown;
  readonly failed?: unknown;
}

export interface Play {
  readonly command: readonly [string, ...string[]];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Longer than all steps of a scenario may take. */
const PATIENCE_MS = 5 * 60_000;

/** Runs a scenario on a server, which is restarted where the scenario asks for it, and answers its lines. */
export async function play(server: KubeTestServer, { command, args, env = {} }: Play): Promise<readonly Line[]> {
  const [program, ...first] = command;
  const child = spawn(program, [...first, ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  // Without a reader its output would block it; what it says beside is shown when it fails.
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + String(chunk)).slice(-10_000);
  });
  child.stdin.on('error', () => {}); // it may have ended
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const lines: Line[] = [];
  try {
    for await (const text of createInterface({ input: child.stdout })) {
      const line = JSON.parse(text) as Line & { readonly wait?: string };
      if (line.wait === 'restart') {
        await server.restart();
        child.stdin.write('\n');
      } else lines.push(line);
    }
    const [code] = (await closed) as [number | null];
    // 1 says that a step failed, which its line tells.
    if (code !== 0 && !(code === 1 && lines.some(({ failed }) => failed !== undefined))) {
      throw new Error(`${program} ended with ${code ?? 'a signal'} after ${lines.length} steps:\n${said}`);
    }
    return lines;
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}
