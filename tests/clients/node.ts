/** A node and one pod on it, played: commands, logs and ports of a pod that a scenario asks for. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PodConnector } from '@polarstack/api';
import { createKubeClient, Pods } from '@polarstack/kube';
import type { KubeTestServer } from '@polarstack/testkit/kube-servers';

/** `fail <code>` ends with that code; anything else repeats what it was told, on both of its outputs. */
export const connector: PodConnector = {
  exec: async ({ pod }, { command, stdin, stdout, stderr }) => {
    if (command[0] === 'fail') return Number(command[1]);
    let input = '';
    for await (const chunk of stdin ?? []) input += String(chunk);
    stdout.write(`${pod} ran ${command.join(' ')}: ${input}\n`);
    stderr.write('and complained\n');
    return 0;
  },
  logs: async function* ({ pod }) {
    yield Buffer.from(`first line of ${pod}\n`);
    yield Buffer.from('second line\n');
  },
};

/** Makes the pod `target` run at 127.0.0.1, with a port that says hello; resolves with its end. */
export async function startTarget(server: KubeTestServer, namespace: string): Promise<() => Promise<void>> {
  const greeter = createServer((_request, response) => response.end('hello from the pod'));
  await new Promise<void>((resolve) => greeter.listen(0, '127.0.0.1', resolve));
  const { port } = greeter.address() as AddressInfo;
  const client = createKubeClient(server.connection);
  const made = await client.create(Pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'target', namespace, annotations: { 'clients/port': String(port) } },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'host' }] },
  });
  await client.replaceStatus(Pods, { ...made, status: { phase: 'Running', podIP: '127.0.0.1' } });
  return async () => {
    await client.close();
    greeter.closeAllConnections();
    await new Promise((resolve) => greeter.close(resolve));
  };
}
