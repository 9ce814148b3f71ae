/** The end of a walk: whatever stopped is taken up as a person would, and the cluster is asked for a last change. */
import type { MPDOperation } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { conditionOf, isFinal, isPlanned, parseItems } from '@polarstack/domain';
import { approve, powerOn } from './changes.ts';
import { signal, type WalkScene } from './scene.ts';

/** How often an operation that stops is resumed before it is given up. */
const RESUMES = 2;
const DEADLINE_MS = 300_000;

const triggers = [
  'forceRebuild',
  'restartCluster',
  'restartIns',
  'flushParams',
  'switchRw',
  'migrate',
  'removeIns',
  'extendStorage',
];

export interface Settled {
  readonly resumed: number;
  readonly cancelled: number;
}

/** Waits until nothing is under way; what needs a person gets one. */
async function quiet(scene: WalkScene, count: { resumed: number; cancelled: number }): Promise<void> {
  const resumes = new Map<string, number>();
  await waitFor(
    'every operation to end',
    async () => {
      const open = (await scene.operations()).filter((one) => !isFinal(one));
      const asked = Object.keys((await scene.cluster()).metadata.annotations ?? {}).filter(
        (key) => triggers.includes(key) || key.startsWith('request.'),
      );
      if (open.length === 0) return asked.length === 0 || undefined;
      await approve(scene);
      for (const one of open) await help(scene, one, resumes, count);
      throw new Error(`under way: ${open.map(inWords).join('; ')}`);
    },
    { signal, timeoutMs: DEADLINE_MS, intervalMs: 200 },
  );
}

async function help(
  scene: WalkScene,
  operation: MPDOperation,
  resumes: Map<string, number>,
  count: { resumed: number; cancelled: number },
): Promise<void> {
  const { spec, status, metadata } = operation;
  if (spec.steering && spec.steering.requestId !== status?.handledSteering) return;
  if (status?.phase !== 'Interrupted' && status?.phase !== 'Paused') return;
  const key = metadata.name ?? '';
  const before = resumes.get(key) ?? 0;
  resumes.set(key, before + 1);
  if (before < RESUMES || status.undoing) count.resumed += 1;
  else count.cancelled += 1;
  await scene.steer(operation, before < RESUMES || status.undoing ? 'Resume' : 'Cancel');
}

export const inWords = ({ metadata, spec, status }: MPDOperation): string => {
  const { phase, currentStep, message, error, undoing } = status ?? {};
  const wrong = error ? ` ${error.code}: ${error.message}` : '';
  return `${metadata.name} ${spec.type} ${phase ?? 'new'} ${currentStep ?? ''}${undoing ? ' undoing' : ''} ${message ?? ''}${wrong}`;
};

/** Puts right what the walk wrote into the users' parameters and nobody could carry out. */
async function repairParameters(scene: WalkScene, workMem: string): Promise<void> {
  await scene.editParameters((data) => {
    const { broken } = parseItems(data);
    const kept = Object.entries(data).filter(([key]) => !broken.some((one) => one.key === key));
    const updateTime = `${new Date().toISOString().slice(0, 19)}Z`;
    const item = JSON.stringify({ name: 'work_mem', value: workMem, updateTime });
    return { ...Object.fromEntries(kept), work_mem: item };
  });
}

/** The version to bring the cluster to where an upgrade that was given up left it with two. */
async function halfWay(scene: WalkScene): Promise<string | undefined> {
  // All of them anew at each attempt: an instance that is being removed meanwhile is asked no more.
  const running = await scene.api('the versions', async () => {
    const ids = Object.keys((await scene.cluster()).status?.dbInstanceStatus ?? {});
    const rows = await Promise.all(ids.map(async (id) => (await scene.sql(id, 'show server_version'))[0]));
    return new Set(rows.map((row) => String(row?.server_version).split(' ')[0] ?? ''));
  });
  const newest = [...running].sort().at(-1);
  return running.size > 1 ? scene.versions.find((name) => name === `postgresql-${newest}`) : undefined;
}

/**
 * Lets everything end, then asks by the spec for two ROs and a value that nobody asked for before, and waits until the
 * cluster is so and Ready.
 */
export async function settle(scene: WalkScene, walk: number): Promise<Settled> {
  const count = { resumed: 0, cancelled: 0 };
  await powerOn(scene);
  await quiet(scene, count);
  const workMem = String(20_000 + walk);
  await repairParameters(scene, workMem);
  const { status } = await scene.cluster();
  const finish = await halfWay(scene);
  await scene.api(
    'the last change',
    async () =>
      await scene.patchSpec({
        followerNum: isPlanned('AddRo') ? 2 : undefined,
        classInfo: { className: status?.insClassInfo?.className ?? 'local.small' },
        classInfoModifyTo: { className: '' },
        localStore: { size: status?.appliedSpec?.localStore?.size },
        versionCfgModifyTo: { versionName: finish ?? '' },
        parameters: { work_mem: `${workMem}kB`, work_men: null },
      }),
  );
  await waitFor(
    'the last change to be carried out',
    async () => {
      await quiet(scene, count);
      const now = await scene.cluster();
      const { spec, status: seen, metadata } = now;
      const members = Object.values(seen?.dbInstanceStatus ?? {});
      const isReady = conditionOf(seen?.conditions, 'Ready');
      if (isReady?.status !== 'True' || seen?.clusterStatus !== 'Running') {
        throw new Error(`${seen?.clusterStatus}: ${isReady?.reason}: ${isReady?.message}`);
      }
      if (isReady.observedGeneration !== undefined && isReady.observedGeneration !== metadata.generation)
        return undefined;
      if (members.length !== spec.followerNum + 1 || members.some(({ installed }) => installed !== true)) {
        throw new Error(`${members.length} members for ${spec.followerNum} ROs`);
      }
      if (seen.appliedSpec?.parameters?.work_mem !== spec.parameters?.work_mem)
        throw new Error('work_mem is not applied');
      for (const id of Object.keys(seen.dbInstanceStatus ?? {})) {
        const [row] = await scene.sql(id, `select setting from pg_settings where name = 'work_mem'`);
        if (row?.setting !== workMem) throw new Error(`work_mem of ${id} is ${String(row?.setting)}`);
      }
      return true;
    },
    { signal, timeoutMs: DEADLINE_MS, intervalMs: 300 },
  );
  return count;
}
