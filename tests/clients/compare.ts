import { scrub } from '../kube/compare.ts';
import { differences } from '../kube/differences.ts';
import type { Line } from './scenario.ts';

/**
 * Where two servers showed a client different things, one place a line. Left out is only what differs between any
 * two servers, and what the contract (tests/kube/differences.ts) lists by name.
 */
export function deviations(ours: readonly Line[], others: readonly Line[]): readonly string[] {
  const found: string[] = [];
  const steps = [...new Set([...ours, ...others].map(({ step }) => step))];
  const of = (lines: readonly Line[], step: string): Line | undefined => lines.find((line) => line.step === step);
  for (const step of steps) compare(step, scrub(of(ours, step)), scrub(of(others, step)), found);
  return found;
}

function compare(where: string, ours: unknown, other: unknown, found: string[]): void {
  if (isContainer(ours) && isContainer(other) && Array.isArray(ours) === Array.isArray(other)) {
    const [left, right] = [ours, other] as readonly Readonly<Record<string, unknown>>[];
    for (const key of new Set([...Object.keys(ours), ...Object.keys(other)])) {
      compare(`${where}.${key}`, left?.[key], right?.[key], found);
    }
  } else if (ours !== other && !isListed(where)) found.push(`${where}: ours ${show(ours)}, Kubernetes ${show(other)}`);
}

/** What programs decide by is never excused. */
function isListed(where: string): boolean {
  if (/\.(code|reason|resourceVersion|type)$/.test(where)) return false;
  return differences.some(({ places }) => places.test(`clients | ${where}`));
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
