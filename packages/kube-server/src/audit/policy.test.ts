import { describe, expect, it } from 'vitest';
import { type AuditSubject, defaultAuditPolicy, levelOf, parsePolicy } from './policy.ts';

const subject = (verb: string, plural: string, more: Partial<AuditSubject> & { subresource?: string } = {}) => ({
  user: 'ann',
  groups: ['dev'],
  path: '/',
  verb,
  resource: {
    group: plural === 'leases' ? 'coordination.k8s.io' : '',
    plural,
    namespace: 'default',
    name: 'x',
    ...(more.subresource === undefined ? {} : { subresource: more.subresource }),
  },
  ...more,
});
const policy = (rules: string): ReturnType<typeof parsePolicy> =>
  parsePolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules}`);

describe('the policy where nobody says otherwise', () => {
  it.each([
    ['create', 'configmaps', 'Metadata'],
    ['deletecollection', 'pods', 'Metadata'],
    ['get', 'secrets', 'Metadata'],
    ['watch', 'secrets', 'Metadata'],
    ['get', 'configmaps', 'None'],
    ['list', 'pods', 'None'],
  ])('%s %s: %s', (verb, plural, level) => {
    expect(levelOf(defaultAuditPolicy, subject(verb, plural))).toBe(level);
  });

  it('has commands and forwarded ports, and not the pulse of our own parts', () => {
    expect(levelOf(defaultAuditPolicy, subject('create', 'pods', { subresource: 'exec' }))).toBe('Metadata');
    expect(levelOf(defaultAuditPolicy, subject('get', 'pods', { subresource: 'portforward' }))).toBe('Metadata');
    const component = { groups: ['polarstack:components'] };
    expect(levelOf(defaultAuditPolicy, subject('update', 'leases', component))).toBe('None');
    expect(levelOf(defaultAuditPolicy, subject('update', 'leases'))).toBe('Metadata');
    expect(levelOf(defaultAuditPolicy, subject('patch', 'nodes', { ...component, subresource: 'status' }))).toBe(
      'None',
    );
    expect(levelOf(defaultAuditPolicy, subject('patch', 'nodes', component))).toBe('Metadata');
  });
});

describe('a policy', () => {
  it('counts by its first rule that fits, and writes nothing where none does', () => {
    const rules = policy('- {level: None, users: [ann], verbs: [get]}\n- {level: Metadata, userGroups: [dev]}');
    expect(levelOf(rules, subject('get', 'pods'))).toBe('None');
    expect(levelOf(rules, subject('list', 'pods'))).toBe('Metadata');
    expect(levelOf(rules, subject('list', 'pods', { groups: ['ops'] }))).toBe('None');
  });

  it('names resources, subresources, objects, namespaces and paths', () => {
    const level = (rule: string, asked: AuditSubject) => levelOf(policy(`- {level: Metadata, ${rule}}`), asked);
    const scale = subject('get', 'pods', { subresource: 'scale' });
    expect(level("resources: [{group: '', resources: [pods]}]", scale)).toBe('None');
    for (const one of ['pods/scale', 'pods/*', '*/scale', '*']) {
      expect(level(`resources: [{group: '', resources: ['${one}']}]`, scale), one).toBe('Metadata');
    }
    expect(level("resources: [{group: apps, resources: ['*']}]", scale)).toBe('None');
    expect(level("resources: [{group: '', resources: [pods], resourceNames: [y]}]", subject('get', 'pods'))).toBe(
      'None',
    );
    expect(level('namespaces: [kube-system]', scale)).toBe('None');
    expect(level('namespaces: [default]', scale)).toBe('Metadata');
    const path = { user: 'ann', groups: [], verb: 'get', path: '/metrics' };
    expect(level("nonResourceURLs: ['/met*']", path)).toBe('Metadata');
    expect(level("nonResourceURLs: ['/healthz']", path)).toBe('None');
    expect(level("nonResourceURLs: ['*']", scale)).toBe('None');
    expect(level("resources: [{group: ''}]", path)).toBe('None');
  });

  it.each([
    ['- {level: RequestResponse}', 'would keep bodies'],
    ['- {level: Everything}', 'None or Metadata'],
    ['- {level: None, user: [x]}', 'rules[0].user: is not known'],
    ['- {level: None, users: x}', 'a list of texts'],
    ['- none', 'an object is needed'],
    ['{', 'the audit policy'],
  ])('that cannot be obeyed is refused: %s', (rules, why) => {
    expect(() => policy(rules)).toThrow(why);
  });
});
