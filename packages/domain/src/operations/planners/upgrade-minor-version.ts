import type { OperationParameters } from '@polarstack/api';
import type { EngineVersion } from '../../catalog/versions.ts';
import { bestTarget } from '../best-target.ts';
import { type Planned, planOf, refused, type StepPlan } from '../operation-plan.ts';
import type { PlanCluster, PlanFacts, PlanInstance } from '../plan-facts.ts';
import { closing, label, updateRunningStatus } from '../planned-steps.ts';
import { entryOf, notAllWell, renewPod } from '../renew-pod.ts';
import { wantedVersion } from '../requests.ts';
import { rolloutOf } from '../rollout.ts';

/** Another minor version: new pods with its image, ROs first, then a switch, then the old RW. */
export function planUpgradeMinorVersion(
  cluster: PlanCluster,
  { versionName }: OperationParameters<'UpgradeMinorVersion'>,
  facts: PlanFacts,
): Planned {
  const wish = versionName === undefined ? wantedVersion(facts.cluster) : { versionName };
  if (!wish) return { type: 'nothing', message: 'the spec asks for the version that runs' };
  const major = Number.parseInt(facts.cluster.status?.engine?.version ?? '', 10);
  const target = findVersion(wish, facts.versions, major);
  if (!target) {
    const name = wish.versionName ?? wish.exact;
    const offered = facts.versions.filter((one) => one.major === major).map(({ name: n, version: v }) => `${n} (${v})`);
    const remedy = `Offered: ${offered.join(', ') || 'none'}.`;
    return refused('VersionNotInstalled', `the catalog has no version ${name}`, remedy);
  }
  const ill = notAllWell(cluster);
  if (ill) return { type: 'refused', refusal: ill };
  const unfit = unfitVersion(cluster, target, major);
  if (unfit) return unfit;
  const missing = cluster.instances.find(
    ({ node }) => !facts.nodes.some(({ name, images }) => (!node || name === node) && images.includes(target.image)),
  );
  if (missing) {
    const text = `node ${missing.node} of ${label(missing)} has no image ${target.image}`;
    return refused('VersionNotInstalled', text, 'Bring the image to every node of the cluster first.');
  }
  const image = facts.cluster.status?.engine?.image ?? '';
  const has = (instance: PlanInstance): string => entryOf(facts.cluster, instance).versionInfo?.engineImage || image;
  const old = (instance: PlanInstance) => ({
    image: has(instance),
    versionName:
      entryOf(facts.cluster, instance).versionInfo?.versionName ||
      (facts.cluster.status?.appliedSpec?.versionCfg?.versionName ?? ''),
    version: instance.seen?.report?.engine.version ?? '',
  });
  const { name, version } = target;
  const renew = (instance: PlanInstance): StepPlan | undefined =>
    has(instance) === target.image && instance.seen?.report?.engine.version === version
      ? undefined
      : renewPod(
          instance,
          { image: target.image, versionName: name, version, old: old(instance) },
          `PostgreSQL ${version}`,
        );
  const record = recordVersion(target, facts);
  if (cluster.instances.every((instance) => renew(instance) === undefined)) {
    return isRecorded(target, facts)
      ? { type: 'nothing', message: `every instance runs PostgreSQL ${version}` }
      : planOf([record, updateRunningStatus]);
  }
  if (cluster.replicas.length > 0 && !bestTarget(cluster)) {
    return refused('NoSwitchTarget', 'every RO is too far behind the RW to take over', 'Wait until one has caught up.');
  }
  const rollout = rolloutOf(cluster, [], facts, { renew });
  return planOf([...rollout.steps, record, ...closing], {
    checks: [
      `${name} is PostgreSQL ${version}, a later minor version of major ${major}`,
      `every node of the cluster has the image ${target.image}`,
      'every instance works',
      'after each new pod: its engine says that it is the promised version',
    ],
    restarts: rollout.restarts,
    writePauses: rollout.writePauses,
    risks: [
      'An instance whose engine does not start, or is another version, gets its old image back, and the operation stops there.',
    ],
  });
}

/** Of the cluster's own major first, so that the refusal of another one is only given for what really is one. */
function findVersion(
  { versionName, exact }: { readonly versionName?: string; readonly exact?: string },
  versions: readonly EngineVersion[],
  major: number,
): EngineVersion | undefined {
  const fits = versions.filter(({ name, version }) => (versionName ? name === versionName : version === exact));
  return fits.find((one) => one.major === major) ?? fits[0];
}

const minorOf = (version: string): number | undefined => {
  const match = /^\d+\.(\d+)$/.exec(version);
  return match ? Number(match[1]) : undefined;
};

function unfitVersion(cluster: PlanCluster, target: EngineVersion, major: number): Planned | undefined {
  const refuse = (text: string, remedy: string): Planned => refused('VersionNotUpgradable', text, remedy);
  const { name, version } = target;
  if (target.major !== major || Number.parseInt(version, 10) !== major) {
    return refuse(
      `${name} is PostgreSQL ${version}, and the cluster is of major ${major}`,
      'A minor version stays within its major: move to another one with a new cluster and a dump.',
    );
  }
  const wanted = minorOf(version);
  if (wanted === undefined) {
    return refuse(
      `${name} says that it is version ${JSON.stringify(version)}`,
      `Write major.minor, e.g. "${major}.1", into the catalog's ConfigMap.`,
    );
  }
  // Of a half-done upgrade the oldest counts: to finish it, or to go back, is no downgrade of the cluster.
  const running = cluster.instances.map(({ seen }) => seen?.report?.engine.version ?? '');
  const minors = running.map(minorOf);
  const oldest = Math.min(...minors.map((minor) => minor ?? Number.NaN));
  if (Number.isNaN(oldest)) {
    return refuse(`an instance says that it runs version ${JSON.stringify(running.join(', '))}`, 'Look at its engine.');
  }
  if (wanted < oldest) {
    return refuse(
      `${name} is PostgreSQL ${version}, and ${major}.${oldest} runs: that would be a downgrade`,
      'Choose a later version.',
    );
  }
  return undefined;
}

function isRecorded({ name, image, version }: EngineVersion, { cluster: { spec, status } }: PlanFacts): boolean {
  const pinned = spec.engine?.version;
  return (
    status?.appliedSpec?.versionCfg?.versionName === name &&
    status.engine?.image === image &&
    (!pinned?.includes('.') || (pinned === version && status.appliedSpec.engine?.version === version)) &&
    !spec.versionCfgModifyTo?.versionName
  );
}

const recordVersion = ({ name, image, version }: EngineVersion, { cluster: { spec } }: PlanFacts): StepPlan => ({
  name: 'RecordVersion',
  use: 'RecordVersion',
  input: {
    versionName: name,
    image,
    version,
    from: spec.versionCfg?.versionName ?? '',
    pinned: spec.engine?.version ?? '',
  },
  description: `Record ${name} (PostgreSQL ${version}) as the version of the cluster, in spec and status`,
});
