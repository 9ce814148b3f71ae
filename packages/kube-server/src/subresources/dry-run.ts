import { fieldError } from '../http/field-error.ts';
import { errors } from '../http/status.ts';

/** Whether a request on a subresource is only tried. Throws 422 for what is no dry run, as the main resource does. */
export function asksForDryRun(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
): boolean {
  const asked = query.getAll('dryRun');
  if (asked.every((value) => value === 'All')) return asked.length > 0;
  throw errors.invalid({ group: 'meta.k8s.io', kind }, '', [
    { ...fieldError.notSupported('dryRun', asked, []), detail: 'supported values: "All"' },
  ]);
}
