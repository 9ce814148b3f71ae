import { engineType, type MPDCluster } from '@polarstack/api';
import type { Problem } from './problem.ts';

export const notYet = (path: string, message: string, remedy: string): Problem => ({
  code: 'NotSupportedYet',
  path,
  message,
  remedy,
});

/** Kinds of clusters that cannot be made yet: nothing else of such a spec is looked at. */
export function unsupportedKind({ spec }: MPDCluster): Problem | undefined {
  if (spec.dbClusterType === 'share') {
    return notYet(
      'spec.dbClusterType',
      'clusters on shared storage cannot be made yet',
      'Use dbClusterType local with engine.type postgres.',
    );
  }
  if (engineType(spec) === 'polardb') {
    return notYet('spec.engine.type', 'the engine polardb cannot be run yet', 'Use engine.type postgres.');
  }
  return undefined;
}

/** Single wishes that cannot be fulfilled yet. */
export function unsupportedWishes({ spec }: MPDCluster): readonly Problem[] {
  const problems: Problem[] = [];
  if (spec.durability?.mode === 'sync') {
    problems.push(
      notYet(
        'spec.durability.mode',
        'synchronous replication cannot be set up yet',
        'Use durability.mode async: a commit counts when the RW has it on disk.',
      ),
    );
  }
  if (spec.ha && spec.ha.profile !== undefined && spec.ha.profile !== 'default') {
    problems.push(
      notYet('spec.ha.profile', 'nothing fails over on silence yet, so it has no profile', 'Leave ha.profile out.'),
    );
  }
  if (spec.dbProxyInfo?.enabled) {
    problems.push(
      notYet('spec.dbProxyInfo.enabled', 'proxies cannot be made yet', 'Set it to false, or leave it out.'),
    );
  }
  if (spec.netCfg?.leaderFloatingIP) {
    problems.push(
      notYet(
        'spec.netCfg.leaderFloatingIP',
        'floating addresses cannot be set up yet',
        'Leave it out: Service <cluster>-rw follows the RW.',
      ),
    );
  }
  if (spec.localVolName) {
    problems.push(
      notYet(
        'spec.localVolName',
        'MPDLocalVolume cannot be used yet',
        'Leave it out: each instance gets a PVC; localStore says its size and storage class.',
      ),
    );
  }
  return problems;
}
