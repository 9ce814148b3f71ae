import type { PodConnector } from '@polarstack/api';
import { type KubeTestServer, startEmbeddedKube } from '@polarstack/testkit/kube-servers';

export const startOurs = async (connector?: PodConnector): Promise<KubeTestServer> =>
  await startEmbeddedKube({ connector, historyEvents: 3_000 });
