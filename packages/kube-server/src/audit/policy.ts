/**
 * Which requests are written down: the rules of `audit.k8s.io/v1` Policy, of which the first that fits counts.
 *
 * Bodies are never kept, so of the levels there are `None` and `Metadata` alone; a policy that asks for more is refused
 * rather than obeyed in part.
 */
import { StackError } from '@polarstack/base';
import { parse } from 'yaml';
import { arrayAt, isObject, type JsonObject, stringAt } from '../json.ts';

export type AuditLevel = 'None' | 'Metadata';

/** An empty list fits everything; so does `*` in one. */
export interface AuditRule {
  readonly level: AuditLevel;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly AuditResources[];
  readonly namespaces: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

export interface AuditResources {
  readonly group: string;
  /** With the subresource after a slash (`pods/exec`); `*` stands for any, on either side of it. */
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
}

/** What rules look at. */
export interface AuditSubject {
  readonly user: string;
  readonly groups: readonly string[];
  readonly verb: string;
  readonly path: string;
  readonly resource?: {
    readonly group: string;
    readonly plural: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
}

const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/**
 * What is written down where nobody says otherwise: every write, every command and forwarded port, every look at a
 * Secret. Not what our own parts write all the time to say that they are alive.
 */
export const defaultAuditPolicy: AuditPolicy = readPolicy({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [
    {
      level: 'None',
      userGroups: ['polarstack:components'],
      resources: [
        { group: '', resources: ['events', 'nodes/status'] },
        { group: 'events.k8s.io', resources: ['events'] },
        { group: 'coordination.k8s.io', resources: ['leases'] },
      ],
    },
    {
      level: 'None',
      resources: [{ group: 'authorization.k8s.io' }, { group: 'authentication.k8s.io' }],
    },
    { level: 'Metadata', verbs: writes },
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets', 'pods/exec', 'pods/portforward'] }] },
  ],
});

/** Reads a policy, as text in YAML or JSON. Throws `AuditPolicyInvalid`. */
export function parsePolicy(text: string): AuditPolicy {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  if (!isObject(value)) throw invalid('it is not an object');
  return readPolicy(value);
}

function readPolicy(policy: Readonly<JsonObject>): AuditPolicy {
  if (policy.kind !== 'Policy' || policy.apiVersion !== 'audit.k8s.io/v1') {
    throw invalid('it is no Policy of audit.k8s.io/v1');
  }
  if (!Array.isArray(policy.rules)) throw invalid('rules: a list is needed');
  return { rules: policy.rules.map((rule: unknown, i) => readRule(rule, `rules[${i}]`)) };
}

function readRule(rule: unknown, at: string): AuditRule {
  if (!isObject(rule)) throw invalid(`${at}: an object is needed`);
  const known = ['level', 'users', 'userGroups', 'verbs', 'resources', 'namespaces', 'nonResourceURLs', 'omitStages'];
  for (const name of Object.keys(rule)) if (!known.includes(name)) throw invalid(`${at}.${name}: is not known`);
  const { level } = rule;
  if (level === 'Request' || level === 'RequestResponse') {
    throw invalid(`${at}.level: ${level} would keep bodies, which this server never does; use Metadata`);
  }
  if (level !== 'None' && level !== 'Metadata') throw invalid(`${at}.level: None or Metadata is needed`);
  return {
    level,
    users: texts(rule, 'users', at),
    userGroups: texts(rule, 'userGroups', at),
    verbs: texts(rule, 'verbs', at),
    namespaces: texts(rule, 'namespaces', at),
    nonResourceURLs: texts(rule, 'nonResourceURLs', at),
    resources: arrayAt(rule, 'resources').map((entry, i) => {
      const place = `${at}.resources[${i}]`;
      if (!isObject(entry)) throw invalid(`${place}: an object is needed`);
      return {
        group: stringAt(entry, 'group') ?? '',
        resources: texts(entry, 'resources', place),
        resourceNames: texts(entry, 'resourceNames', place),
      };
    }),
  };
}

function texts(value: Readonly<JsonObject>, name: string, at: string): readonly string[] {
  const list = value[name] ?? [];
  if (!Array.isArray(list) || !list.every((one) => typeof one === 'string')) {
    throw invalid(`${at}.${name}: a list of texts is needed`);
  }
  return list;
}

const invalid = (why: string): StackError => new StackError('AuditPolicyInvalid', `the audit policy: ${why}`);

/** The level of the first rule that fits; None where none does. */
export function levelOf({ rules }: AuditPolicy, subject: AuditSubject): AuditLevel {
  return rules.find((rule) => fits(rule, subject))?.level ?? 'None';
}

const has = (list: readonly string[], text: string): boolean =>
  list.length === 0 || list.includes(text) || list.includes('*');

function fits(rule: AuditRule, { user, groups, verb, path, resource }: AuditSubject): boolean {
  if (!has(rule.users, user) || !has(rule.verbs, verb)) return false;
  if (rule.userGroups.length > 0 && !groups.some((group) => rule.userGroups.includes(group))) return false;
  const asksResource = rule.resources.length > 0 || rule.namespaces.length > 0;
  if (!resource) {
    if (asksResource) return false;
    return rule.nonResourceURLs.length === 0 || rule.nonResourceURLs.some((pattern) => fitsPath(pattern, path));
  }
  if (rule.nonResourceURLs.length > 0 && !asksResource) return false;
  // A namespace of its own name counts as none, as in Kubernetes: "" in the list means cluster scope.
  if (rule.namespaces.length > 0 && !rule.namespaces.includes(resource.namespace ?? '')) return false;
  return rule.resources.length === 0 || rule.resources.some((entry) => fitsResource(entry, resource));
}

function fitsResource(entry: AuditResources, resource: NonNullable<AuditSubject['resource']>): boolean {
  if (entry.group !== resource.group) return false;
  const { plural, subresource, name = '' } = resource;
  if (entry.resourceNames.length > 0 && !entry.resourceNames.includes(name)) return false;
  if (entry.resources.length === 0) return true;
  const whole = subresource === undefined ? plural : `${plural}/${subresource}`;
  return entry.resources.some(
    (one) =>
      one === '*' ||
      one === whole ||
      (subresource !== undefined && (one === `${plural}/*` || one === `*/${subresource}`)),
  );
}

function fitsPath(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}
