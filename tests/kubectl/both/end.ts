import { configMap, manifest, pod, type Scenario, workload } from './scenario.ts';

const owned = (name: string, kind: string, owner: string): object => ({
  ...configMap(name),
  metadata: { name, labels: { owner, kind } },
});

export const endScenarios: readonly Scenario[] = [
  {
    title: 'delete',
    steps: [
      {
        run: 'create -f -',
        input: manifest(...['a', 'b', 'c', 'd', 'e'].map((name) => configMap(name)), pod('p'), pod('q')),
      },
      'delete configmap a',
      'delete configmap/b configmap/c',
      { run: 'delete configmap a', code: 1 },
      'delete configmap a --ignore-not-found',
      'delete configmap d --dry-run=server',
      'get configmap d -o=name',
      { run: 'delete -f -', input: manifest(configMap('d')) },
      'delete pods --field-selector=metadata.name=p',
      'delete pods -l=app=web --now',
      'get pods',
      'delete configmap e --wait=false',
      { run: 'create -f -', input: manifest(owned('x', 'k', 'o'), owned('y', 'k', 'o')) },
      'delete configmaps -l=owner=o',
      { run: 'delete configmap', code: 1 },
      { run: 'delete namespace none', code: 1 },
    ],
  },
  {
    title: 'delete with dependents',
    files: {
      'child.sh':
        '#!/bin/sh\nuid=$(kubectl -n "$1" get deployment "$2" -o=jsonpath={.metadata.uid})\nprintf \'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s","ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"%s","uid":"%s","blockOwnerDeletion":true}]}}\' "$2" "$2" "$uid" | kubectl -n "$1" create -f -\n',
    },
    steps: [
      { run: 'create -f -', input: manifest(...['back', 'fore', 'left'].map((name) => workload('Deployment', name))) },
      'delete deployment back --cascade=background',
      'delete deployment fore --cascade=foreground',
      'delete deployment left --cascade=orphan',
      'get deployments',
      { run: 'delete deployment left --cascade=sometimes', code: 1 },
    ],
  },
  {
    title: 'wait',
    steps: [
      { run: 'create -f -', input: manifest(pod('p'), configMap('gone')) },
      {
        run: [
          'patch',
          'pod',
          'p',
          '--subresource=status',
          '--type=merge',
          '-p',
          '{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}',
        ],
      },
      'wait --for=condition=Ready pod/p --timeout=20s',
      'wait --for=condition=Ready=True pod/p --timeout=20s',
      'wait --for=jsonpath={.status.phase}=Running pod/p --timeout=20s',
      'wait --for=jsonpath={.status.phase} pod/p --timeout=20s',
      'wait --for=create pod/p --timeout=20s',
      { run: 'wait --for=condition=Sleepy pod/p --timeout=1s', code: 1 },
      { run: 'wait --for=condition=Ready pod/none --timeout=1s', code: 1 },
      { run: 'wait --for=delete pod/p --timeout=1s', code: 1, compare: 'code' },
      'delete pod p',
      'wait --for=delete pod/p --timeout=20s',
      'wait --for=delete configmap/none --timeout=20s',
    ],
  },
];
