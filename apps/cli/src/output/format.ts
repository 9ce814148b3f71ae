import { StackError } from '@polarstack/base';

export type OutputFormat = 'table' | 'json' | 'yaml' | 'name';

/** Checks the value of `-o`; `table` where there is none. */
export function outputFormat(asked: string | undefined, allowed: readonly OutputFormat[]): OutputFormat {
  if (asked === undefined) return 'table';
  const found = allowed.find((format) => format === asked && format !== 'table');
  if (found !== undefined) return found;
  const known = allowed.filter((format) => format !== 'table').join(', ');
  throw new StackError('Usage', `-o ${asked}: this command knows ${known}`);
}

/** A value as a document of its own, ending with a line break. */
export async function renderValue(format: 'json' | 'yaml', value: unknown): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, undefined, 2)}\n`;
  const { stringify } = await import('yaml');
  return stringify(value, { lineWidth: 0 });
}
