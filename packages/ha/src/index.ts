export {
  type ActorOptions,
  pauseAfter,
  type RecordStore,
  type StoredRecord,
  tend,
} from './actor.ts';
export { type Convergence, converge } from './effects/converge.ts';
export { termOf } from './effects/follow.ts';
export type { MemberAgent, SwitchPorts } from './effects/ports.ts';
export { addMember, removeMember, setElectable } from './record/members.ts';
export { parseRecord, renderRecord } from './record/parse.ts';
export { type Remembered, rebuildRecord } from './record/rebuild.ts';
export {
  type EpochEntry,
  type Evidence,
  HA_SCHEMA,
  type HaMember,
  type HaRecord,
  type NewRecord,
  newRecord,
  resultOf,
  type StepTime,
  type Switch,
  type SwitchRequest,
  type SwitchResult,
  type SwitchStep,
  type Trouble,
} from './record/record.ts';
export { requestSwitch, withdrawRequest } from './record/request.ts';
export { MAX_LAG_BYTES, type Reason } from './switch/checks.ts';
