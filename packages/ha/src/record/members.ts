/**
 * Who belongs to the cluster, as far as electing a primary goes. Changed by the operator, and only while no switch stands: a
 * switch was decided for the members that it knows.
 */
import { StackError } from '@polarstack/base';
import { type HaMember, type HaRecord, without } from './record.ts';

function mustStandStill(record: HaRecord): void {
  if (record.switch === undefined) return;
  throw new StackError('SwitchRunning', `switch ${record.switch.id} is at ${record.switch.step}`);
}

/** Adds a member, or changes pod and node of one. Throws `SwitchRunning`. */
export function addMember(
  record: HaRecord,
  instanceId: string,
  { pod, node, electable = true }: { readonly pod: string; readonly node?: string; readonly electable?: boolean },
  now: Date,
): HaRecord {
  const known = record.members[instanceId];
  if (known && known.pod === pod && known.node === node) return record;
  mustStandStill(record);
  const member: HaMember = {
    pod,
    ...(node === undefined ? {} : { node }),
    electable: known?.electable ?? electable,
    since: known?.since ?? now.toISOString(),
  };
  return { ...record, members: { ...record.members, [instanceId]: member } };
}

/** Throws `MemberIsPrimary` and `SwitchRunning`. */
export function removeMember(record: HaRecord, instanceId: string): HaRecord {
  if (!Object.hasOwn(record.members, instanceId)) return record;
  if (record.primary === instanceId) throw new StackError('MemberIsPrimary', `${instanceId} is the primary`);
  mustStandStill(record);
  return { ...record, members: without(record.members, instanceId) };
}

/** Whether it may become primary. Throws `MemberIsPrimary`, `SwitchRunning` and `InstanceUnknown`. */
export function setElectable(record: HaRecord, instanceId: string, electable: boolean): HaRecord {
  const member = record.members[instanceId];
  if (!member) throw new StackError('InstanceUnknown', `${instanceId} is none of the members`);
  if (member.electable === electable) return record;
  if (record.primary === instanceId) throw new StackError('MemberIsPrimary', `${instanceId} is the primary`);
  mustStandStill(record);
  return { ...record, members: { ...record.members, [instanceId]: { ...member, electable } } };
}
