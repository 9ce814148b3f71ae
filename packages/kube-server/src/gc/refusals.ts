import { concernsAdmission } from '../admission/admission.ts';
import { ApiError } from '../http/status.ts';
import { storePrefix } from '../registry/definition.ts';

const codes = new Set([401, 403, 413, 422]);

/** Why the API refused a deletion, or undefined where the error says something else. Trying again at once is no use. */
export function refusalOf(error: unknown): string | undefined {
  return error instanceof ApiError && codes.has(error.status.code) ? error.message : undefined;
}

/** Whether an error means that the object is gone already, or is another by now. */
export function isDone(error: unknown): boolean {
  return error instanceof ApiError && (error.status.reason === 'NotFound' || error.status.reason === 'Conflict');
}

/** Refusals as a condition tells them: the first of each resource, the others counted; the same always read the same. */
export function summary(refusals: readonly string[]): string {
  const byResource = new Map<string, number>();
  const first: string[] = [];
  for (const refusal of [...refusals].sort()) {
    const [resource = ''] = refusal.split(' ', 1);
    const count = byResource.get(resource) ?? 0;
    byResource.set(resource, count + 1);
    if (count === 0) first.push(refusal);
  }
  return first
    .map((refusal) => {
      const others = (byResource.get(refusal.split(' ', 1)[0] ?? '') ?? 1) - 1;
      return others === 0 ? refusal : `${refusal} (and ${others} more of this resource)`;
    })
    .join('; ');
}

const NAMESPACES = storePrefix('', 'namespaces');

/** What could not be cleaned up because a deletion was refused, by the key of what waits for it. */
export interface Refusals {
  /** Notes the outcome of a look; true when it is news. */
  note(key: string, found: readonly string[]): boolean;
  /** What is to be looked at again after a change of `key`; `related` are the keys of what may wait for it. */
  wokenBy(key: string, related: () => readonly (string | undefined)[]): readonly string[];
}

export function createRefusals(): Refusals {
  const noted = new Map<string, string>();
  return {
    note: (key, found) => {
      const text = summary(found);
      const isNews = text !== '' && noted.get(key) !== text;
      if (text === '') noted.delete(key);
      else noted.set(key, text);
      return isNews;
    },
    wokenBy: (key, related) => {
      if (noted.size === 0) return [];
      // Policies speak of namespaces by their labels.
      if (concernsAdmission(key) || key.startsWith(NAMESPACES)) return [...noted.keys()];
      return related().filter((other): other is string => other !== undefined && noted.has(other));
    },
  };
}
