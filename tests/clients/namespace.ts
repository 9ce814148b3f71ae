import { createKubeClient, Namespaces } from '@polarstack/kube';
import type { KubeTestServer } from '@polarstack/testkit/kube-servers';

export async function createNamespace(server: KubeTestServer, name: string): Promise<void> {
  const client = createKubeClient(server.connection);
  try {
    await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  } finally {
    await client.close();
  }
}
