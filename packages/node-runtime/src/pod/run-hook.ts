import { type Clock, StackError } from '@polarstack/base';
import type { LifecycleHandler } from 'kubernetes-types/core/v1.js';
import { type ProbeTarget, probeCheck } from './probe-check.ts';

/**
 * Runs a postStart or preStop hook: a command in the container, a request to it, or a pause. Rejects with what went
 * wrong, where the command ends with another code than 0, or the answer is none or an error (400 and above).
 */
export async function runHook(
  hook: LifecycleHandler,
  target: ProbeTarget,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (hook.sleep) {
    await clock.sleep(hook.sleep.seconds * 1000, signal);
    return;
  }
  // Kubernetes takes tcpSocket for a hook, and never runs it either.
  if (!hook.exec && !hook.httpGet)
    throw new StackError('InvalidPod', 'only exec, httpGet and sleep hooks are supported');
  const { exec, httpGet } = hook;
  const { check, close } = probeCheck({ ...(exec && { exec }), ...(httpGet && { httpGet }) }, target);
  try {
    await check(signal);
  } finally {
    close();
  }
}
