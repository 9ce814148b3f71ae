/**
 * Admission by policy: asks the stored ValidatingAdmissionPolicies about every write before it is accepted.
 *
 * - A1 A policy that is bound has its say on each create, update and delete, whoever asks: people, our components, the
 *   collector, the emptier of namespaces. What the server itself keeps (finalizers of its own, owner references,
 *   conditions of namespaces) carries out what was admitted before and is not asked about again.
 * - A2 It is asked inside the transaction of the write, about the state that the write was made from; a denial changes
 *   nothing. Dry runs are asked about like any other.
 * - A3 What fails to evaluate is denied unless the policy says `failurePolicy: Ignore`.
 * - A4 Policies and their bindings are themselves never subject to policies, so that nobody can lock themselves out.
 * - A5 Without bound policies a write pays for one comparison. Compiled policies live as long as the stored object they
 *   were compiled from; the list is made again after an event on a policy or a binding.
 */
import { failure } from '../http/status.ts';
import { arrayAt, type JsonObject, objectAt, stringAt } from '../json.ts';
import { storePrefix } from '../registry/definition.ts';
import type { Registry } from '../registry/registry.ts';
import type { ObjectStore, StoredObject } from '../store/object-store.ts';
import { activationOf } from './expressions.ts';
import { matchResources, namespaceOf } from './match.ts';
import { paramsOf } from './params.ts';
import { type CompiledPolicy, compilePolicy, type Denial, judge } from './policy.ts';
import type { Admission, AdmissionRequest } from './request.ts';

export const ADMISSION_GROUP = 'admissionregistration.k8s.io';
const POLICIES = storePrefix(ADMISSION_GROUP, 'validatingadmissionpolicies');
const BINDINGS = storePrefix(ADMISSION_GROUP, 'validatingadmissionpolicybindings');

/** Whether a key of the store holds what admission depends on. */
export const concernsAdmission = (key: string): boolean => key.startsWith(POLICIES) || key.startsWith(BINDINGS);

interface Binding {
  readonly name: string;
  /** Limits the policy further; undefined: it does not. */
  readonly resources: Readonly<JsonObject> | undefined;
  /** Where the parameters of the policy are. */
  readonly paramRef: Readonly<JsonObject> | undefined;
  readonly denies: boolean;
  readonly warns: boolean;
}

interface BoundPolicy {
  readonly policy: CompiledPolicy;
  readonly bindings: readonly Binding[];
}

/** `signal` ends the subscription to the store. */
export function createAdmission(store: ObjectStore, registry: Registry, signal: AbortSignal): Admission {
  const compiled = new WeakMap<StoredObject, CompiledPolicy>();
  let current: readonly BoundPolicy[] | undefined;

  const compiledOf = (stored: StoredObject): CompiledPolicy => {
    const policy = compiled.get(stored) ?? compilePolicy(stored);
    compiled.set(stored, policy);
    return policy;
  };

  const boundPolicies = (): readonly BoundPolicy[] => {
    const bindings = store.list(BINDINGS).map(({ object }) => object);
    return store.list(POLICIES).flatMap(({ object }) => {
      const own = bindings.filter((binding) => stringAt(binding, 'spec', 'policyName') === object.metadata.name);
      return own.length === 0 ? [] : [{ policy: compiledOf(object), bindings: own.map(readBinding) }];
    });
  };

  const ask = ({ policy, bindings }: BoundPolicy, request: AdmissionRequest): void => {
    const matched = matchResources(policy.constraints, request, store, registry);
    if (!matched) return;
    const namespace = namespaceOf(store, request);
    const activation = activationOf(matched, request, namespace);
    /** What the policy says is the same for all bindings that give it no parameters. */
    let common: readonly Denial[] | undefined;
    const denialsFor = ({ paramRef }: Binding): readonly Denial[] => {
      const params = paramsOf(store, registry, policy.paramKind, paramRef, request.namespace);
      if ('problem' in params) {
        const message = `failed to configure binding: ${params.problem}`;
        return policy.ignoresFailures ? [] : [{ message, reason: 'Invalid', isForced: true }];
      }
      if (params.length === 1 && params[0] === null) {
        common ??= judge(policy, activation);
        return common;
      }
      return params.flatMap((one) => judge(policy, activation, one));
    };
    for (const binding of bindings) {
      if (binding.resources && !matchResources(binding.resources, request, store, registry)) continue;
      for (const denial of denialsFor(binding)) {
        if (binding.denies || denial.isForced) throw denied(request, policy.name, binding.name, denial);
        if (binding.warns) {
          request.context.warn?.(
            `Validation failed for ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}': ${denial.message}`,
          );
        }
      }
    }
  };

  const stop = store.subscribe(`${ADMISSION_GROUP}/`, store.revision, () => {
    current = undefined; // A5
  });
  signal.addEventListener('abort', stop, { once: true });

  return {
    admit: (request) => {
      current ??= boundPolicies();
      if (current.length === 0 || concernsAdmission(request.definition.prefix)) return; // A4
      for (const bound of current) ask(bound, request);
    },
  };
}

function readBinding(binding: StoredObject): Binding {
  const actions = arrayAt(binding, 'spec', 'validationActions');
  return {
    name: String(binding.metadata.name),
    resources: objectAt(binding, 'spec', 'matchResources'),
    paramRef: objectAt(binding, 'spec', 'paramRef'),
    denies: actions.includes('Deny'),
    warns: actions.includes('Warn'),
  };
}

const codes: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

function denied(
  { definition: { group, plural }, name }: AdmissionRequest,
  policy: string,
  binding: string,
  { message, reason }: Denial,
): Error {
  const why = `ValidatingAdmissionPolicy '${policy}' with binding '${binding}' denied request: ${message}`;
  const subject = `${plural}${group === '' ? '' : `.${group}`}${name === '' ? '' : ` "${name}"`}`;
  return failure(codes[reason] ?? 422, reason, `${subject} is forbidden: ${why}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind: plural,
    causes: [{ message: why }],
  });
}
