/** What tests of operations that replace what instances run with share, over the scene of members. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MPDClusters, type MPDOperation, MPDOperations, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { ConfigMaps } from '@polarstack/kube';
import { type MembersScene, patient } from './members-scene.ts';

const namespace = 'default';

export interface ReplaceScene {
  /** Merges into the spec. */
  change(spec: Readonly<Record<string, unknown>>): Promise<void>;
  /** As the original's manual says: edit `<c>-user-params`, then annotate. */
  editParameter(name: string, value: string): Promise<void>;
  /** The next operation of a type: waits for one that was not there when `act` began. */
  next(type: string, act: () => Promise<void>): Promise<MPDOperation>;
  cancel(operation: MPDOperation): Promise<void>;
  /** `show` on every instance, by id. */
  show(parameter: string): Promise<Readonly<Record<string, string>>>;
  /** When each engine was started, by id. */
  starts(): Promise<Readonly<Record<string, string>>>;
  /** The managed configuration on the disk of every instance. */
  onDisk(): Promise<readonly string[]>;
}

export const succeeded = ({ status }: MPDOperation): NonNullable<MPDOperation['status']> => {
  if (status?.phase !== 'Succeeded') throw new Error(`${status?.phase}: ${JSON.stringify(status, undefined, 1)}`);
  return status;
};

export const stepNames = ({ status }: MPDOperation): readonly string[] => (status?.steps ?? []).map(({ name }) => name);

export function createReplaceScene(scene: MembersScene): ReplaceScene {
  const { client, name } = scene;
  const key = { namespace, name };
  const ask = async (text: string) => {
    const ids = await scene.ids();
    const answers = await Promise.all(ids.map(async (id) => [id, (await scene.sql(id, text))[0]] as const));
    return Object.fromEntries(answers.map(([id, row]) => [id, String(Object.values(row ?? {})[0])]));
  };
  return {
    change: async (spec) => {
      await client.patch(MPDClusters, key, { type: 'merge', body: { spec } });
    },
    editParameter: async (parameter, value) => {
      const updateTime = `${new Date().toISOString().slice(0, 19)}Z`;
      const data = { [parameter]: JSON.stringify({ name: parameter, value, updateTime, inoperative_value: '' }) };
      const map = { namespace, name: names.userParams(name) };
      await client.patch(ConfigMaps, map, { type: 'merge', body: { data } });
      await scene.annotate({ flushParams: 'true' });
    },
    next: async (type, act) => {
      const before = await scene.count(type);
      await act();
      return await scene.ended(type, before);
    },
    cancel: async ({ metadata }) => {
      const operation = { namespace, name: metadata.name ?? '' };
      const steering = { action: 'Cancel', requestId: `cancel-${metadata.name}` };
      await client.patch(MPDOperations, operation, { type: 'merge', body: { spec: { steering } } });
      await waitFor(
        'the operation to be cancelled',
        async () => (await client.get(MPDOperations, operation)).status?.phase === 'Cancelled' || undefined,
        patient,
      );
    },
    show: async (parameter) => await ask(`select current_setting('${parameter}')`),
    starts: async () => await ask('select pg_postmaster_start_time()::text'),
    onDisk: async () => {
      const { instances } = await scene.home.cluster(name);
      return instances.map(({ dataDir }) => readFileSync(join(dataDir, 'polarstack.conf'), 'utf8'));
    },
  };
}
