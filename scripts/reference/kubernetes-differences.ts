import { beyond, differences } from '../../tests/kube/differences.ts';
import { page, table } from './markdown.ts';

/** Where the embedded API answers otherwise than Kubernetes. */
export function kubernetesDifferencesPage(): string {
  return page(
    'Differences between the embedded API and Kubernetes',
    'tests/kube/differences.ts',
    `The suite in \`tests/kube\` runs every scenario on the embedded API and on a real API server and compares every answer: codes,
reasons, messages, warnings, objects, events of watches. What differs stands in this table; the suite fails when a difference is
missing here, and when one is listed that is gone. Verbs, versions, the order of watches, status codes and reasons never differ in them.
Why each is allowed is told in decision [0013](../decisions/0013-differences-from-kubernetes.md).`,
    lines(differences),
    '## Beyond the suite',
    'What is refused here and taken on by Kubernetes, or the other way round, and what Kubernetes leaves to chance: no scenario can\nshow these side by side.',
    lines(beyond),
  );
}

const lines = (listed: typeof beyond): string =>
  table(
    ['What', 'Here', 'Kubernetes', 'Reason', 'Decision'],
    listed.map(({ title, ours, kubernetes, reason, decision }) => [title, ours, kubernetes, reason, decision]),
  );
