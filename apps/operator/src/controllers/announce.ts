import type { MPDCluster } from '@polarstack/api';
import { conditionOf } from '@polarstack/domain';
import type { EventRecorder } from '@polarstack/kube';

/** Tells people what changed between two states of a cluster: one Event for each thing they would want to know. */
export function announce(events: EventRecorder, before: MPDCluster, after: MPDCluster): void {
  const [old, now] = [before.status?.conditions, after.status?.conditions];
  const changed = (type: 'Accepted' | 'Degraded' | 'DeletionRefused' | 'Progressing') => {
    const condition = conditionOf(now, type);
    const previous = conditionOf(old, type);
    const same = previous?.status === condition?.status && previous?.reason === condition?.reason;
    return same ? undefined : condition;
  };
  const say = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    events.record(after, { type, reason, message });

  const accepted = conditionOf(now, 'Accepted');
  const earlier = conditionOf(old, 'Accepted');
  // A second wrong spec with another reason is news as well.
  if (accepted?.status === 'False' && accepted.message !== earlier?.message) {
    say('Warning', accepted.reason ?? 'Rejected', accepted.message ?? '');
  } else if (accepted?.status === 'True' && earlier?.status === 'False') {
    say('Normal', 'Accepted', 'The spec can be carried out');
  }
  const refused = changed('DeletionRefused');
  if (refused?.status === 'True') say('Warning', 'DeletionProtected', refused.message ?? '');
  const degraded = changed('Degraded');
  if (degraded?.status === 'True') say('Warning', degraded.reason ?? 'Degraded', degraded.message ?? '');
  if (degraded?.status === 'False' && conditionOf(old, 'Degraded')?.status === 'True') {
    say('Normal', 'ClusterReady', 'All instances work again');
  }
  const progressing = changed('Progressing');
  // Whoever pauses an operation knows.
  const idle = ['Idle', 'Paused'].includes(progressing?.reason ?? '') || progressing?.status === 'True';
  if (progressing && !idle) say('Warning', progressing.reason ?? 'Interrupted', progressing.message ?? '');

  for (const [id, entry] of Object.entries(after.status?.dbInstanceStatus ?? {})) {
    const was = before.status?.dbInstanceStatus?.[id];
    if (entry.ready && !was?.ready)
      say('Normal', 'InstanceReady', `Instance ${entry.podName} works as ${entry.role ?? entry.insType}`);
  }
}
