/** kubectl with a node runtime behind the API: pods are processes of this machine. */
import type { PodConnector } from '@polarstack/api';
import { createKubeClient } from '@polarstack/kube';
import { run } from '@polarstack/testkit';
import { type KubeTestServer, startEmbeddedKube } from '@polarstack/testkit/kube-servers';
import { createTestHome, podThat } from '../node-runtime/harness.ts';
import type { Said } from './harness.ts';

export interface RealPods {
  readonly server: KubeTestServer;
  kubectl(
    args: readonly string[],
    options?: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Said>;
  /** Like `kubectl`, but throws unless it succeeds; answers its output. */
  ok(args: readonly string[], input?: string): Promise<string>;
  /** Makes a pod of one container that runs a script, and waits until it is in a phase. */
  pod(name: string, script: string, more?: { readonly phase?: string; readonly restartPolicy?: string }): Promise<void>;
  stop(): Promise<void>;
}

export async function startRealPods(): Promise<RealPods> {
  // The runtime is a client of the server and serves it as well.
  let runtime: PodConnector | undefined;
  const required = (): PodConnector => {
    if (!runtime) throw new Error('the runtime has not started yet');
    return runtime;
  };
  const connector: PodConnector = {
    exec: (ref, request, signal) => required().exec(ref, request, signal),
    logs: (ref, request, signal) => required().logs(ref, request, signal),
  };
  const server = await startEmbeddedKube({ connector });
  const client = createKubeClient(server.connection);
  const home = await createTestHome(client);
  runtime = await home.start();
  const kubectl: RealPods['kubectl'] = (args, { input, env } = {}) =>
    run('kubectl', args, {
      env: { KUBECONFIG: server.kubeconfig, HOME: server.folder, ...env },
      ...(input === undefined ? {} : { input }),
    });
  const ok: RealPods['ok'] = async (args, input) => {
    const said = await kubectl(args, input === undefined ? {} : { input });
    if (said.code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit ${said.code}\n${said.stdout}${said.stderr}`);
    return said.stdout;
  };
  return {
    server,
    kubectl,
    ok,
    pod: async (name, script, { phase = 'Running', restartPolicy = 'Never' } = {}) => {
      const container = { name: 'main', image: 'host', command: ['/bin/sh', '-c', script] };
      const spec = { containers: [container], restartPolicy, terminationGracePeriodSeconds: 1 };
      await ok(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }));
      await podThat(client, name, `is ${phase}`, (pod) => pod.status?.phase === phase);
    },
    stop: async () => {
      await home.dispose();
      await client.close();
      await server.stop();
    },
  };
}
