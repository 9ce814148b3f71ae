import type { PodConnector } from '@polarstack/api';
import type { ResourceHandler } from '../http/resource-handler.ts';
import type { SubresourceHandler } from '../http/router.ts';
import { errors } from '../http/status.ts';
import type { Environment } from '../operations/environment.ts';
import { serveBinding } from './binding.ts';
import { serveEviction } from './eviction.ts';
import { serveFinalize } from './finalize.ts';
import { serveLog } from './log.ts';
import { serveScale } from './scale.ts';

export interface SubresourceOptions {
  readonly env: Environment;
  readonly connector: () => PodConnector | undefined;
  readonly send: ResourceHandler['send'];
  readonly signal: AbortSignal;
}

/** Subresources other than `status`, which goes with its resource, and those that are an upgrade. */
export function createSubresources({ env, connector, send, signal }: SubresourceOptions): SubresourceHandler {
  return async (call) => {
    const { definition, path } = call;
    const { subresource = '', name } = path;
    if (name === undefined) return false;
    const core = definition.group === '' ? `${definition.plural}/${subresource}` : '';
    switch (core) {
      case 'pods/log':
        await serveLog(call, { store: env.store, clock: env.clock, connector, signal });
        return true;
      case 'pods/binding':
        await serveBinding(call, env);
        return true;
      case 'pods/eviction':
        await serveEviction(call, env);
        return true;
      case 'pods/attach':
      case 'pods/exec':
      case 'pods/portforward':
        throw errors.badRequest('Upgrade request required');
      case 'namespaces/finalize':
        send(call, 200, await serveFinalize(call, env));
        return true;
      default:
    }
    if (subresource !== 'scale' || !definition.scale) return false;
    await serveScale(call, definition.scale, env, send);
    return true;
  };
}
