import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

export type Row = Readonly<Record<string, string | number>>;

/** Prints rows as an aligned table, and writes them to `bench/results/<name>.json` with the machine and the date. */
export function report(name: string, rows: readonly Row[]): void {
  console.log(`\n${name}\n${table(rows)}`);
  const results = join(import.meta.dirname, '..', 'results');
  mkdirSync(results, { recursive: true });
  const content = { name, date: new Date().toISOString(), machine: machine(), rows };
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(content, undefined, 2)}\n`);
}

/** The columns of all rows, in the order of their first appearance; numbers to the right, text to the left. */
export function table(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const text = (value: string | number | undefined): string => (value === undefined ? '' : String(value));
  const lines = [columns, ...rows.map((row) => columns.map((column) => text(row[column])))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => (line[index] as string).length)));
  const isNumeric = columns.map((column) => rows.every((row) => typeof (row[column] ?? 0) === 'number'));
  const print = (line: readonly string[]): string =>
    line
      .map((cell, index) => (isNumeric[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd();
  const [header, ...body] = lines.map(print) as [string, ...string[]];
  return [header, widths.map((width) => '-'.repeat(width)).join('  '), ...body].join('\n');
}

function machine() {
  const [first] = cpus();
  return {
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
}
