import type { MPDCluster, MPDOperation } from '@polarstack/api';
import type { EventRecorder } from '@polarstack/kube';
import type { WorkflowEvent } from '@polarstack/workflow';
import type { Steering } from './steering.ts';

interface News {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What people want to hear of a run; undefined for what only its status shows, such as each step. */
function newsOf({ type, step, record }: WorkflowEvent): News | undefined {
  const { reason } = record;
  const why = reason ? `${reason.code}: ${reason.message}` : '';
  const at = step === undefined ? '' : ` at step ${step}`;
  switch (type) {
    case 'started':
      return { type: 'Normal', reason: 'OperationStarted', message: `begins; ${record.steps.length} steps` };
    case 'finished':
      return { type: 'Normal', reason: 'OperationSucceeded', message: 'has ended well' };
    case 'interrupted': {
      const message = `stopped${at}. ${why}. ${reason?.remedy ?? ''}`.trim();
      return { type: 'Warning', reason: 'OperationInterrupted', message };
    }
    case 'repairing':
      return { type: 'Warning', reason: 'OperationRepairing', message: `mends what stopped it${at}` };
    case 'paused':
      return { type: 'Normal', reason: 'OperationPaused', message: 'is paused' };
    case 'cancelling':
      return { type: 'Warning', reason: 'OperationCancelling', message: `is being undone: ${reason?.message ?? ''}` };
    case 'undone':
      return { type: 'Normal', reason: 'OperationStepUndone', message: `took step ${step} back` };
    case 'cancelled':
      return { type: 'Warning', reason: 'OperationCancelled', message: `has ended: ${reason?.message ?? ''}` };
    case 'resumed':
    case 'begun':
    case 'succeeded':
    case 'failed':
    case 'waiting':
      return undefined;
  }
}

const tell = (events: EventRecorder, operation: MPDOperation, cluster: MPDCluster | undefined, news: News): void => {
  const { type, reason, message } = news;
  const text = `${operation.spec.type} (${operation.metadata.name}) ${message}`;
  for (const object of cluster ? [operation, cluster] : [operation])
    events.record(object, { type, reason, message: text });
};

/** Tells people of what became of an operation: one Event on it, and one on its cluster. */
export function announceOperation(
  events: EventRecorder,
  operation: MPDOperation | undefined,
  cluster: MPDCluster | undefined,
  event: WorkflowEvent,
): void {
  const news = newsOf(event);
  if (news && operation) tell(events, operation, cluster, news);
}

const steered: Readonly<Record<Steering['action'], News | undefined>> = {
  Resume: { type: 'Normal', reason: 'OperationResumed', message: 'goes on' },
  RetryStep: { type: 'Normal', reason: 'OperationResumed', message: 'tries its step again' },
  RestartFromFirst: { type: 'Normal', reason: 'OperationResumed', message: 'begins again with its first step' },
  SkipStep: { type: 'Warning', reason: 'OperationResumed', message: 'goes on without a step' },
  // The run tells of these when they come about.
  Pause: undefined,
  Cancel: undefined,
};

/** Tells people that somebody's steering was carried out. */
export function announceSteering(
  events: EventRecorder,
  operation: MPDOperation,
  cluster: MPDCluster | undefined,
  { action, step, requester }: Steering,
): void {
  const news = steered[action];
  if (!news) return;
  const which = action === 'SkipStep' && step !== undefined ? ` (${step})` : '';
  const who = requester === undefined ? '' : `, as ${requester} asked`;
  tell(events, operation, cluster, { ...news, message: `${news.message}${which}${who}` });
}
