import { readFileSync } from 'node:fs';
import type { MPDCluster } from '@polarstack/api';
import type { AgentStatus } from '@polarstack/contracts';
import { readClasses } from '../catalog/classes.ts';
import { loadCatalog } from '../catalog/manifests.ts';
import { readTemplate, templateName } from '../catalog/template.ts';
import type { EngineVersion } from '../catalog/versions.ts';
import type { ParameterItem } from '../parameters/item.ts';
import { initialParameters } from '../parameters/layers.ts';
import type { InstanceSeen } from '../status/observation.ts';
import type { PlanFacts } from './plan-facts.ts';

/** A cluster of one RW (1002 on node-1) and two ROs (1004, 1006), as it is when nothing is wrong. For tests. */

const read = (file: string): string =>
  readFileSync(new URL(`../../../../deploy/catalog/${file}`, import.meta.url), 'utf8');
const catalog = loadCatalog(read, [15]);
const found = catalog.find(({ metadata }) => metadata.name === templateName(15));
if (!found) throw new Error('the catalog has no template of 15');
const template = readTemplate(found);
const classes = readClasses(catalog);
const made = new Date('2026-01-01T00:00:00Z');

export interface FactsOptions {
  readonly replicas?: number;
  readonly spec?: Partial<MPDCluster['spec']>;
  readonly status?: Partial<NonNullable<MPDCluster['status']>>;
  readonly now?: string;
  /** Over what was seen of an instance, by id. */
  readonly seen?: Readonly<Record<string, Partial<InstanceSeen> & { readonly lsn?: string }>>;
  /** Edits of `<c>-user-params`. */
  readonly user?: Readonly<Record<string, Partial<ParameterItem>>>;
  readonly nodes?: PlanFacts['nodes'];
  readonly versions?: readonly EngineVersion[];
}

export function factsOf(options: FactsOptions = {}): PlanFacts {
  const { replicas = 2, spec = {}, status = {}, now = '2026-02-01T00:00:00Z' } = options;
  const className = status.insClassInfo?.className ?? 'local.small';
  const classParameters = classes.get(className)?.parameters ?? {};
  const applied = status.appliedSpec?.parameters ?? {};
  const { items } = initialParameters({ template, classParameters, userParameters: applied }, made);
  const user = new Map(items);
  for (const [name, edit] of Object.entries(options.user ?? {})) {
    user.set(name, { name, value: '', updateTime: '2026-01-20T00:00:00Z', ...items.get(name), ...edit });
  }
  const ids = Array.from({ length: replicas + 1 }, (_, i) => [String(1001 + 2 * i), String(1002 + 2 * i)] as const);
  const instances = Object.fromEntries(
    ids.map(([physicalInsId, insId], i) => [
      insId,
      {
        physicalInsId,
        insId,
        podName: `demo-${physicalInsId}-${insId}`,
        insType: i === 0 ? 'rw' : 'ro',
        installed: true,
        nodeName: `node-${i + 1}`,
      } as const,
    ]),
  );
  const cluster: MPDCluster = {
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDCluster',
    metadata: { name: 'demo', namespace: 'default', uid: '12345678-9', generation: 2 },
    spec: {
      operatorName: 'polar-mpd',
      dbClusterType: 'local',
      followerNum: replicas,
      classInfo: { className },
      deletionProtection: false,
      ...spec,
    },
    status: {
      logicId: '1000',
      leaderInstanceId: '1002',
      engine: { type: 'postgres', version: '15', image: 'polarstack/postgres:15' },
      insClassInfo: { className },
      appliedSpec: { parameters: {} },
      dbInstanceStatus: instances,
      ...status,
    },
  };
  return {
    now: new Date(now),
    cluster,
    seen: {
      instances: new Map(
        ids.map(([, id], i): [string, InstanceSeen] => [id, instanceSeen(id, i, options.seen?.[id] ?? {})]),
      ),
      endpoints: {
        rw: { port: 5432, service: 'demo-rw', ready: 1 },
        ro: { port: 5432, service: 'demo-ro', ready: replicas },
        r: { port: 5432, service: 'demo-r', ready: replicas + 1 },
      },
    },
    nodes:
      options.nodes ??
      ['node-1', 'node-2', 'node-3', 'node-4'].map((name, i) => ({
        name,
        schedulable: true,
        images: ['polarstack/postgres:15'],
        instances: ids[i] ? [ids[i][1]] : [],
      })),
    classes,
    versions: options.versions ?? [{ name: 'local-15', major: 15, version: '15.18', image: 'polarstack/postgres:15' }],
    template,
    parameters: { user, running: items, broken: [], latestFlushTime: '', canUpdateLocked: false },
  };
}

function instanceSeen(
  id: string,
  index: number,
  { lsn = '0/5000000', ...more }: Partial<InstanceSeen> & { readonly lsn?: string },
): InstanceSeen {
  const role = index === 0 ? 'primary' : 'replica';
  const report: AgentStatus = {
    instanceId: id,
    agent: { version: '1', pid: 1, startedAt: '2026-01-01T00:00:00Z' },
    engine: {
      state: 'running',
      role,
      dataDir: '/data',
      version: '15.18',
      startedAt: '2026-01-01T00:00:01Z',
      lsn,
      configVersion: 3,
      ...(role === 'replica' && { streaming: true }),
    },
    observedAt: '2026-02-01T00:00:00Z',
  };
  const pod = {
    phase: 'Running',
    ready: true,
    deleting: false,
    podIP: `10.0.0.${index}`,
    nodeName: `node-${index + 1}`,
  };
  return { pod, report, unanswered: 0, ...more };
}
