/**
 * What a database pod looks like from inside: the contract between the operator (which writes the pod), whoever runs
 * it (a kubelet or the node runtime) and the agent (which finds itself in it). All paths are container paths; a
 * runtime that gives containers no file system of their own sets `POLARSTACK_ROOT`, and programs resolve them below it.
 */
export const podPaths = {
  /** Mount of the instance's PVC. The engine's data directory is `<data>/pgdata`, the agent's own files `<data>/agent`. */
  data: '/var/lib/polarstack/data',
  /** Secret `<pod>-tls`: `ca.crt`, `tls.crt`, `tls.key`; serves the agent's API and the engine's `ssl`. */
  tls: '/etc/polarstack/tls',
  /** Secret `<c>-client-replicator`: `ca.crt`, `tls.crt`, `tls.key`; the walreceiver's client certificate. */
  replicator: '/etc/polarstack/replicator',
  /** emptyDir for sockets, where `POLARSTACK_RUN` is not set. */
  run: '/run/polarstack',
} as const;

/** Environment of the container `engine`. */
export const podEnv = {
  cluster: 'POLARSTACK_CLUSTER',
  namespace: 'POLARSTACK_NAMESPACE',
  pod: 'POLARSTACK_POD',
  podIP: 'POLARSTACK_POD_IP',
  nodeName: 'POLARSTACK_NODE',
  instanceId: 'POLARSTACK_INSTANCE_ID',
  physicalId: 'POLARSTACK_PHYSICAL_ID',
  enginePort: 'POLARSTACK_ENGINE_PORT',
  agentPort: 'POLARSTACK_AGENT_PORT',
  /** Set by the image: folder with `initdb`, `postgres`, ... */
  engineBin: 'POLARSTACK_ENGINE_BIN',
  /** Set by a runtime without container file systems: prefix of all paths above. */
  root: 'POLARSTACK_ROOT',
  /** Set by a runtime whose paths are too long for sockets: a short folder of the pod's own. */
  run: 'POLARSTACK_RUN',
} as const;

/** The name of the one container of a database pod, and of its ports. */
export const ENGINE_CONTAINER = 'engine';
export const ENGINE_PORT_NAME = 'postgres';
export const AGENT_PORT_NAME = 'agent';
/** The agent's port in the pod network; with host network it is allocated from the external port range. */
export const AGENT_PORT = 7443;
export const ENGINE_PORT = 5432;
/** Command of the container: the keeper (PID 1) runs the agent and restarts it when it dies, never the engine. */
export const ENGINE_COMMAND = ['polarstack-keeper', 'polarstack-agent'] as const;
/** Image of a PostgreSQL major, or of one minor version of it. */
export const postgresImage = (major: number | string): string => `polarstack/postgres:${major}`;
