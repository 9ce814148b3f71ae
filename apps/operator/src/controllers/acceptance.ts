import type { MPDCluster } from '@polarstack/api';
import { toStackError } from '@polarstack/base';
import { type Claim, type Problem, validateCluster } from '@polarstack/domain';
import type { Catalog } from '../kube/catalog.ts';

export interface Verdict {
  readonly accepted: boolean;
  /** The condition `Accepted`. */
  readonly claim: Claim;
}

const ACCEPTED: Verdict = {
  accepted: true,
  claim: { type: 'Accepted', status: 'True', reason: 'Valid', message: 'the spec can be carried out' },
};

/** Judges specs: once for each generation that is accepted, and again whenever asked for one that is not. */
export function createAcceptance(catalog: Pick<Catalog, 'lookups'>) {
  const acceptedGenerations = new Map<string, number>();

  return {
    judge: async (cluster: MPDCluster, signal: AbortSignal): Promise<Verdict> => {
      const { uid = '', generation = 0 } = cluster.metadata;
      if (acceptedGenerations.get(uid) === generation) return ACCEPTED;
      const problems = await problemsOf(cluster, signal);
      const [first] = problems;
      if (!first) {
        acceptedGenerations.set(uid, generation);
        return ACCEPTED;
      }
      const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
      const message = `${first.path}: ${first.message}. ${first.remedy}${more}`;
      return { accepted: false, claim: { type: 'Accepted', status: 'False', reason: first.code, message } };
    },
    forget: (uid: string): void => {
      acceptedGenerations.delete(uid);
    },
  };

  async function problemsOf(cluster: MPDCluster, signal: AbortSignal): Promise<readonly Problem[]> {
    try {
      return validateCluster(cluster, await catalog.lookups(cluster, signal));
    } catch (error) {
      // A catalog that cannot be read is a reason for people, not for the log alone.
      const { code, message, remedy } = toStackError(error);
      if (code !== 'CatalogInvalid' && code !== 'AllocationCorrupt') throw error;
      return [{ code, path: 'catalog', message, remedy }];
    }
  }
}
