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

const SHOWN = 5;

/** Refusals as a condition tells them: the same ones always read the same, and many are counted. */
export function summary(refusals: readonly string[]): string {
  const sorted = [...refusals].sort();
  const more = sorted.length - SHOWN;
  return sorted.slice(0, SHOWN).join('; ') + (more > 0 ? `; and ${more} more` : '');
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
