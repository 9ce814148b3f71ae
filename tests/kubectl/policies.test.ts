/** The deletion protection of clusters, and policies of one's own, by the real kubectl. */
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definition, type KubectlLab, ship, startLab } from './harness.ts';

const file = (path: string): string => new URL(`../../deploy/${path}`, import.meta.url).pathname;
const CRD = file('crds/mpd.polardb.aliyun.com_mpdclusters.yaml');
const POLICY = file('policies/deletion-protection.yaml');

const cluster = (name: string, protection: string): string => `---
apiVersion: mpd.polardb.aliyun.com/v1
kind: MPDCluster
metadata: {name: ${name}, finalizers: [example.com/test]}
spec: {dbClusterType: local, followerNum: 0, classInfo: {className: local.small}${protection}}
`;

describe.skipIf(missing('kubectl'))('the deletion protection of clusters', () => {
  let lab: KubectlLab;
  beforeAll(async () => {
    lab = await startLab();
    await lab.ok(['apply', '-f', CRD, '-f', POLICY]);
    await lab.ok(['wait', '--for=condition=Established', 'crd/mpdclusters.mpd.polardb.aliyun.com', '--timeout=30s']);
  });
  afterAll(async () => {
    await lab?.stop();
  });
  const get = (name: string): Promise<string> => lab.ok(['get', 'mpd', name, '-o', 'json']);
  const lift = ['--type=merge', '-p', '{"spec":{"deletionProtection":false}}'];
  const release = ['--type=merge', '-p', '{"metadata":{"finalizers":null}}'];

  it('refuses to delete, tells how to lift it, and changes nothing; lifted, the cluster goes', async () => {
    await lab.ok(['apply', '-f', '-'], cluster('safe', ', deletionProtection: true'));
    const before = await get('safe');
    for (const extra of [[], ['--dry-run=server'], ['--cascade=foreground'], ['--force', '--grace-period=0']]) {
      const refused = await lab.kubectl(['delete', 'mpd', 'safe', ...extra]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(
        'Error from server (Forbidden): mpdclusters.mpd.polardb.aliyun.com "safe" is forbidden: ' +
          "ValidatingAdmissionPolicy 'polarstack-deletion-protection' with binding 'polarstack-deletion-protection' " +
          'denied request: spec.deletionProtection is true. If the cluster is really to go: kubectl -n default ' +
          `patch mpd safe --type=merge -p '{"spec":{"deletionProtection":false}}', then delete it again.`,
      );
    }
    expect(await get('safe')).toBe(before);
    expect(JSON.parse(before)).not.toHaveProperty('metadata.deletionTimestamp');

    await lab.ok(['patch', 'mpd', 'safe', ...lift]);
    await lab.ok(['delete', 'mpd', 'safe', '--dry-run=server']);
    expect(JSON.parse(await get('safe'))).not.toHaveProperty('metadata.deletionTimestamp');
    await lab.ok(['delete', 'mpd', 'safe', '--wait=false']);
    expect(JSON.parse(await get('safe'))).toHaveProperty('metadata.deletionTimestamp');
    await lab.ok(['patch', 'mpd', 'safe', ...release]);
    await lab.ok(['wait', '--for=delete', 'mpd/safe', '--timeout=30s']);
  });

  it('leaves alone what is not protected, and holds for a whole collection', async () => {
    const all = cluster('open', '') + cluster('loose', ', deletionProtection: false');
    await lab.ok(['apply', '-f', '-'], all + cluster('kept', ', deletionProtection: true'));
    const refused = await lab.kubectl([
      'delete',
      '--raw',
      '/apis/mpd.polardb.aliyun.com/v1/namespaces/default/mpdclusters',
    ]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('mpdclusters.mpd.polardb.aliyun.com "kept" is forbidden');
    const one = await lab.kubectl(['delete', 'mpd', '--all', '--wait=false']);
    expect(one.stderr).toContain('"kept" is forbidden');
    for (const name of ['open', 'loose']) await lab.ok(['patch', 'mpd', name, ...release]);
    await lab.ok(['wait', '--for=delete', 'mpd/open', 'mpd/loose', '--timeout=30s']);
    expect(JSON.parse(await get('kept'))).not.toHaveProperty('metadata.deletionTimestamp');
  });

  it('keeps a cluster whose namespace is deleted, and all that belongs to it; the namespace says why', async () => {
    await lab.ok(['create', 'namespace', 'brief']);
    await lab.ok(['-n', 'brief', 'apply', '-f', '-'], cluster('inner', ', deletionProtection: true'));
    const uid = await lab.ok(['-n', 'brief', 'get', 'mpd', 'inner', '-o', 'jsonpath={.metadata.uid}']);
    const owner = `{apiVersion: mpd.polardb.aliyun.com/v1, kind: MPDCluster, name: inner, uid: ${uid}}`;
    const secret = (name: string, metadata: string): string =>
      `---\n{apiVersion: v1, kind: Secret, metadata: {name: ${name}${metadata}}}\n`;
    const secrets = secret('inner-app', `, ownerReferences: [${owner}]`) + secret('of-nobody', '');
    await lab.ok(['-n', 'brief', 'apply', '-f', '-'], secrets);
    await lab.ok(['delete', 'namespace', 'brief', '--wait=false']);
    await lab.ok(['wait', '--for=condition=NamespaceDeletionContentFailure', 'namespace/brief', '--timeout=30s']);
    const said = await lab.ok(['get', 'namespace', 'brief', '-o', 'jsonpath={.status.conditions[*].message}']);
    expect(said).toContain('kubectl -n brief patch mpd inner');
    expect(said).toContain('it belongs to MPDCluster inner and goes with it');
    await lab.ok(['-n', 'brief', 'wait', '--for=delete', 'secret/of-nobody', '--timeout=30s']);
    await lab.ok(['-n', 'brief', 'get', 'secret', 'inner-app']);

    await lab.ok(['-n', 'brief', 'patch', 'mpd', 'inner', ...lift]);
    await lab.ok(['-n', 'brief', 'patch', 'mpd', 'inner', ...release]);
    await lab.ok(['wait', '--for=delete', 'namespace/brief', '--timeout=30s']);
  });

  it('lets whoever may delete what belongs to a cluster do so, but for the end of its namespace', async () => {
    await lab.ok(['apply', '-f', '-'], cluster('owner', ', deletionProtection: true'));
    const uid = await lab.ok(['get', 'mpd', 'owner', '-o', 'jsonpath={.metadata.uid}']);
    const reference = `{apiVersion: mpd.polardb.aliyun.com/v1, kind: MPDCluster, name: owner, uid: ${uid}}`;
    await lab.ok(
      ['apply', '-f', '-'],
      `---\n{apiVersion: v1, kind: Secret, metadata: {name: owned, ownerReferences: [${reference}]}}`,
    );
    await lab.ok(['delete', 'secret', 'owned', '--timeout=30s']);
  });

  it('is a policy like any other: listed, described, explained, and applied twice without a change', async () => {
    const listed = await lab.ok(['get', 'validatingadmissionpolicies,validatingadmissionpolicybindings']);
    expect(listed).toMatch(/VALIDATIONS +PARAMKIND +AGE\n[\s\S]*polarstack-deletion-protection +1 +<unset> /);
    expect(listed).toMatch(/POLICYNAME +PARAMREF +AGE\n[\s\S]*-protection +polarstack-deletion-protection +<unset> /);
    expect(await lab.ok(['describe', 'validatingadmissionpolicy', 'polarstack-deletion-protection'])).toContain(
      'Failure Policy:  Fail',
    );
    expect(await lab.ok(['explain', 'validatingadmissionpolicy.spec.validations'])).toContain('messageExpression');
    expect((await lab.ok(['apply', '-f', POLICY])).match(/unchanged/g)).toHaveLength(4);
  });

  it('and one of a user’s own says what is wrong with it when it is created, warns, and denies', async () => {
    await lab.ok(['apply', '-f', '-'], definition);
    await lab.ok(['wait', '--for=condition=Established', 'crd/ships.lab.example.com', '--timeout=30s']);
    const manifest = (expression: string, action: string): string => `---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: crews}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [lab.example.com], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [ships, ships/scale]}
  validations: [{expression: ${expression}, message: the crew is too large}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: crews}
spec: {policyName: crews, validationActions: [${action}]}
`;
    const broken = await lab.kubectl(['apply', '-f', '-'], { input: manifest('objekt.spec.crew < 9', 'Warn') });
    expect(broken.stderr).toContain('spec.validations[0].expression: Invalid value: "objekt.spec.crew < 9"');
    expect(broken.stderr).toContain("undeclared reference to 'objekt'");
    const simple = JSON.stringify('has(request.subResource) ? object.spec.replicas < 9 : object.spec.crew < 9');
    await lab.ok(['apply', '-f', '-'], manifest(simple, 'Warn'));
    const warned = await lab.kubectl(['apply', '-f', '-'], { input: ship('big', '{crew: 10}') });
    expect(warned.stderr).toContain(
      "Warning: Validation failed for ValidatingAdmissionPolicy 'crews' with binding 'crews': the crew is too large",
    );
    await lab.ok(['apply', '-f', '-'], manifest(simple, 'Deny'));
    const denied = await lab.kubectl(['apply', '-f', '-'], { input: ship('bigger', '{crew: 10}') });
    expect(denied.stderr).toContain(
      "ValidatingAdmissionPolicy 'crews' with binding 'crews' denied request: the crew is too large",
    );
    await lab.ok(['apply', '-f', '-'], ship('small', '{crew: 3}'));
    expect((await lab.kubectl(['scale', 'ship/small', '--replicas=20'])).stderr).toContain('the crew is too large');
    await lab.ok(['scale', 'ship/small', '--replicas=4']);
  });
});
