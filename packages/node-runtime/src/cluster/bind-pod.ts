import type { KubeClient, KubeObject, Resource } from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';

interface Binding extends KubeObject {
  readonly target: { readonly apiVersion: string; readonly kind: string; readonly name: string };
}

const Bindings: Resource<Binding> = {
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'pods',
  namespaced: true,
  subresource: 'binding',
};

/** Gives a pod to a node, as any scheduler does. */
export async function bindPod(client: KubeClient, pod: Pod, node: string, signal: AbortSignal): Promise<void> {
  const { name, namespace, uid } = pod.metadata ?? {};
  const metadata = {
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    ...(uid ? { uid } : {}),
  };
  await client.create(Bindings, { metadata, target: { apiVersion: 'v1', kind: 'Node', name: node } }, signal);
}
