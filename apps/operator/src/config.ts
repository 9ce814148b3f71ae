import { DEFAULT_OPERATOR } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { defaultRetention, type Retention } from '@polarstack/domain';
import { defaultPatience, type Patience } from './steps/patience.ts';

export interface OperatorConfig {
  /** Path of a kubeconfig; undefined: the service account of the pod. */
  readonly kubeconfig: string | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Name of this operator; clusters with another `spec.operatorName` are left alone. */
  readonly operatorName: string;
  /** How long a Lease must be seen unchanged before another operator takes over; 0: this is the only operator, for certain. */
  readonly leaseSeconds: number;
  /** How long operations that have ended are kept: so many of each cluster, for so long. */
  readonly retention: Retention;
  /** How long steps wait for what does not answer or stands still. */
  readonly patience: Patience;
  /** Where the REST API listens, and the PEM files that it shows; undefined: there is none. */
  readonly rest:
    | { readonly host: string; readonly port: number; readonly certFile: string; readonly keyFile: string }
    | undefined;
}

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** Settings of the stand-alone process, from the environment. Throws `InvalidConfig`. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): OperatorConfig {
  const level = env.POLARSTACK_LOG_LEVEL ?? 'info';
  const logLevel = levels.find((known) => known === level);
  if (!logLevel) {
    throw new StackError('InvalidConfig', `POLARSTACK_LOG_LEVEL is ${level}, and must be one of ${levels.join(', ')}`);
  }
  const lease = env.POLARSTACK_LEASE_SECONDS ?? '15';
  if (!/^\d{1,4}$/.test(lease)) {
    throw new StackError('InvalidConfig', `POLARSTACK_LEASE_SECONDS is ${lease}, and must be 0 to 9999`);
  }
  const count = wholeNumber(env, 'POLARSTACK_KEEP_OPERATIONS', defaultRetention.count, 10_000);
  const days = wholeNumber(env, 'POLARSTACK_KEEP_OPERATIONS_DAYS', defaultRetention.ageMs / DAY_MS, 3_650);
  return {
    retention: { count, ageMs: days * DAY_MS },
    patience: readPatience(env),
    logLevel,
    kubeconfig: env.KUBECONFIG,
    operatorName: env.POLARSTACK_OPERATOR_NAME ?? DEFAULT_OPERATOR,
    leaseSeconds: Number(lease),
    rest: restOf(env),
  };
}

/** The settings of the operator's patience, each in whole seconds. */
export const patienceVariables = {
  agentSilenceMs: 'POLARSTACK_AGENT_SILENCE_SECONDS',
  standstillMs: 'POLARSTACK_STANDSTILL_SECONDS',
  startMs: 'POLARSTACK_START_SECONDS',
  podEndMs: 'POLARSTACK_POD_END_SECONDS',
  fitMs: 'POLARSTACK_FIT_SECONDS',
} as const satisfies Record<keyof Patience, string>;

/** How patient operations are, from the environment. Throws `InvalidConfig`: a patience of 0 would give up what is only slow. */
export function readPatience(env: NodeJS.ProcessEnv = process.env): Patience {
  const of = (what: keyof Patience): number =>
    wholeNumber(env, patienceVariables[what], defaultPatience[what] / 1_000, 3_600, 1) * 1_000;
  return {
    agentSilenceMs: of('agentSilenceMs'),
    standstillMs: of('standstillMs'),
    startMs: of('startMs'),
    podEndMs: of('podEndMs'),
    fitMs: of('fitMs'),
  };
}

function restOf(env: NodeJS.ProcessEnv): OperatorConfig['rest'] {
  const { POLARSTACK_REST_HOST: host, POLARSTACK_REST_CERT: certFile, POLARSTACK_REST_KEY: keyFile } = env;
  if (!host && !certFile && !keyFile) return undefined;
  if (!host || !certFile || !keyFile) {
    const names = 'POLARSTACK_REST_HOST, POLARSTACK_REST_CERT and POLARSTACK_REST_KEY';
    throw new StackError('InvalidConfig', `of ${names} some are set, and all or none must be`);
  }
  return { host, port: wholeNumber(env, 'POLARSTACK_REST_PORT', REST_PORT, 65_535), certFile, keyFile };
}

const DAY_MS = 86_400_000;
/** That of the original. */
const REST_PORT = 6079;

function wholeNumber(env: NodeJS.ProcessEnv, name: string, fallback: number, max: number, min = 0): number {
  const text = env[name] ?? String(fallback);
  if (!/^\d{1,6}$/.test(text) || Number(text) > max || Number(text) < min) {
    throw new StackError('InvalidConfig', `${name} is ${text}, and must be ${min} to ${max}`);
  }
  return Number(text);
}
