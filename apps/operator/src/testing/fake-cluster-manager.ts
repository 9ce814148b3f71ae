/** A cluster manager in memory that fulfils every request for a switch at once, for tests of the operator alone. */
import { HA_RECORD_KEY, labels } from '@polarstack/api';
import { type HaRecord, parseRecord, renderRecord } from '@polarstack/ha';
import { ConfigMaps, Pods } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import type { FakeKube } from './fake-kube.ts';
import type { FakeWorld } from './fake-world.ts';

/** Answers what ends it. */
export function startFakeClusterManager(kube: FakeKube, world: FakeWorld): () => void {
  let closed = false;

  const answer = async (map: ConfigMap): Promise<void> => {
    const record = parseRecord(map.data?.[HA_RECORD_KEY] ?? '');
    const { request } = record;
    if (!request) return;
    const to = request.target ?? Object.keys(record.members).find((id) => id !== record.primary) ?? record.primary;
    const epoch = record.epoch + 1;
    const at = new Date().toISOString();
    const { request: _, ...rest } = record;
    const next: HaRecord = {
      ...rest,
      epoch,
      primary: to,
      epochs: [...record.epochs, { epoch, primary: to, parent: record.epoch, at }],
      results: [
        ...record.results,
        { id: request.id, outcome: 'done', epoch, from: record.primary, to, pauseMs: 5, times: {}, at },
      ],
    };
    moveRoles(record, next);
    await kube.replace(ConfigMaps, { ...map, data: { ...map.data, [HA_RECORD_KEY]: renderRecord(next) } });
    await relabel(next);
  };

  const moveRoles = (before: HaRecord, { members, primary, epoch }: HaRecord): void => {
    const pod = members[primary]?.pod ?? '';
    const leader = world.instances.get(pod);
    const old = world.instances.get(before.members[before.primary]?.pod ?? '');
    for (const [database, owner] of old?.databases ?? []) leader?.databases.set(database, owner);
    if (old && old !== leader) {
      old.starts++;
      if (old.config) old.runs = old.config;
    }
    for (const [id, member] of Object.entries(members)) {
      const instance = world.instances.get(member.pod);
      if (!instance) continue;
      const upstream = { instanceId: primary, host: '', port: 5432, serverName: pod, slot: `ins_${id}` };
      instance.term = id === primary ? { epoch, role: 'primary' } : { epoch, role: 'replica', upstream };
    }
  };

  const relabel = async ({ members, primary }: HaRecord): Promise<void> => {
    for (const [id, { pod }] of Object.entries(members)) {
      const role = id === primary ? 'primary' : 'replica';
      const body = { metadata: { labels: { [labels.role]: role } } };
      await kube.patch(Pods, { namespace: 'default', name: pod }, { type: 'merge', body }).catch(() => {});
    }
  };

  const unsubscribe = kube.onChange(({ type, plural, object }) => {
    if (closed || type === 'DELETED' || plural !== 'configmaps' || !object.metadata.labels?.[labels.haRecord]) return;
    // One that lost a race sees the winner's write.
    setImmediate(() => void answer(object as unknown as ConfigMap).catch(() => {}));
  });
  return () => {
    closed = true;
    unsubscribe();
  };
}
