import { entries } from './entry.ts';

export const agentErrors = entries({
  InvalidRequest: {
    summary: 'A request to an agent has a field that is missing, unknown or of the wrong type.',
    remedy: 'Correct the field that the message names.',
    retry: 'never',
  },
  InvalidParameter: {
    summary: 'A database parameter does not exist in this engine, or its value is not one the engine accepts.',
    remedy: 'Correct or remove the parameters that the message names; nothing was changed.',
    retry: 'never',
  },
  AgentUnauthenticated: {
    summary: 'A call to an agent came without a client certificate of the cluster.',
    remedy: "Use a client certificate signed by the cluster's CA (Secret <cluster>-client-<role>).",
    retry: 'never',
  },
  AgentForbidden: {
    summary: 'The client certificate is genuine, but its role may not make this call.',
    remedy: 'Use the certificate of a role that may; the operator may call everything.',
    retry: 'never',
  },
  AgentUnreachable: {
    summary: 'The agent of an instance did not answer.',
    remedy: 'Look at the pod: is it running, and what does its log say? The call can be repeated safely.',
    retry: 'later',
  },
  StaleEpoch: {
    summary: 'The request carries an epoch or role that a newer decision has overtaken.',
    remedy: "Read the agent's status and the cluster's current epoch, and decide anew.",
    retry: 'never',
  },
  TermMissing: {
    summary: 'The agent has no valid term: nobody has told this instance its epoch and role.',
    remedy: 'Set the term (or bootstrap the instance) first.',
    retry: 'later',
  },
  TermFileCorrupt: {
    summary: 'The term file exists but neither of its two slots is whole.',
    remedy:
      "Do not start this instance as it is: rebuild it from the primary, or restore the file <data>/agent/term from a copy of the instance's volume.",
    retry: 'never',
  },
  WrongRole: {
    summary: 'The engine is not in the role that the call needs.',
    remedy: "Send the call to the right instance, or change this one's role first.",
    retry: 'later',
  },
  EngineContradictsTerm: {
    summary: 'A replica left recovery on its own, promoted by hand perhaps; the agent stopped it.',
    remedy:
      'The agent rewinds it or copies it anew from the primary by itself, as soon as the primary answers; the task in its status says why not yet. What was written to it meanwhile is not part of the cluster.',
    retry: 'later',
  },
  TaskRunning: {
    summary: 'The agent is busy with another task; it runs one at a time.',
    remedy: 'Wait for the task that the message names.',
    retry: 'later',
  },
  UnknownTask: {
    summary: 'The agent does not know this task, for instance because it was restarted meanwhile.',
    remedy: 'Ask for the work again with the same task id: it continues, or answers at once when it was done.',
    retry: 'now',
  },
  EngineNotInstalled: {
    summary: 'The server programs of this engine are missing or incomplete.',
    remedy: 'Install the server package of this version, or set POLARSTACK_ENGINE_BIN to the folder of its programs.',
    retry: 'later',
  },
  EngineNotRunning: {
    summary: 'The call needs a running engine.',
    remedy: 'Start the engine; where it does not start, the status of the agent says why.',
    retry: 'later',
  },
  EngineRunning: {
    summary: 'The call needs a stopped engine.',
    remedy: 'Stop the engine first.',
    retry: 'later',
  },
  EngineStartFailed: {
    summary: 'The engine ended before it accepted connections.',
    remedy: 'The message ends with what the engine said last; mend that. The agent tries again by itself.',
    retry: 'later',
  },
  EngineTimeout: {
    summary: 'The engine did not do in time what was asked.',
    remedy: "Look at the engine's log and load; the call can be repeated safely.",
    retry: 'later',
  },
  EngineQueryFailed: {
    summary: 'The engine refused a statement of the agent.',
    remedy: 'The message says why; mend that and repeat the call.',
    retry: 'later',
  },
  DeadManSilent: {
    summary: 'The process that is to kill an engine at its deadline does not answer.',
    remedy: 'Nothing: the agent replaces it. Where that goes on, the node has no memory, processes or time to spare.',
    retry: 'later',
  },
  EngineNotDead: {
    summary: 'Processes of the engine are still there after SIGKILL.',
    remedy:
      'They hang in the kernel, usually on storage that does not answer. Mend the storage or restart the node; the agent starts nothing beside them.',
    retry: 'later',
  },
  DataFolderUnusable: {
    summary: "The instance's data folder cannot be used as it is.",
    remedy: 'The message says what is wrong: owner, permissions, another major version, or foreign content.',
    retry: 'never',
  },
  DataFolderUnfinished: {
    summary: 'The data folder is half made (an interrupted bootstrap or rewind) and is never started.',
    remedy: 'Ask for the bootstrap again; after a failed rewind, bootstrap anew from the primary.',
    retry: 'never',
  },
  DiskFull: {
    summary: 'There is no space left where the engine writes.',
    remedy: 'Free space on the volume or enlarge it, then try again.',
    retry: 'later',
  },
  InitdbFailed: {
    summary: 'initdb could not make a new data folder.',
    remedy: 'The message ends with what initdb said; nothing of the attempt is left.',
    retry: 'later',
  },
  BaseBackupFailed: {
    summary: 'Copying the data folder from the upstream failed.',
    remedy: 'The message ends with what pg_basebackup said; nothing of the attempt is left.',
    retry: 'later',
  },
  RewindFailed: {
    summary: 'pg_rewind could not bring the data folder back onto the line of the upstream.',
    remedy: 'Bootstrap the instance anew from the primary.',
    retry: 'never',
  },
});
