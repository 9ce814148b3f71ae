/** What must be so after each walk, whatever was done in it. */
import { HA_RECORD_KEY, labels, type MPDOperation, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { parseRecord } from '@polarstack/ha';
import { ConfigMaps, PersistentVolumeClaims, Pods, Secrets, Services } from '@polarstack/kube';
import { logLines, namespace, signal, type WalkScene } from './scene.ts';
import { inWords } from './settle.ts';

const sorted = (texts: readonly string[]): string => [...texts].sort().join(' ');

const same = (what: string, found: readonly string[], expected: readonly string[]): readonly string[] =>
  sorted(found) === sorted(expected) ? [] : [`${what}: ${sorted(found)}, not ${sorted(expected)}`];

/** Everything that is wrong, in sentences; what only needs a moment gets it. */
export async function wrongs(scene: WalkScene, rows: readonly number[]): Promise<readonly string[]> {
  const operations = await scene.operations();
  const lasting = [...operations.flatMap(wrongWith), ...internalErrors(scene)];
  let passing: readonly string[] = [];
  try {
    await waitFor(
      'the objects to fit',
      async () => {
        passing = [...(await wrongObjects(scene)), ...(await wrongData(scene, rows))];
        return passing.length === 0 || undefined;
      },
      { signal, timeoutMs: 45_000, intervalMs: 300 },
    );
  } catch (error) {
    if (passing.length === 0) throw error;
  }
  return [...lasting, ...passing];
}

/** OP2 and what an operation never ends with. */
function wrongWith(operation: MPDOperation): readonly string[] {
  const { spec, status } = operation;
  const { phase, plan = [], steps = [], error, workflow } = status ?? {};
  const said = inWords(operation);
  const codes = [error?.code, ...steps.map((step) => step.error?.code)];
  const wrong = codes.includes('Internal') ? [`${said}: an internal error`] : [];
  if (spec.type === 'Create' || workflow === undefined) return wrong;
  const planned = plan.map(({ step }) => step).join(' ');
  const ran = steps.map(({ name }) => name).join(' ');
  if (planned !== ran) wrong.push(`${said}: planned ${planned}, ran ${ran}`);
  if (phase === 'Succeeded' && steps.some(({ state }) => state !== 'Succeeded' && state !== 'Skipped')) {
    wrong.push(`${said}: succeeded with ${steps.map(({ name, state }) => `${name} ${state}`).join(', ')}`);
  }
  return wrong;
}

/** What no log may say: that something happened which its author had not thought of. */
function internalErrors(scene: WalkScene): readonly string[] {
  const said = [...logLines(scene, 'control.log')].filter((line) =>
    /"code":"Internal"|TypeError|RangeError/.test(line),
  );
  return [...new Set(said.map((line) => line.slice(0, 1_500)))].slice(0, 3);
}

async function wrongObjects(scene: WalkScene): Promise<readonly string[]> {
  const { client, name } = scene;
  const { spec, status } = await scene.cluster();
  const members = Object.entries(status?.dbInstanceStatus ?? {});
  const pods = members.map(([, { podName = '' }]) => podName);
  const mine = { namespace, labelSelector: `${labels.clusterName}=${name}` };
  const namesIn = (items: readonly { readonly metadata?: { readonly name?: string } }[]) =>
    items.map(({ metadata }) => metadata?.name ?? '');
  const found = (await client.list(Pods, mine)).items;
  const volumes = (await client.list(PersistentVolumeClaims, mine)).items;
  const claims = namesIn(volumes);
  const leaves = namesIn((await client.list(Secrets, { namespace })).items).filter((one) => one.endsWith('-tls'));
  const map = await client.get(ConfigMaps, { namespace, name: names.haRecord(name) });
  const record = parseRecord(map.data?.[HA_RECORD_KEY] ?? '');
  const service = await client.get(Services, { namespace, name: names.service(name, 'rw') });
  const leader = status?.leaderInstanceId ?? '';
  const roles = found.map(({ metadata }) => `${metadata?.name}=${metadata?.labels?.[labels.role]}`);
  return [
    ...same('pods', namesIn(found), pods),
    ...same('claims', claims, pods),
    ...same(
      'sizes of the volumes',
      volumes.map((volume) => String(volume.status?.capacity?.storage)),
      volumes.map(() => String(status?.appliedSpec?.localStore?.size)),
    ),
    ...same(
      'size that the spec asks for',
      [String(spec.localStore?.size)],
      [String(status?.appliedSpec?.localStore?.size)],
    ),
    ...same(
      'images of the pods',
      found.map(({ spec: of }) => String(of?.containers[0]?.image)),
      found.map(() => String(status?.engine?.image)),
    ),
    ...same(
      'TLS secrets',
      leaves,
      pods.map((pod) => `${pod}-tls`),
    ),
    ...same(
      'members of the HA record',
      Object.keys(record.members),
      members.map(([id]) => id),
    ),
    ...same('primary of the HA record', [record.primary], [leader]),
    ...same('request in the HA record', [record.request?.id ?? '', record.switch?.id ?? ''], ['', '']),
    ...same('where the rw service leads', [service.spec?.selector?.[labels.instanceId] ?? ''], [leader]),
    ...same(
      'roles of the pods',
      roles,
      members.map(([id, { podName }]) => `${podName}=${id === leader ? 'primary' : 'replica'}`),
    ),
  ];
}

async function wrongData(scene: WalkScene, rows: readonly number[]): Promise<readonly string[]> {
  const { status } = await scene.cluster();
  const members = Object.keys(status?.dbInstanceStatus ?? {});
  const wrong: string[] = [];
  const sums = new Set<string>();
  const versions = new Set<string>();
  for (const id of members) {
    const slots = await scene.sql(id, `select slot_name from pg_replication_slots where slot_name like 'ins_%'`);
    const others = members.filter((other) => other !== id).map((other) => `ins_${other}`);
    wrong.push(
      ...same(
        `slots of ${id}`,
        slots.map(({ slot_name: slot }) => String(slot)),
        others,
      ),
    );
    const [version] = await scene.sql(id, 'show server_version');
    versions.add(String(version?.server_version).split(' ')[0] ?? '');
    const [of] = await scene.sql(id, `select pg_is_in_recovery() as standby`);
    if (of?.standby !== (id !== status?.leaderInstanceId)) wrong.push(`${id}: standby is ${String(of?.standby)}`);
    const found = await scene.sql(id, 'select n from written order by n');
    const has = new Set(found.map(({ n }) => Number(n)));
    const lost = rows.filter((row) => !has.has(row));
    if (lost.length > 0)
      wrong.push(`${lost.length} of ${rows.length} acknowledged rows are not on ${id}, e.g. ${lost[0]}`);
    const [sum] = await scene.sql(id, `select count(*) || ' ' || coalesce(sum(hashint8(n)), 0) as sum from written`);
    sums.add(String(sum?.sum));
  }
  const name = status?.appliedSpec?.versionCfg?.versionName;
  const recorded = name === scene.versions[0] ? undefined : name;
  if (versions.size > 1) wrong.push(`the instances run ${[...versions].join(' and ')}`);
  if (recorded && ![...versions].every((version) => recorded === `postgresql-${version}`)) {
    wrong.push(`the instances run ${[...versions].join(', ')}, and the recorded version is ${recorded}`);
  }
  if (sums.size > 1) wrong.push(`the instances hold different rows: ${[...sums].join(', ')}`);
  return wrong;
}
