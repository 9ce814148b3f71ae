import type { ContainerRef, PodConnector } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { errors, failure } from '../http/status.ts';
import { arrayAt, isObject, objectAt, stringAt } from '../json.ts';
import { storePrefix } from '../registry/definition.ts';
import type { ObjectStore, StoredObject } from '../store/object-store.ts';

const subject = { group: '', plural: 'pods', kind: 'Pod' };

export function findPod(store: ObjectStore, namespace: string, name: string): StoredObject {
  const pod = store.get(`${storePrefix('', 'pods')}${namespace}/${name}`);
  if (!pod) throw errors.notFound(subject, name);
  return pod;
}

function containerNames(pod: StoredObject): readonly string[] {
  return ['containers', 'initContainers', 'ephemeralContainers'].flatMap((field) =>
    arrayAt(pod, 'spec', field).flatMap((container) => stringAt(container, 'name') ?? []),
  );
}

/** The container that is meant: the one named, else the annotated or the only one. Throws 400 as Kubernetes does. */
export function chooseContainer(pod: StoredObject, wanted: string | null): string {
  const name = String(pod.metadata.name);
  const all = containerNames(pod);
  if (wanted !== null && wanted !== '') {
    if (all.includes(wanted)) return wanted;
    throw errors.badRequest(`container ${wanted} is not valid for pod ${name}`);
  }
  const annotated = stringAt(pod, 'metadata', 'annotations', 'kubectl.kubernetes.io/default-container');
  if (annotated !== undefined && all.includes(annotated)) return annotated;
  const [first, second] = arrayAt(pod, 'spec', 'containers').map((c) => stringAt(c, 'name') ?? '');
  if (first !== undefined && second === undefined) return first;
  throw errors.badRequest(`a container name must be specified for pod ${name}, choose one of: [${all.join(' ')}]`);
}

export function requireConnector(connector: () => PodConnector | undefined): PodConnector {
  const found = connector();
  if (!found) throw errors.unavailable('no node runtime is connected to this server yet');
  return found;
}

/** What a failed call to the node runtime means to the client. */
export function podFailure(error: unknown, pod: StoredObject, { container = '' }: ContainerRef): unknown {
  if (!isStackError(error)) return error;
  const name = String(pod.metadata.name);
  const waiting = waitingReason(pod, container);
  if (waiting !== undefined) {
    return errors.badRequest(`container "${container}" in pod "${name}" is waiting to start: ${waiting}`);
  }
  if (error.code === 'NotFound')
    return errors.badRequest(`container "${container}" in pod "${name}" is not available: ${error.message}`);
  return failure(500, 'InternalError', `${error.code}: ${error.message}`);
}

function waitingReason(pod: StoredObject, container: string): string | undefined {
  const statuses = [...arrayAt(pod, 'status', 'containerStatuses'), ...arrayAt(pod, 'status', 'initContainerStatuses')];
  const own = statuses.filter(isObject).find((status) => status.name === container);
  if (!own) return arrayAt(pod, 'status', 'containerStatuses').length === 0 ? 'ContainerCreating' : undefined;
  return objectAt(own, 'state', 'waiting')
    ? (stringAt(own, 'state', 'waiting', 'reason') ?? 'ContainerCreating')
    : undefined;
}

export const connectionLost = (): StackError => new StackError('Cancelled', 'the client closed the connection');
