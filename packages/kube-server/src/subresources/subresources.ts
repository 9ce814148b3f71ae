import type { PodConnector } from '@polarstack/api';
import type { ResourceHandler } from '../http/resource-handler.ts';
import type { SubresourceHandler } from '../http/router.ts';
import { errors, failure } from '../http/status.ts';
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

/** What real clusters serve and people ask for, and the way to do without. */
const unserved: Readonly<Record<string, string>> = {
  'pods/ephemeralcontainers': 'containers cannot be added to a pod that runs; use `kubectl exec`',
  'pods/resize': 'the resources of a pod cannot be changed; make another pod',
  'serviceaccounts/token': 'users are known by their client certificates, there are no tokens',
};

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
    const why = unserved[core];
    // With empty details, as paths that are not there: clients tell by them that it is not the object that is missing.
    if (why !== undefined) throw failure(404, 'NotFound', `${core} is not served by this API: ${why}`, {});
    if (subresource !== 'scale' || !definition.scale) return false;
    await serveScale(call, definition.scale, env, send);
    return true;
  };
}
