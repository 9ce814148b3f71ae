import { isOperationType, type MPDCluster, type MPDOperation } from '@polarstack/api';
import { isPlanned } from '@polarstack/domain';

/** Why something cannot be done, and what to do instead. */
export interface Objection {
  readonly message: string;
  readonly remedy: string;
}

const isOfCluster = ({ spec }: MPDOperation): boolean => spec.type === 'Create' || spec.type === 'Delete';

/** What the spec of an operation asks for and cannot be heeded: the making and deleting of a cluster are not asked for here. */
export function unheededWishes(operation: MPDOperation): readonly Objection[] {
  const { planOnly, startAt, approval, type } = operation.spec;
  if (!isOfCluster(operation)) return [];
  const wishes = [
    ...(planOnly ? ['planOnly'] : []),
    ...(startAt !== undefined ? ['startAt'] : []),
    ...(approval?.required ? ['approval'] : []),
  ];
  return wishes.map((field) => ({
    message: `spec.${field}: not for operations of type ${type}`,
    remedy: `Leave it out: ${type} begins at once, with the cluster.`,
  }));
}

/** Why an operation that has not begun cannot be carried out, whatever happens. */
export function objectionTo(operation: MPDOperation, cluster: MPDCluster): Objection | undefined {
  const { spec, metadata } = operation;
  if (!isOperationType(spec.type) || !(isOfCluster(operation) || isPlanned(spec.type))) {
    return {
      message: `operations of type ${spec.type} cannot be carried out yet`,
      remedy: 'Delete it; the cluster runs on unchanged.',
    };
  }
  if (!isOfCluster(operation)) return undefined;
  const how = spec.type === 'Create' ? 'making' : 'deleting';
  if (!metadata.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid)) {
    const message = `${spec.type} is begun by ${how} the cluster, not by an operation`;
    return { message, remedy: `Use ${how} the MPDCluster instead.` };
  }
  // The cluster's own deletion is what protects it; an operation alone does not get round that.
  if (spec.type === 'Delete' && !cluster.metadata.deletionTimestamp) {
    return { message: 'the cluster is not being deleted', remedy: 'Delete the MPDCluster instead.' };
  }
  return undefined;
}
