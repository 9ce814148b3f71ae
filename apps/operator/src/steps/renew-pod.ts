import type { InstanceStatus } from '@polarstack/api';
import { type ErrorCode, isStackError, type Json, StackError, toStackError, withDeadline } from '@polarstack/base';
import type { EngineReport } from '@polarstack/contracts';
import { classInfoOf, type Member } from '@polarstack/domain';
import { Pods } from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { changeInstance } from '../kube/change-instance.ts';
import { fitsInstance, podOf } from './create-pods.ts';
import { memberOf } from './member-of.ts';
import { createStandstill, patienceOf } from './patience.ts';
import { untilWorking } from './restart-engine.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, keyOf } from './services.ts';
import { reporterOf, waitForAgent } from './wait-for-agent.ts';
import { pauseOutput } from './write-pause.ts';

const POLL_MS = 50;
/** How long an instance with a new image may take to work before it gets the old one back, in milliseconds. */
const COMES_BACK_MS = 180_000;

/** What an instance is to run with. */
interface Wanted {
  readonly entry: Partial<InstanceStatus>;
  /** The version that its engine must report then. */
  readonly version?: string;
  /** What it had before, to go back to. */
  readonly old?: Wanted;
}

/**
 * Gives an instance another pod on its volume: of another class, or with another image. What it is to have is recorded with the
 * instance first, so that whoever makes its pod makes the right one. One that does not work with its new image gets the
 * old one back.
 */
export const renewPod: ClusterStep = {
  name: 'RenewPod',
  timeoutMs: 15 * 60_000,
  retry: { limit: 5 },
  run: async (step) => {
    const { podUid } = step.input;
    const member = await memberOf(step);
    const wanted = wantedOf(step);
    const begun = step.services.clock.monotonic();
    const take = async (what: Wanted): Promise<EngineReport> => {
      const engine = await replaced(step, member, what, (pod) => pod.metadata?.uid === podUid);
      if (what.version !== undefined && engine.version !== what.version) {
        throw new StackError(
          'UpgradeBackedOut',
          `its engine says that it is PostgreSQL ${engine.version ?? 'of an unknown version'}, not ${what.version}`,
        );
      }
      return engine;
    };
    try {
      const { version = '' } = await take(wanted);
      const pauseMs = Math.round(step.services.clock.monotonic() - begun);
      const message = `${member.pod} works in a new pod with PostgreSQL ${version}`;
      return {
        type: 'done',
        message,
        ...(member.role === 'primary' && { output: pauseOutput(step, pauseMs) }),
      };
    } catch (error) {
      step.signal.throwIfAborted();
      if (!wanted.old || !isVerdict(error)) throw error;
      const { message } = toStackError(error);
      step.progress(`${member.pod} gets its old image back: ${message}`);
      const { version } = await take(wanted.old);
      throw new StackError(
        'UpgradeBackedOut',
        `${member.pod} did not work with its new image: ${message}. It has its old one back, with PostgreSQL ${version}`,
        { cause: error },
      );
    }
  },
};

function wantedOf({ input, services: { catalog } }: ClusterStepContext): Wanted {
  const { className, image, version, versionName, old } = input;
  if (typeof className === 'string') {
    const sizes = catalog.instanceClass(className);
    if (!sizes) throw new StackError('ClassUnknown', `there is no class ${className} any more`);
    return { entry: { insClassInfo: classInfoOf(className, sizes) } };
  }
  const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
  const of = (from: { readonly [field: string]: Json | undefined }): Wanted => ({
    entry: { versionInfo: { engineImage: text(from.image), versionName: text(from.versionName) } },
    ...(text(from.version) !== '' && { version: text(from.version) }),
  });
  if (typeof image !== 'string') throw new StackError('Internal', 'the plan does not say what the pod is to have');
  const wanted = of({ image, versionName, ...(version !== undefined && { version }) });
  const isObject = typeof old === 'object' && old !== null && !Array.isArray(old);
  return isObject ? { ...wanted, old: of(old as Readonly<Record<string, Json>>) } : wanted;
}

/** Records what the instance is to have, makes its pod so, and waits until it works. */
async function replaced(
  step: ClusterStepContext,
  member: Member,
  { entry, version }: Wanted,
  isOld: (pod: Pod) => boolean,
): Promise<EngineReport> {
  const { client } = step.services;
  await changeInstance(client, keyOf(step), member.instanceId, (before) => ({ ...before, ...entry }), step.signal);
  await untilMade(step, member, isOld);
  const works = async (signal: AbortSignal): Promise<EngineReport> => await untilReady({ ...step, signal }, member);
  return version === undefined ? await works(step.signal) : await withDeadline(COMES_BACK_MS, step.signal, works);
}

/** Until the pod is another one, and one that has what the instance is recorded to have. */
async function untilMade(step: ClusterStepContext, member: Member, isOld: (pod: Pod) => boolean): Promise<void> {
  const { client, catalog, clock } = step.services;
  const { namespace } = keyOf(step);
  const key = { namespace, name: member.pod };
  for (;;) {
    const cluster = await clusterOf(step);
    const wanted = podOf(cluster, member, catalog);
    const found = await client.find(Pods, key, step.signal);
    try {
      if (!found) {
        step.progress(`${member.pod} is made anew`);
        await client.create(Pods, wanted, step.signal);
      } else if (found.metadata?.deletionTimestamp !== undefined) {
        step.progress(`${member.pod} ends`);
        mustEnd(step, found);
      } else if (isOld(found) || !fitsInstance(found, wanted)) {
        const preconditions = { uid: found.metadata?.uid ?? '' };
        await client.delete(Pods, key, { preconditions }, step.signal);
      } else return;
    } catch (error) {
      // Whoever was faster made or removed it; the next look tells.
      if (
        !isStackError(error, 'AlreadyExists') &&
        !isStackError(error, 'NotFound') &&
        !isStackError(error, 'Conflict')
      ) {
        throw error;
      }
    }
    await clock.sleep(POLL_MS, step.signal);
  }
}

/**
 * A pod that does not end is on a node that is off. It is not taken from the API by force: its engine may live on there, with
 * the volume that the new pod needs.
 */
function mustEnd(step: ClusterStepContext, { metadata, spec }: Pod): void {
  const { clock, catalog } = step.services;
  const overdueMs = clock.now().getTime() - Date.parse(metadata?.deletionTimestamp ?? '');
  if (!(overdueMs > patienceOf(step, 'podEndMs'))) return;
  const text = `pod ${metadata?.name} does not end, ${Math.round(overdueMs / 1_000)} s after it should have`;
  const trouble = catalog.nodeTrouble(spec?.nodeName);
  throw new StackError('PodNotRunning', trouble === undefined ? text : `${text}; ${trouble}`);
}

/** Until its engine works in its role, and services lead to it. */
async function untilReady(step: ClusterStepContext, member: Member): Promise<EngineReport> {
  const { pods, clock } = step.services;
  const cluster = await clusterOf(step);
  const look = reporterOf(step, cluster, member);
  const { agent, engine: found } = await waitForAgent(step, cluster, member);
  // What it failed with may be mended: it is asked to try now, not after the agent's next pause.
  if (found.state === 'failed' && found.pid === undefined) await agent.start(step.signal);
  const engine = await untilWorking(step, look, member);
  const isReady = (): boolean =>
    pods
      .get(`${keyOf(step).namespace}/${member.pod}`)
      ?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
  const limitMs = patienceOf(step, 'startMs');
  const waitsFor = createStandstill(step.services);
  while (!isReady()) {
    const text = `${member.pod} is not ready yet`;
    step.progress(text);
    // Its node may go while nobody looks at it.
    await look();
    if (waitsFor(text) > limitMs) throw new StackError('PodNotRunning', `${text}, though its engine works`);
    await clock.sleep(POLL_MS, step.signal);
  }
  return engine;
}

const verdicts: ReadonlySet<string> = new Set<ErrorCode>([
  'UpgradeBackedOut',
  'PodNotRunning',
  'PodUnscheduled',
  'EngineStartFailed',
  'EngineTimeout',
  'ReplicaBehind',
  'AgentUnreachable',
]);

/** Whether what went wrong is the fault of what the instance runs with; all else is tried again. */
const isVerdict = (error: unknown): boolean => !isStackError(error) || verdicts.has(error.code);
