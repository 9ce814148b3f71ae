import type { AgentApi, EngineRole, Upstream } from '@polarstack/contracts';

/** What the cluster manager asks of an agent. */
export type MemberAgent = Pick<
  AgentApi,
  | 'status'
  | 'setTerm'
  | 'setSlots'
  | 'checkpoint'
  | 'start'
  | 'stop'
  | 'fence'
  | 'promote'
  | 'rewind'
  | 'task'
  | 'writeCanary'
  | 'readCanary'
>;

/** The world as a switch needs it. */
export interface SwitchPorts {
  /** The agent of a member; calls throw `AgentUnreachable` where there is none. */
  agent(instanceId: string): MemberAgent;
  /** How `member` reaches the engine of `primary`; throws `AgentUnreachable` where its address is not known. */
  upstream(primary: string, member: string): Upstream;
  /** Leads the rw service to an instance, in one write; refuses (`StaleEpoch`) what a higher epoch has overtaken. */
  route(to: { readonly instanceId: string; readonly epoch: number }, signal: AbortSignal): Promise<void>;
  /** Says at each pod what its instance is, which the ro service goes by. Writes only what differs. */
  label(roles: ReadonlyMap<string, EngineRole>, signal: AbortSignal): Promise<void>;
}
