import { type ErrorEntry, errorTable, type StackError, toStackError } from '@polarstack/base';

interface ListedProblem {
  readonly code: string;
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
}

/** The exit code of an error: its code's of the error table, else 1. */
export function exitCodeOf({ code }: Pick<StackError, 'code'>): number {
  const entry: ErrorEntry = errorTable[code];
  return entry.exit ?? 1;
}

/** What is printed on standard error: what happened, its code, and what to do. */
export function renderError(thrown: unknown): { readonly text: string; readonly exitCode: number } {
  const error = toStackError(thrown);
  const { problems } = error.details;
  const others = (Array.isArray(problems) ? (problems as readonly ListedProblem[]) : []).slice(1);
  const blocks = [
    block(error.message, error.code, error.remedy),
    ...others.map(({ path, message, code, remedy }) => block(`${path}: ${message}`, code, remedy)),
  ];
  // A spec with problems is bad input, whatever each of them would be elsewhere.
  return {
    text: blocks.join(''),
    exitCode: Array.isArray(problems) ? exitCodeOf({ code: 'Invalid' }) : exitCodeOf(error),
  };
}

function block(message: string, code: string, remedy: string): string {
  return `error: ${message}\n  code:   ${code}\n  remedy: ${remedy}\n`;
}

/** Meaning of the exit codes, for `--help`. */
export const exitCodes: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done'],
  ['1', 'failed; the message says why'],
  ['2', 'bad input: command line, file, kubeconfig or object'],
  ['3', 'this machine lacks something (see polarstack doctor)'],
  ['4', 'the local home cannot be used, or there is none'],
  ['5', 'something else is in the way: it exists already, is taken or was changed meanwhile'],
  ['6', 'not ready in time, or not yet'],
  ['7', 'the server does not answer (polarstack up starts the local one)'],
  ['8', 'there is no such thing'],
  ['9', 'not allowed, or not known to the server'],
  ['10', 'the operation was refused; nothing was changed'],
  ['11', 'the operation stopped at a step and needs a person (see polarstack why)'],
  ['12', 'the operation was cancelled'],
  ['130', 'the waiting was ended by Ctrl-C; the operation goes on'],
  ['psql', 'polarstack psql ends with the exit code of psql'],
];
