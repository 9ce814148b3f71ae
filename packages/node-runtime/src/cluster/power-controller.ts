/**
 * Pulls a node's plug and puts it back, as its annotation says.
 *
 * Invariants (tests cite them):
 * P1. A node is shown as lost only when no process of its pods is left; from the first kill on nothing is started.
 * P2. The annotation is the only state: a restart of control finds the node as it was left.
 */
import { isStackError, type Logger } from '@polarstack/base';
import { type Controller, createController, source } from '@polarstack/kube';
import type { NodeSpec } from '../types.ts';
import type { Caches } from './caches.ts';
import type { NodeKeeper } from './node-keeper.ts';
import { isPoweredOn } from './node-power.ts';

export interface PowerControllerOptions {
  readonly caches: Pick<Caches, 'nodes'>;
  readonly keeper: NodeKeeper;
  readonly nodes: readonly NodeSpec[];
  /** Whether pods may run there at the moment; set before anything else happens. */
  readonly setPower: (node: string, on: boolean) => void;
  /** Kills every process of the node's pods and proves it. */
  readonly killNode: (node: string) => Promise<number>;
  readonly logger: Logger;
}

export function createPowerController(options: PowerControllerOptions): Controller {
  const { caches, keeper, nodes, logger } = options;
  const down = new Set<string>();
  return createController({
    sources: [source(caches.nodes, ({ object }) => [object.metadata?.name ?? ''])],
    concurrency: nodes.length,
    reconcile: async (name, signal) => {
      const spec = nodes.find((candidate) => candidate.name === name);
      if (!spec) return;
      const node = caches.nodes.get(name);
      if (!node) {
        await keeper.register(spec, isPoweredOn, signal);
        return;
      }
      if (isPoweredOn(node)) {
        down.delete(name);
        await keeper.publish(spec, true, signal);
        options.setPower(name, true);
        return;
      }
      options.setPower(name, false);
      if (!down.has(name)) {
        const killed = await options.killNode(name);
        down.add(name);
        logger.info({ node: name, killed }, 'node switched off');
      }
      await keeper.publish(spec, false, signal);
    },
    onError: (error, node) => {
      if (!isStackError(error, 'Conflict')) logger.error({ err: error, node }, 'a node could not be switched');
    },
  });
}
