import type { ContainerRef, LogRequest, PodConnector } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { ContainerRunner } from './pod/container-runner.ts';
import type { LogKeeper } from './pod/log-keeper.ts';
import { readLog } from './pod/log-reader.ts';
import { createStamper } from './pod/log-stamps.ts';
import type { PodWorker } from './pod/pod-worker.ts';
import { runCommand } from './pod/run-command.ts';
import type { RuntimeUser } from './types.ts';

export interface ConnectorOptions {
  /** The worker of a living pod of this name. */
  readonly worker: (namespace: string, name: string) => PodWorker | undefined;
  readonly isPowered: (worker: PodWorker) => boolean;
  readonly logs: LogKeeper;
  readonly user?: RuntimeUser;
  readonly signal: AbortSignal;
}

/** `kubectl exec` and `kubectl logs` for the pods of this machine. */
export function createConnector(options: ConnectorOptions): PodConnector {
  function find(ref: ContainerRef): { readonly worker: PodWorker; readonly runner: ContainerRunner } {
    const worker = options.worker(ref.namespace, ref.pod);
    if (!worker) throw new StackError('NotFound', `pod ${ref.namespace}/${ref.pod} does not run on this machine`);
    const runner = worker.container(ref.container);
    if (!runner) throw new StackError('NotFound', `pod ${ref.pod} has no container ${ref.container ?? ''}`);
    return { worker, runner };
  }

  async function* logs(ref: ContainerRef, request: LogRequest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { worker, runner } = find(ref);
    const { run } = runner.view();
    const wanted = request.previous ? run - 1 : run;
    if (wanted < 1) {
      const which = request.previous ? 'previous run' : 'run';
      throw new StackError('NotFound', `container ${runner.name} of pod ${ref.pod} has no ${which} yet`);
    }
    const path = worker.logPath(runner.name, wanted);
    const isOver = (): boolean => {
      const view = runner.view();
      const gone = options.worker(ref.namespace, ref.pod) !== worker;
      return gone || view.run !== wanted || view.state === 'ended';
    };
    const { sinceSeconds, tailLines, limitBytes, timestamps } = request;
    const age = await options.logs.ageOf(path);
    yield* readLog(
      {
        path,
        follow: request.follow,
        isOver,
        ...(sinceSeconds === undefined ? {} : { from: age.offsetSince(sinceSeconds) }),
        ...(tailLines === undefined ? {} : { tailLines }),
        ...(limitBytes === undefined ? {} : { limitBytes }),
        ...(timestamps === true ? { through: createStamper((offset) => age.timeAt(offset)) } : {}),
      },
      AbortSignal.any([signal, options.signal]),
    );
  }

  return {
    logs,
    async exec(ref, request, signal) {
      const { worker, runner } = find(ref);
      const { env, cwd } = await runner.execContext();
      if (!options.isPowered(worker)) throw new StackError('NodePoweredOff', `the node of pod ${ref.pod} is off`);
      const { command: argv, stdin, stdout, stderr } = request;
      return await runCommand(
        {
          argv,
          env,
          cwd,
          stdout,
          stderr,
          ...(stdin ? { stdin } : {}),
          ...(options.user ? { user: options.user } : {}),
        },
        AbortSignal.any([signal, options.signal]),
      );
    },
  };
}
