/** What is wrong with an expression, shown with the place in its source as Kubernetes shows it. */

export interface Issue {
  /** Code points from the start of the source. */
  readonly at: number;
  readonly message: string;
}

/** More than this many issues help nobody. */
const MAX_ISSUES = 100;
const MAX_SNIPPET_BYTES = 16_384;

function show(source: string, { at, message }: Issue): string {
  const points = Array.from(source).slice(0, at);
  const line = points.filter((char) => char === '\n').length;
  const column = points.length - 1 - points.lastIndexOf('\n');
  const head = `ERROR: <input>:${line + 1}:${column + 1}: ${message}`;
  const snippet = (source.split('\n')[line] ?? '').replaceAll('\t', ' ');
  if (Buffer.byteLength(snippet) > MAX_SNIPPET_BYTES) return head;
  const chars = Array.from(snippet);
  const isWide = (char: string | undefined): boolean => char !== undefined && (char.codePointAt(0) ?? 0) > 0x7f;
  const dots = chars.slice(0, column).map((char) => (isWide(char) ? '．' : '.'));
  return `${head}\n | ${snippet}\n | ${dots.join('')}${isWide(chars[column]) ? '＾' : '^'}`;
}

export function showIssues(source: string, issues: readonly Issue[]): string {
  const sorted = issues.toSorted((a, b) => a.at - b.at).slice(0, MAX_ISSUES);
  const rest = issues.length - sorted.length;
  return [
    ...sorted.map((issue) => show(source, issue)),
    ...(rest > 0 ? [`${rest} more errors were truncated`] : []),
  ].join('\n');
}
