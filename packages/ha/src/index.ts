export {
  type ActorOptions,
  pauseAfter,
  type RecordStore,
  type StoredRecord,
  type Tended,
  tend,
} from './actor.ts';
export { type Convergence, converge } from './effects/converge.ts';
export { termOf } from './effects/follow.ts';
export type { MemberAgent, SwitchPorts } from './effects/ports.ts';
export { renderResult } from './explain/history.ts';
export { flapGuards, flapState } from './failover/flap.ts';
export { AUTOMATIC, failoverGuards, type Suspicion, suspect } from './failover/suspicion.ts';
export {
  isFailure,
  type Judgement,
  judge,
  type Pulses,
  type SeenPulse,
  SILENT_MS,
  type Verdict,
} from './failover/verdict.ts';
export {
  type Candidate,
  type Cause,
  type FailoverEntry,
  type HaSettings,
  type Reason,
  type Signal,
  settingsOf,
} from './record/failover.ts';
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
  type SwitchKind,
  type SwitchRequest,
  type SwitchResult,
  type SwitchStep,
  type Trouble,
} from './record/record.ts';
export { requestSwitch, withdrawRequest } from './record/request.ts';
export { withSettings } from './record/settings.ts';
export { MAX_LAG_BYTES } from './switch/checks.ts';
