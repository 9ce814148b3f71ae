import { join } from 'node:path';

/** A certificate with its key and the authority that signed the peers', as files. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where everything of one instance lies, and the facts about it that its configuration needs. */
export interface Layout {
  /** The engine's data folder. */
  readonly dataDir: string;
  /** The agent's own folder beside it: locks and working folders, on the same file system. */
  readonly workDir: string;
  readonly socketDir: string;
  readonly listenAddress: string;
  readonly port: number;
  readonly instanceId: string;
  /** Shown in process titles. */
  readonly clusterName: string;
  /** The operating system's user the agent and the engine run as. */
  readonly osUser: string;
  readonly tls: TlsFiles;
  readonly replicator: TlsFiles;
  /** The whole environment of the engine's programs. */
  readonly env: Readonly<Record<string, string>>;
}

export const paths = (layout: Layout) =>
  ({
    /** A data folder in the making: beside the final one, so that a rename completes it. */
    unfinished: `${layout.dataDir}.unfinished`,
    replaced: `${layout.dataDir}.replaced`,
    toolDir: join(layout.workDir, 'tool'),
    checkDir: join(layout.workDir, 'check'),
    engineLock: join(layout.workDir, 'engine.lock'),
    diagnosis: join(layout.workDir, 'start.log'),
    postmasterPid: join(layout.dataDir, 'postmaster.pid'),
    standbySignal: join(layout.dataDir, 'standby.signal'),
  }) as const;

/** The user by which replicas connect; known by the CN of its certificate, without a password. */
export const REPLICATOR = 'replicator';
/** The superuser. It logs in through the unix socket only. */
export const SUPERUSER = 'postgres';
/** Physical slots that are the stack's have this prefix. */
export const SLOT_PREFIX = 'ins_';
/** Ends the application_name of a member's tools, so that they are not taken for its walreceiver. */
export const TOOL_SUFFIX = '/tool';
