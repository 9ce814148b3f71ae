import { configMap, manifest, pod, type Scenario, workload } from './scenario.ts';

const yaml = '-o=yaml';

export const changeScenarios: readonly Scenario[] = [
  {
    title: 'apply, on the client side',
    steps: [
      {
        run: 'apply -f -',
        input: manifest(workload('Deployment', 'web', { replicas: 2 }), configMap('one', { a: '1' })),
      },
      {
        run: 'apply -f -',
        input: manifest(workload('Deployment', 'web', { replicas: 2 }), configMap('one', { a: '1' })),
      },
      { run: 'diff -f -', input: manifest(workload('Deployment', 'web', { replicas: 3 })), code: 1 },
      {
        run: 'apply -f -',
        input: manifest(workload('Deployment', 'web', { replicas: 3 }), configMap('one', { b: '1' })),
      },
      { run: 'apply --dry-run=server -f -', input: manifest(configMap('one', { c: '1' })) },
      'get configmap one -o=jsonpath={.data}',
      // Entries are sorted by time: a second may pass between two of them on one server alone.
      { run: `get deployment web ${yaml} --show-managed-fields`, compare: 'lines' },
      'apply view-last-applied configmap/one',
      {
        run: 'apply -f - --prune -l=app=web --prune-allowlist=apps/v1/Deployment',
        input: manifest(workload('Deployment', 'other')),
      },
      'get deployments',
      {
        run: 'apply -f -',
        input: manifest(workload('Deployment', 'web', { selector: { matchLabels: { x: 'y' } } })),
        code: 1,
      },
      {
        run: 'apply -f -',
        input: '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x"},"spec":{"bogus":1}}',
        code: 1,
      },
    ],
  },
  {
    title: 'apply, on the server side',
    steps: [
      { run: 'apply --server-side -f -', input: manifest(workload('Deployment', 'web', { replicas: 2 })) },
      {
        run: 'apply --server-side --field-manager=other -f -',
        input: manifest(workload('Deployment', 'web', { replicas: 4 })),
        code: 1,
      },
      {
        run: 'apply --server-side --field-manager=other --force-conflicts -f -',
        input: manifest(workload('Deployment', 'web', { replicas: 4 })),
      },
      // Entries are sorted by time: a second may pass between two of them on one server alone.
      { run: `get deployment web ${yaml} --show-managed-fields`, compare: 'lines' },
      {
        run: 'diff --server-side --field-manager=other -f -',
        input: manifest(workload('Deployment', 'web', { replicas: 5 })),
        code: 1,
      },
      { run: 'apply --server-side -f -', input: manifest(workload('StatefulSet', 'db', { serviceName: 'db' })) },
      { run: 'apply --server-side -f -', input: manifest(workload('DaemonSet', 'agent')) },
      'get statefulsets,daemonsets',
    ],
  },
  {
    title: 'replace',
    steps: [
      { run: 'create -f -', input: manifest(configMap('one', { a: '1' }), pod('p')) },
      { run: 'replace -f -', input: manifest(configMap('one', { a: '2' })) },
      'get configmap one -o=jsonpath={.data}',
      { run: 'replace -f -', input: manifest(configMap('none', {})), code: 1 },
      { run: 'replace -f -', input: manifest(pod('p', { restartPolicy: 'Never' })), code: 1, compare: 'code' },
      { run: 'replace --force -f -', input: manifest(pod('p', { restartPolicy: 'Never' })) },
      'get pod p -o=jsonpath={.spec.restartPolicy}',
      {
        run: 'replace -f -',
        input: manifest({ ...configMap('one', {}), metadata: { name: 'one', resourceVersion: '1' } }),
        code: 1,
      },
    ],
  },
  {
    title: 'patch, in three ways and through subresources',
    steps: [
      { run: 'create -f -', input: manifest(workload('Deployment', 'web')) },
      'patch deployment web -p {"spec":{"replicas":2}}',
      ['patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"replace","path":"/spec/replicas","value":3}]'],
      'patch deployment web --type=merge -p {"spec":{"minReadySeconds":5}}',
      'patch deployment web -p {"spec":{"replicas":3}}',
      [
        'patch',
        'deployment',
        'web',
        '-p',
        '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"x"}]}}}}',
      ],
      'get deployment web -o=jsonpath={.spec.template.spec.containers[*].name}',
      'patch deployment web --subresource=scale --type=merge -p {"spec":{"replicas":7}}',
      'patch deployment web --subresource=status --type=merge -p {"status":{"replicas":7,"readyReplicas":7}}',
      'get deployment web --subresource=scale',
      `get deployment web --subresource=scale ${yaml}`,
      `get deployment web --subresource=status -o=jsonpath={.status}`,
      {
        run: ['patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"remove","path":"/spec/nonsense"}]'],
        code: 1,
        compare: 'code',
      },
      { run: 'patch deployment web -p {"spec":{"replicas":-1}}', code: 1 },
      { run: 'patch deployment none -p {}', code: 1 },
      'patch deployment web -p {"spec":{"replicas":9}} --dry-run=server',
      'get deployment web -o=jsonpath={.spec.replicas}',
    ],
  },
  {
    title: 'label, annotate, set, edit',
    files: {
      'editor.sh':
        '#!/bin/sh\nsed -i "s/minReadySeconds: 5/minReadySeconds: 6/;s/registry.example.com\\/web:2/edited/" "$1"\n',
    },
    steps: [
      { run: 'create -f -', input: manifest(workload('Deployment', 'web', { minReadySeconds: 5 }), pod('p')) },
      'label deployment web colour=red',
      { run: 'label deployment web colour=blue', code: 1 },
      'label deployment web colour=blue --overwrite',
      'label deployment web colour-',
      'label pods --all tier=front',
      'annotate deployment web note=hello',
      'annotate deployment web note-',
      'get deployment web --show-labels',
      'get pods -L=tier',
      'set image deployment/web main=registry.example.com/web:2',
      'set env deployment/web A=1 B=2',
      'set env deployment/web --list',
      'set resources deployment/web --limits=cpu=1,memory=64Mi --requests=cpu=500m',
      'set serviceaccount deployment/web robot',
      'get deployment web -o=jsonpath={.spec.template.spec}{.metadata.generation}',
      { run: 'edit deployment web', env: { KUBE_EDITOR: '{dir}/editor.sh' } },
      'get deployment web -o=jsonpath={.spec.minReadySeconds}{.spec.template.spec.containers[0].image}',
      { run: 'edit deployment web', env: { KUBE_EDITOR: 'true' } },
      'create service clusterip web --tcp=80',
      ['set', 'selector', 'service', 'web', 'app=other'],
      'get service web -o=jsonpath={.spec.selector}',
      'expose deployment web --port=80 --name=exposed',
      'get service exposed -o=jsonpath={.spec.ports}{.spec.selector}',
    ],
  },
  {
    title: 'kustomize',
    files: {
      'base/kustomization.yaml':
        'namePrefix: k-\ncommonAnnotations: {from: kustomize}\nconfigMapGenerator:\n  - name: made\n    literals: [a=b]\nresources: [deployment.yaml]\nimages:\n  - name: registry.example.com/web\n    newTag: "9"\n',
      'base/deployment.yaml': manifest(workload('Deployment', 'web')),
    },
    steps: [
      'kustomize {dir}/base',
      'apply -k {dir}/base',
      'diff -k {dir}/base',
      'get -k {dir}/base',
      'delete -k {dir}/base',
    ],
  },
];
