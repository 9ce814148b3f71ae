import { expect, test } from 'vitest';
import type { ClusterFacts } from '../cluster/facts.ts';
import { membershipFromIds } from '../cluster/members.ts';
import { clientLeaves, serverLeaf } from '../identity/leaf-specs.ts';
import { buildPod } from './pod.ts';
import { buildSecret, secretValue } from './secret.ts';
import { buildService, serviceNames } from './service.ts';
import { buildVolumeClaim } from './volume-claim.ts';

const facts: ClusterFacts = {
  name: 'demo',
  namespace: 'shop',
  uid: 'uid-1',
  logicId: '1000',
  engineType: 'postgres',
  image: 'polarstack/postgres:15',
  ports: { host: false, enginePort: 5432, agentPort: 7443 },
};
const [primary, replica] = membershipFromIds('demo', 1, 1000).members;
if (!primary || !replica) throw new Error('two members');
const resources = {
  limits: { cpu: '1', memory: '512Mi' },
  requests: { cpu: '100m', memory: '128Mi' },
  volume: { size: '10Gi', className: 'fast' },
};

const ownerReferences = [
  {
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDCluster',
    name: 'demo',
    uid: 'uid-1',
    controller: true,
    blockOwnerDeletion: true,
  },
];

test('the pod of an instance, to the letter', () => {
  expect(buildPod(facts, primary, resources)).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'demo-1001-1002',
      namespace: 'shop',
      ownerReferences,
      labels: {
        'mpd.polardb.aliyun.com/cluster': 'demo',
        'mpd.polardb.aliyun.com/role': 'primary',
        'apsara.metric.clusterName': 'demo',
        'apsara.metric.db_ins_type': 'polardb_mpd_rw',
        'apsara.metric.db_type': 'postgres',
        'apsara.metric.logic_custins_name': 'demo',
        'apsara.metric.ins_name': '1001',
        'apsara.metric.logic_custins_id': '1000',
        'apsara.metric.physical_custins_id': '1001',
        'apsara.metric.ins_id': '1002',
        'apsara.ins.port': '5432',
      },
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 60,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'mpd.polardb.aliyun.com/maintainNode', operator: 'DoesNotExist' }] },
            ],
          },
        },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 100,
              podAffinityTerm: {
                topologyKey: 'kubernetes.io/hostname',
                labelSelector: { matchLabels: { 'apsara.metric.clusterName': 'demo' } },
              },
            },
          ],
        },
      },
      tolerations: ['not-ready', 'unreachable', 'disk-pressure', 'memory-pressure', 'unschedulable'].map((what) => ({
        key: `node.kubernetes.io/${what}`,
        operator: 'Exists',
        effect: 'NoExecute',
      })),
      containers: [
        {
          name: 'engine',
          image: 'polarstack/postgres:15',
          imagePullPolicy: 'IfNotPresent',
          command: ['polarstack-keeper', 'polarstack-agent'],
          env: [
            { name: 'POLARSTACK_CLUSTER', value: 'demo' },
            { name: 'POLARSTACK_NAMESPACE', value: 'shop' },
            { name: 'POLARSTACK_POD', value: 'demo-1001-1002' },
            { name: 'POLARSTACK_POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'POLARSTACK_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
            { name: 'POLARSTACK_INSTANCE_ID', value: '1002' },
            { name: 'POLARSTACK_PHYSICAL_ID', value: '1001' },
            { name: 'POLARSTACK_ENGINE_PORT', value: '5432' },
            { name: 'POLARSTACK_AGENT_PORT', value: '7443' },
          ],
          ports: [
            { name: 'postgres', containerPort: 5432, protocol: 'TCP' },
            { name: 'agent', containerPort: 7443, protocol: 'TCP' },
          ],
          resources: { limits: resources.limits, requests: resources.requests },
          readinessProbe: {
            httpGet: { path: '/readyz', port: 'agent', scheme: 'HTTPS' },
            periodSeconds: 1,
            timeoutSeconds: 2,
            failureThreshold: 2,
          },
          volumeMounts: [
            { name: 'data', mountPath: '/var/lib/polarstack/data' },
            { name: 'tls', mountPath: '/etc/polarstack/tls', readOnly: true },
            { name: 'replicator', mountPath: '/etc/polarstack/replicator', readOnly: true },
            { name: 'run', mountPath: '/run/polarstack' },
          ],
        },
      ],
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'demo-1001-1002' } },
        { name: 'tls', secret: { secretName: 'demo-1001-1002-tls', defaultMode: 0o600 } },
        { name: 'replicator', secret: { secretName: 'demo-client-replicator', defaultMode: 0o600 } },
        { name: 'run', emptyDir: {} },
      ],
    },
  });
});

test('on the host network a node takes one instance of a cluster', () => {
  const ports = { host: true, enginePort: 5400, agentPort: 36001 };
  const { spec } = buildPod({ ...facts, ports }, replica, resources);
  expect(spec).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
  expect(spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toHaveLength(1);
  expect(spec?.containers[0]?.ports?.map(({ containerPort }) => containerPort)).toEqual([5400, 36001]);
});

test('services lead to the primary, the replicas, or any instance', () => {
  const lead = { instanceId: primary.instanceId, epoch: 4 };
  const rw = buildService(facts, 'rw', lead);
  expect(rw).toEqual({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'demo-rw',
      namespace: 'shop',
      ownerReferences,
      labels: { 'mpd.polardb.aliyun.com/cluster': 'demo' },
      annotations: { 'mpd.polardb.aliyun.com/epoch': '4' },
    },
    spec: {
      type: 'ClusterIP',
      selector: { 'apsara.metric.clusterName': 'demo', 'apsara.metric.ins_id': '1002' },
      ports: [{ name: 'postgres', port: 5432, targetPort: 'postgres', protocol: 'TCP' }],
    },
  });
  const selector = (which: 'ro' | 'r') => buildService(facts, which, lead).spec?.selector;
  expect(selector('ro')).toEqual({ 'apsara.metric.clusterName': 'demo', 'mpd.polardb.aliyun.com/role': 'replica' });
  expect(selector('r')).toEqual({ 'apsara.metric.clusterName': 'demo' });
  // Every selector fits the labels of the pods it is meant for, and no others.
  for (const [which, member, fits] of [
    ['rw', primary, true],
    ['rw', replica, false],
    ['ro', replica, true],
    ['ro', primary, false],
    ['r', primary, true],
    ['r', replica, true],
  ] as const) {
    const has = buildPod(facts, member, resources).metadata?.labels ?? {};
    const wanted = Object.entries(buildService(facts, which, lead).spec?.selector ?? {});
    expect(wanted.every(([key, value]) => has[key] === value)).toBe(fits);
  }
});

test('the volume of an instance', () => {
  expect(buildVolumeClaim(facts, replica, resources)).toMatchObject({
    metadata: { name: 'demo-1003-1004', labels: { 'apsara.metric.ins_id': '1004' }, ownerReferences },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '10Gi' } },
      storageClassName: 'fast',
    },
  });
});

test('Secrets carry what they were given, and the label of the original', () => {
  const secret = buildSecret(facts, 'demo-app', { password: 'pä$s' });
  expect(secret).toMatchObject({
    type: 'Opaque',
    metadata: { name: 'demo-app', labels: { mpdcluster_name: 'demo', 'mpd.polardb.aliyun.com/cluster': 'demo' } },
  });
  expect(secretValue(secret, 'password')).toBe('pä$s');
  expect(secretValue(secret, 'other')).toBeUndefined();
});

test('certificates name the pod, every form of every service, and the addresses', () => {
  const leaf = serverLeaf(facts, primary, { services: ['10.0.0.1', '10.0.0.2'], pod: '10.1.0.7' });
  expect(leaf).toMatchObject({
    secret: 'demo-1001-1002-tls',
    commonName: 'demo-1001-1002',
    ipAddresses: ['10.0.0.1', '10.0.0.2', '10.1.0.7'],
    usage: 'server',
  });
  expect(leaf.dnsNames).toHaveLength(1 + 3 * 4);
  expect(leaf.dnsNames).toEqual(expect.arrayContaining(['demo-1001-1002', ...serviceNames('demo-ro', 'shop')]));
  expect(serviceNames('demo-rw', 'shop')).toEqual([
    'demo-rw',
    'demo-rw.shop',
    'demo-rw.shop.svc',
    'demo-rw.shop.svc.cluster.local',
  ]);
  expect(clientLeaves('demo').map(({ secret, commonName, usage }) => [secret, commonName, usage])).toEqual([
    ['demo-client-operator', 'operator', 'client'],
    ['demo-client-cluster-manager', 'cluster-manager', 'client'],
    ['demo-client-replicator', 'replicator', 'client'],
  ]);
});
