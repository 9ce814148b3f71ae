import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definition, type KubectlLab, ship, startLab } from './harness.ts';

describe.skipIf(missing('kubectl'))('kubectl', () => {
  let lab: KubectlLab;
  beforeAll(async () => {
    lab = await startLab();
    await lab.ok(['apply', '-f', '-'], definition);
    await lab.ok(['wait', '--for=condition=Established', 'crd/ships.lab.example.com', '--timeout=30s']);
    await lab.ok(['apply', '-f', '-'], ship('gorch', '{crew: 3, sails: [fore, main]}'));
  });
  afterAll(async () => {
    await lab?.stop();
  });

  describe('get', () => {
    it('prints tables with the columns of the kind', async () => {
      expect(await lab.ok(['get', 'sh'])).toMatch(/^NAME +CREW +PORT +READY +AGE\ngorch +3 +kiel +\d+m?s? *\n$/);
      expect(await lab.ok(['get', 'ns', 'default'])).toMatch(/^NAME +STATUS +AGE\ndefault +Active /);
      const svc = await lab.ok(['get', 'svc', '-A', '-o', 'wide']);
      expect(svc === '' || svc.startsWith('NAMESPACE')).toBe(true);
      expect(await lab.ok(['get', 'all'])).toContain('ship.lab.example.com/gorch');
    });

    it('prints every other form', async () => {
      expect(JSON.parse(await lab.ok(['get', 'ship', 'gorch', '-o', 'json']))).toMatchObject({
        kind: 'Ship',
        spec: { port: 'kiel' },
      });
      expect(await lab.ok(['get', 'ships', '-o', 'yaml'])).toContain('kind: List');
      expect(await lab.ok(['get', 'ships', '-o', 'name'])).toBe('ship.lab.example.com/gorch\n');
      expect(await lab.ok(['get', 'ship', 'gorch', '-o', 'jsonpath={.spec.crew}'])).toBe('3');
      expect(await lab.ok(['get', 'ships', '-o', 'custom-columns=N:.metadata.name,C:.spec.crew'])).toBe(
        'N       C\ngorch   3\n',
      );
      expect(await lab.ok(['get', 'ships', '-o', 'go-template={{len .items}}'])).toBe('1');
      expect(await lab.ok(['get', 'ships', '--no-headers', '--show-labels', '-l', '!x'])).toContain('<none>');
      expect(await lab.ok(['get', 'ships', '--sort-by=.spec.crew', '-o', 'wide'])).toContain('gorch');
    });

    it('watches', async () => {
      await lab.ok(['create', 'cm', 'earlier']); // what is there is printed first: kubectl is watching by then
      const output = await lab.until(
        ['get', 'cm', '-w'],
        (text) => /watched +0 +\d+s/.test(text),
        () => lab.ok(['create', 'cm', 'watched']),
      );
      expect(output).toMatch(/watched +0 +\d+s/);
    });

    it('says what is not there', async () => {
      expect((await lab.kubectl(['get', 'cm', 'nothing'])).stderr).toBe(
        'Error from server (NotFound): configmaps "nothing" not found\n',
      );
      expect((await lab.kubectl(['get', 'nonsense'])).stderr).toBe(
        'error: the server doesn\'t have a resource type "nonsense"\n',
      );
    });
  });

  describe('apply', () => {
    it('creates, configures, leaves alone, and removes what was taken out', async () => {
      const manifest = (data: string): string =>
        `---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: applied}, data: ${data}}`;
      expect(await lab.ok(['apply', '-f', '-'], manifest('{a: "1", b: "2"}'))).toBe('configmap/applied created\n');
      expect(await lab.ok(['apply', '-f', '-'], manifest('{a: "1", b: "2"}'))).toBe('configmap/applied unchanged\n');
      const diff = await lab.kubectl(['diff', '-f', '-'], { input: manifest('{a: "3"}') });
      expect(diff.code).toBe(1);
      expect(diff.stdout).toContain('+  a: "3"');
      expect(await lab.ok(['apply', '-f', '-'], manifest('{a: "3"}'))).toBe('configmap/applied configured\n');
      expect(await lab.ok(['get', 'cm', 'applied', '-o', 'jsonpath={.data}'])).toBe('{"a":"3"}');
    });

    it('changes lists of pods by their keys', async () => {
      const pod = (image: string, extra = ''): string =>
        `---\n{apiVersion: v1, kind: Pod, metadata: {name: applied}, spec: {containers: [{name: a, image: "${image}"}, {name: b, image: host}], tolerations: [{key: k, operator: Exists}] ${extra}}}`;
      await lab.ok(['apply', '-f', '-'], pod('one:1'));
      await lab.ok(['apply', '-f', '-'], pod('one:2'));
      expect(await lab.ok(['get', 'pod', 'applied', '-o', 'jsonpath={.spec.containers[*].image}'])).toBe('one:2 host');
    });

    it('of custom resources keeps defaults', async () => {
      expect(await lab.ok(['apply', '-f', '-'], ship('applied', '{crew: 3}'))).toContain('created');
      expect(await lab.ok(['apply', '-f', '-'], ship('applied', '{crew: 4}'))).toContain('configured');
      expect(await lab.ok(['get', 'ship', 'applied', '-o', 'jsonpath={.spec}'])).toBe('{"crew":4,"port":"kiel"}');
    });
  });

  describe('changes', () => {
    it('patch in three ways, label, annotate', async () => {
      await lab.ok(['create', 'cm', 'changed', '--from-literal=a=1']);
      await lab.ok(['patch', 'cm', 'changed', '-p', '{"data":{"b":"2"}}']);
      await lab.ok(['patch', 'cm', 'changed', '--type=merge', '-p', '{"data":{"a":null}}']);
      await lab.ok(['patch', 'cm', 'changed', '--type=json', '-p', '[{"op":"add","path":"/data/c","value":"3"}]']);
      await lab.ok(['label', 'cm', 'changed', 'colour=red']);
      await lab.ok(['annotate', 'cm', 'changed', 'note=hello']);
      expect(
        await lab.ok(['get', 'cm', 'changed', '-o', 'jsonpath={.data} {.metadata.labels} {.metadata.annotations}']),
      ).toBe('{"b":"2","c":"3"} {"colour":"red"} {"note":"hello"}');
      const refused = await lab.kubectl([
        'patch',
        'cm',
        'changed',
        '--type=json',
        '-p',
        '[{"op":"remove","path":"/data/zz"}]',
      ]);
      expect(refused.stderr).toBe(
        'The request is invalid: the server rejected our request due to an error in our request: the path "/data/zz" does not exist\n',
      );
    });

    it('patch the status through its own resource', async () => {
      const status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}';
      await lab.ok(['patch', 'ship', 'gorch', '--subresource=status', '--type=merge', '-p', status]);
      await lab.ok(['wait', '--for=condition=Ready', 'ship/gorch', '--timeout=30s']);
      await lab.ok(['wait', '--for=jsonpath={.spec.crew}=3', 'ship/gorch', '--timeout=30s']);
      expect(await lab.ok(['get', 'sh', 'gorch'])).toMatch(/gorch +3 +kiel +True/);
    });

    it('edit through an editor', async () => {
      await lab.ok(['create', 'cm', 'edited', '--from-literal=a=before']);
      const editor = await lab.file('editor.sh', '#!/bin/sh\nsed -i s/before/after/ "$1"\n');
      const said = await lab.kubectl(['edit', 'cm', 'edited'], { env: { KUBE_EDITOR: `sh ${editor}` } });
      expect(said.stdout).toBe('configmap/edited edited\n');
      expect(await lab.ok(['get', 'cm', 'edited', '-o', 'jsonpath={.data.a}'])).toBe('after');
    });

    it('scale and replace', async () => {
      await lab.ok(['apply', '-f', '-'], ship('scaled', '{crew: 3}'));
      expect(await lab.ok(['scale', 'ship', 'scaled', '--replicas=7'])).toContain('scaled');
      const whole = await lab.ok(['get', 'ship', 'scaled', '-o', 'json']);
      await lab.ok(['replace', '-f', '-'], whole.replace('"crew": 7', '"crew": 8'));
      expect(await lab.ok(['get', 'ship', 'scaled', '-o', 'jsonpath={.spec.crew} {.metadata.generation}'])).toBe('8 3');
      const stale = await lab.kubectl(['replace', '-f', '-'], { input: whole });
      expect(stale.stderr).toContain(
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    });

    it('wait for creation and deletion', async () => {
      const waiting = lab.ok(['wait', '--for=create', 'cm/awaited', '--timeout=60s']);
      await lab.ok(['create', 'cm', 'awaited']);
      expect(await waiting).toContain('condition met');
      const going = lab.ok(['wait', '--for=delete', 'cm/awaited', '--timeout=60s']);
      await lab.ok(['delete', 'cm', 'awaited']);
      await going;
    });
  });

  describe('create', () => {
    it('makes the kinds that it sends as protobuf', async () => {
      const file = await lab.file('content.txt', 'from a file');
      await lab.ok(['create', 'cm', 'made', `--from-file=f=${file}`, '--from-literal=l=x']);
      await lab.ok(['create', 'secret', 'generic', 'made', '--from-literal=password=geheim']);
      await lab.ok(['create', 'ns', 'made']);
      await lab.ok(['create', 'sa', 'made']);
      await lab.ok(['create', 'role', 'made', '--verb=get,list', '--resource=pods']);
      await lab.ok(['create', 'rolebinding', 'made', '--role=made', '--user=ann', '--serviceaccount=default:made']);
      await lab.ok(['create', 'clusterrole', 'made', '--verb=get', '--resource=ships.lab.example.com']);
      await lab.ok(['create', 'clusterrolebinding', 'made', '--clusterrole=made', '--group=crew']);
      await lab.ok(['create', 'service', 'clusterip', 'made', '--tcp=5432:5433']);
      expect(await lab.ok(['get', 'cm', 'made', '-o', 'jsonpath={.data}'])).toBe('{"f":"from a file","l":"x"}');
      expect(await lab.ok(['get', 'secret', 'made', '-o', 'jsonpath={.data.password} {.type}'])).toBe(
        'Z2VoZWlt Opaque',
      );
      expect(await lab.ok(['get', 'rolebinding', 'made', '-o', 'wide'])).toMatch(
        /made +Role\/made +\d+s +ann +default\/made/,
      );
      expect(
        await lab.ok(['get', 'svc', 'made', '-o', 'jsonpath={.spec.ports[0].targetPort} {.spec.clusterIP}']),
      ).toMatch(/^5433 127\./);
      expect(await lab.ok(['run', 'made', '--image=host', '--restart=Never'])).toBe('pod/made created\n');
    });

    it('says what exists already', async () => {
      await lab.ok(['create', 'cm', 'twice']);
      expect((await lab.kubectl(['create', 'cm', 'twice'])).stderr).toBe(
        'error: failed to create configmap: configmaps "twice" already exists\n',
      );
      const said = await lab.kubectl(['create', '-f', '-'], { input: ship('gorch', '{crew: 3}') });
      expect(said.stderr).toContain(
        'Error from server (AlreadyExists): error when creating "STDIN": ships.lab.example.com "gorch" already exists',
      );
    });
  });

  describe('bad input is refused in the words of Kubernetes', () => {
    const refused = async (input: string): Promise<string> => {
      const said = await lab.kubectl(['apply', '-f', '-'], { input });
      expect(said.code).toBe(1);
      return said.stderr;
    };

    /** What Kubernetes adds where an error of the schema keeps the definition's rules from being judged. */
    const unchecked =
      '* <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\n';

    it('in custom resources', async () => {
      expect(await refused(ship('bad', '{crew: 3, bogus: 1}'))).toBe(
        'Error from server (BadRequest): error when creating "STDIN": Ship in version "v1" cannot be handled as a Ship: strict decoding error: unknown field "spec.bogus"\n',
      );
      const changed = await refused(ship('gorch', '{crew: 3, bogus: 1}'));
      expect(changed).toMatch(
        /^The request is invalid: patch: Invalid value: ".*": strict decoding error: unknown field "spec.bogus"\n$/s,
      );
      expect(await refused(ship('bad', '{crew: 0}'))).toBe(
        'The Ship "bad" is invalid: spec.crew: Invalid value: 0: spec.crew in body should be greater than or equal to 1\n',
      );
      expect(await refused(ship('bad', '{crew: many, port: UPPER}'))).toBe(
        `The Ship "bad" is invalid: \n* spec.crew: Invalid value: "string": spec.crew in body must be of type integer: "string"\n* spec.port: Invalid value: "UPPER": spec.port in body should match '^[a-z]+$'\n* .spec.crew: Invalid value: 0: .spec.crew accessor error: many is of the type string, expected int64\n${unchecked}`,
      );
      expect(await refused(ship('bad', '{}'))).toBe(
        `The Ship "bad" is invalid: \n* spec.crew: Required value\n${unchecked}`,
      );
      expect(await refused(ship('Bad_Name', '{crew: 1}'))).toContain(
        'The Ship "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of',
      );
      expect(await refused(ship('gorch', '{crew: 3, port: hamburg}'))).toBe(
        'The Ship "gorch" is invalid: spec: Invalid value: "object": the port cannot be changed\n',
      );
    });

    it('in built-in kinds', async () => {
      expect(
        await refused(
          '---\n{apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {containers: [{name: c, image: x, bogus: 1}]}}',
        ),
      ).toBe(
        'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].bogus"\n',
      );
      expect(await refused('---\n{apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {containers: []}}')).toBe(
        'The Pod "bad" is invalid: spec.containers: Required value\n',
      );
      expect(
        await refused(
          '---\n{apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {restartPolicy: Maybe, containers: [{name: c, image: x}]}}',
        ),
      ).toBe(
        'The Pod "bad" is invalid: spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"\n',
      );
      expect(await refused('---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: bad}, data: {a: 1}}')).toContain(
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
      );
      expect(await refused('---\n{apiVersion: v1, kind: Service, metadata: {name: bad}, spec: {}}')).toBe(
        'The Service "bad" is invalid: spec.ports: Required value\n',
      );
      expect(await refused('---\n{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, metadata: {name: bad}}')).toBe(
        'The Secret "bad" is invalid: \n* data[tls.crt]: Required value\n* data[tls.key]: Required value\n',
      );
    });

    it('in definitions', async () => {
      const bad = definition
        .replace('ships.lab.example.com', 'boats.lab.example.com')
        .replace('plural: ships', 'plural: boats')
        .replace('kind: Ship', 'kind: Boat')
        .replace('self.port == oldSelf.port', 'self.port ==');
      const said = await refused(bad);
      expect(said).toContain('x-kubernetes-validations[0].rule: Invalid value: ');
      expect(said).toContain('compilation failed: ERROR: <input>:1:13: Syntax error');
    });

    it('in what is immutable', async () => {
      await lab.ok(
        ['apply', '-f', '-'],
        '---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: stone}, immutable: true, data: {a: "1"}}',
      );
      expect((await lab.kubectl(['patch', 'cm', 'stone', '-p', '{"data":{"a":"2"}}'])).stderr).toBe(
        'The ConfigMap "stone" is invalid: data: Forbidden: field is immutable when `immutable` is set\n',
      );
    });
  });

  describe('explains and lists', () => {
    it('resources', async () => {
      const all = await lab.ok(['api-resources']);
      expect(all).toMatch(/^ships +sh +lab\.example\.com\/v1 +true +Ship$/m);
      expect(all).toMatch(/^pods +po +v1 +true +Pod$/m);
      expect(await lab.ok(['api-versions'])).toContain('lab.example.com/v1\n');
      expect(await lab.ok(['explain', 'ship.spec.crew'])).toContain('Number of sailors.');
      expect(await lab.ok(['explain', 'pod.spec.containers.image'])).toContain('FIELD: image <string>');
      expect(await lab.ok(['explain', 'cm', '--recursive'])).toContain('binaryData');
      expect(await lab.ok(['cluster-info'])).toContain('is running at');
      expect(await lab.ok(['version'])).toContain('Server Version: v1.32');
    });

    it('describe shows objects and their events', async () => {
      const uid = await lab.ok(['get', 'ship', 'gorch', '-o', 'jsonpath={.metadata.uid}']);
      const event = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'gorch.1', namespace: 'default' },
        involvedObject: { apiVersion: 'lab.example.com/v1', kind: 'Ship', name: 'gorch', namespace: 'default', uid },
        reason: 'Sailed',
        message: 'it left the port',
        type: 'Normal',
        count: 1,
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:00:00Z',
        source: { component: 'harbour' },
      };
      await lab.ok(['create', '-f', '-'], JSON.stringify(event));
      const described = await lab.ok(['describe', 'ship', 'gorch']);
      expect(described).toMatch(/Normal +Sailed +\S+ +harbour +it left the port/);
      expect(await lab.ok(['get', 'events', '--field-selector', 'reason=Sailed'])).toContain('ship/gorch');
      expect(await lab.ok(['get', 'events.events.k8s.io', 'gorch.1', '-o', 'jsonpath={.note} {.regarding.name}'])).toBe(
        'it left the port gorch',
      );
      expect(await lab.ok(['events', '--for', 'ship/gorch'])).toContain('Sailed');
      await lab.ok(['run', 'described', '--image=host']);
      expect(await lab.ok(['describe', 'pod', 'described'])).toMatch(/^Status: +Pending$/m);
    });
  });

  describe('exec and logs', () => {
    beforeAll(async () => {
      await lab.ok(['run', 'real', '--image=host']);
      const status = '{"status":{"phase":"Running","containerStatuses":[{"name":"real","state":{"running":{}}}]}}';
      await lab.ok(['patch', 'pod', 'real', '--subresource=status', '-p', status]);
    });

    it('carry output, input and exit code', async () => {
      expect(await lab.ok(['exec', 'real', '--', 'echo', 'hello world'])).toBe('hello world\n');
      expect(await lab.ok(['exec', '-i', 'real', '--', 'tr', 'a-z', 'A-Z'], 'shout')).toBe('SHOUT');
      const failed = await lab.kubectl(['exec', 'real', '--', 'sh', '-c', 'echo oops >&2; exit 3']);
      expect(failed.code).toBe(3);
      expect(failed.stderr).toBe('oops\ncommand terminated with exit code 3\n');
      const big = await lab.ok(['exec', 'real', '--', 'sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x']);
      expect(big).toHaveLength(3_000_000);
      expect((await lab.kubectl(['exec', 'nowhere', '--', 'true'])).stderr).toBe(
        'Error from server (NotFound): pods "nowhere" not found\n',
      );
    });

    it('follow', async () => {
      expect(await lab.ok(['logs', 'real'])).toBe('first line\n');
      expect(await lab.ok(['logs', '-f', 'real'])).toBe('first line\nline 1\nline 2\nline 3\n');
      expect((await lab.kubectl(['logs', 'real', '-c', 'zzz'])).stderr).toContain(
        'container zzz is not valid for pod real',
      );
    });
  });

  describe('auth', () => {
    it('tells who one is and what one may do', async () => {
      expect(await lab.ok(['auth', 'can-i', 'create', 'pods'])).toBe('yes\n');
      expect(await lab.ok(['auth', 'whoami'])).toContain('polarstack-admin');
      const guest = { KUBECONFIG: await lab.kubeconfigFor(await lab.server.issue('guest', ['visitors'])) };
      expect((await lab.kubectl(['auth', 'can-i', 'create', 'pods'], { env: guest })).stdout).toBe('no\n');
      const refused = await lab.kubectl(['get', 'secrets'], { env: guest });
      expect(refused.stderr).toBe(
        'Error from server (Forbidden): secrets is forbidden: User "guest" cannot list resource "secrets" in API group "" in the namespace "default"\n',
      );
    });
  });

  describe('delete', () => {
    it('removes one, some and whole namespaces', async () => {
      await lab.ok(['create', 'ns', 'short']);
      await lab.ok(['create', 'cm', 'a', '-n', 'short']);
      await lab.ok(['create', 'cm', 'b', '-n', 'short']);
      expect(await lab.ok(['delete', 'cm', 'a', '-n', 'short'])).toBe('configmap "a" deleted\n');
      expect(await lab.ok(['delete', 'ns', 'short'])).toBe('namespace "short" deleted\n');
      expect((await lab.kubectl(['get', 'ns', 'short'])).code).toBe(1);
      await lab.ok(['delete', 'cm', '--all']);
      expect((await lab.kubectl(['delete', 'cm', 'nothing'])).stderr).toBe(
        'Error from server (NotFound): configmaps "nothing" not found\n',
      );
      expect(await lab.ok(['delete', 'cm', 'nothing', '--ignore-not-found'])).toBe('');
    });
  });
});
