/** API servers for tests: ours, and a real one where `make kube-assets` found or built it. */
import { findKubeAssets } from '../kube-assets.ts';
import { missing } from '../requirements.ts';
import { startEmbeddedKube } from './embedded.ts';
import { startRealKube } from './real.ts';
import type { KubeTestServer } from './server.ts';

export { type EmbeddedOptions, startEmbeddedKube } from './embedded.ts';
export { type Gateway, type GatewayAnswer, type GatewayRequest, startGateway } from './gateway.ts';
export { agentOf, createIdentity, type Identity } from './identity.ts';
export { startRealKube } from './real.ts';
export type { Endpoint, KubeTestServer } from './server.ts';

export interface KubeServerChoice {
  readonly kind: KubeTestServer['kind'];
  start(): Promise<KubeTestServer>;
}

/**
 * The servers that a suite runs against: `for (const server of kubeServers()) describe(server.kind, ...)`. The real one
 * is left out, with a printed reason, where this machine has none and `REQUIRE` does not list `kube`.
 */
export function kubeServers(): readonly KubeServerChoice[] {
  const choices: KubeServerChoice[] = [{ kind: 'embedded', start: async () => await startEmbeddedKube() }];
  if (missing('kube')) return choices;
  const found = findKubeAssets();
  if (found.complete) choices.push({ kind: 'real', start: async () => await startRealKube(found.assets) });
  return choices;
}
