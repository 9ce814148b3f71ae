import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import type { Container } from 'kubernetes-types/core/v1.js';
import { KEEP_COMMAND } from '../keeper/keeper-script.ts';
import type { ImageSpec } from '../types.ts';
import { expand } from './environment.ts';

/** What a container runs, and as what. */
export interface ContainerProcess {
  readonly mode: 'once' | 'keep';
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface ProcessInput {
  readonly container: Container;
  readonly image: ImageSpec;
  /** The variables of the spec ({@link resolveEnvironment}). */
  readonly variables: Readonly<Record<string, string>>;
  /** The container's root folder. */
  readonly root: string;
  readonly runFolder: string;
  readonly binDir: string;
}

/** The whole environment of a container: as little as a program can expect, the image's, the spec's, and our two. */
export function containerEnvironment(input: Omit<ProcessInput, 'container'>): Record<string, string> {
  const { image, variables, root, runFolder, binDir } = input;
  return {
    HOME: root,
    LANG: 'C.UTF-8',
    PATH: [...image.pathDirs, binDir, '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    ...image.env,
    ...variables,
    POLARSTACK_ROOT: root,
    POLARSTACK_RUN: runFolder,
  };
}

/** A path of the container: below its root where something was mounted there, else the machine's own. */
export function resolveProgram(program: string, root: string): string {
  if (!program.startsWith('/')) return program;
  const mounted = join(root, program);
  return existsSync(mounted) ? mounted : program;
}

/** What to start for a container. Throws `InvalidPod` where neither the spec nor the image says. */
export function containerProcess(input: ProcessInput): ContainerProcess {
  const { container, variables, root } = input;
  const argv = [...(container.command ?? []), ...(container.args ?? [])].map((word) => expand(word, variables));
  const keep = container.command?.[0] === KEEP_COMMAND;
  const [program, ...rest] = keep ? argv.slice(1) : argv;
  if (program === undefined || !container.command?.length) {
    throw new StackError('InvalidPod', `container ${container.name} needs a command: images have none here`);
  }
  const wanted = join(root, container.workingDir ?? '/');
  return {
    mode: keep ? 'keep' : 'once',
    argv: [resolveProgram(program, root), ...rest],
    env: containerEnvironment(input),
    cwd: existsSync(wanted) ? wanted : root,
  };
}
