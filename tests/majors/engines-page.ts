import type { Major } from './servers.ts';

/** What is tried on each major, in this order. */
export const steps = [
  'initdb',
  'configuration',
  'start',
  'reload',
  'promote',
  'status',
  'base backup',
  'rewind',
] as const;
export type Step = (typeof steps)[number];

export interface EngineResult {
  readonly major: Major;
  readonly version: string;
  readonly passed: readonly Step[];
}

const HEADER = `# Engines

What the agent and its PostgreSQL driver did on each major, written by the tests that did it
(\`POLARSTACK_WRITE_DOCS=1 npx vitest run tests/majors\`); a test fails where this page claims more than what passes.
A dash means: not tried, because the packages that the tests use bring only \`initdb\`, \`pg_ctl\` and \`postgres\`. For use,
a server needs all programs that \`polarstack doctor\` names.
`;

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

export function renderEngines(results: readonly EngineResult[]): string {
  const lines = [...results]
    .sort((a, b) => a.major - b.major)
    .map(({ major, version, passed }) =>
      row([`PostgreSQL ${major}`, version, ...steps.map((step) => (passed.includes(step) ? 'yes' : '–'))]),
    );
  return [
    HEADER,
    row(['engine', 'tested with', ...steps]),
    row(['engine', '', ...steps].map(() => '---')),
    ...lines,
    '',
  ].join('\n');
}

/** What a page claims: major to steps. */
export function readClaims(page: string): ReadonlyMap<number, readonly Step[]> {
  const rows = [...page.matchAll(/^\| PostgreSQL (\d+) \| [^|]* \| (.*) \|$/gm)];
  return new Map(
    rows.map(([, major, cells = '']) => [
      Number(major),
      cells.split(' | ').flatMap((cell, index) => (cell === 'yes' ? (steps[index] ?? []) : [])),
    ]),
  );
}
