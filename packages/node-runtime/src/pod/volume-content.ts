import { StackError } from '@polarstack/base';
import type {
  ConfigMapVolumeSource,
  KeyToPath,
  ProjectedVolumeSource,
  SecretVolumeSource,
  Volume,
} from 'kubernetes-types/core/v1.js';
import type { VolumeFile } from './atomic-volume.ts';
import { type DownwardFacts, downwardField, type EnvironmentSources } from './environment.ts';

type Files = Map<string, VolumeFile>;
type Entries = Readonly<Record<string, Buffer>>;

/** Secrets are never readable by anybody but the container's user, whatever the pod asks for. */
const secretMode = (mode: number): number => mode & 0o700;

function checkPath(path: string): string {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/') || parts.some((part) => part === '..' || part === '')) {
    throw new StackError('InvalidPod', `volume path ${JSON.stringify(path)} must stay inside the volume`);
  }
  if (path.startsWith('..')) throw new StackError('InvalidPod', `volume path ${path} must not start with ".."`);
  return path;
}

function pick(
  entries: Entries,
  items: readonly KeyToPath[] | undefined,
  what: string,
  optional: boolean,
  modeOf: (own: number | undefined) => number,
): Files {
  const files: Files = new Map();
  if (!items) {
    for (const [key, content] of Object.entries(entries))
      files.set(checkPath(key), { content, mode: modeOf(undefined) });
    return files;
  }
  for (const { key, path, mode } of items) {
    const content = entries[key];
    if (content) files.set(checkPath(path), { content, mode: modeOf(mode) });
    else if (!optional) throw new StackError('MountFailed', `${what} has no key ${key}`);
  }
  return files;
}

async function secretFiles(
  source: Pick<SecretVolumeSource, 'secretName' | 'items' | 'optional'>,
  defaultMode: number,
  sources: EnvironmentSources,
): Promise<Files> {
  const what = `Secret ${source.secretName}`;
  const secret = await sources.secret(source.secretName ?? '');
  if (!secret && !source.optional) throw new StackError('MountFailed', `${what} does not exist`);
  const entries = Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
  );
  return pick(entries, source.items, what, source.optional ?? false, (own) => secretMode(own ?? defaultMode));
}

async function configMapFiles(
  source: Pick<ConfigMapVolumeSource, 'name' | 'items' | 'optional'>,
  defaultMode: number,
  sources: EnvironmentSources,
): Promise<Files> {
  const what = `ConfigMap ${source.name}`;
  const map = await sources.configMap(source.name ?? '');
  if (!map && !source.optional) throw new StackError('MountFailed', `${what} does not exist`);
  const entries = Object.fromEntries([
    ...Object.entries(map?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'utf8')] as const),
    ...Object.entries(map?.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const),
  ]);
  return pick(entries, source.items, what, source.optional ?? false, (own) => own ?? defaultMode);
}

function downwardFiles(
  items: NonNullable<Volume['downwardAPI']>['items'],
  defaultMode: number,
  facts: DownwardFacts,
): Files {
  const files: Files = new Map();
  for (const { path, fieldRef, mode } of items ?? []) {
    if (!fieldRef) throw new StackError('InvalidPod', `downwardAPI item ${path} needs a fieldRef`);
    const content = Buffer.from(downwardField(fieldRef.fieldPath, facts), 'utf8');
    files.set(checkPath(path), { content, mode: mode ?? defaultMode });
  }
  return files;
}

async function projectedFiles(
  projected: ProjectedVolumeSource,
  facts: DownwardFacts,
  sources: EnvironmentSources,
): Promise<Files> {
  const all: Files = new Map();
  for (const { secret, configMap, downwardAPI, serviceAccountToken } of projected.sources ?? []) {
    if (serviceAccountToken) throw new StackError('InvalidPod', 'serviceAccountToken volumes are not supported');
    const parts = [
      secret
        ? await secretFiles({ ...secret, secretName: secret.name ?? '' }, projected.defaultMode ?? 0o400, sources)
        : undefined,
      configMap ? await configMapFiles(configMap, projected.defaultMode ?? 0o644, sources) : undefined,
      downwardAPI ? downwardFiles(downwardAPI.items, projected.defaultMode ?? 0o644, facts) : undefined,
    ];
    for (const part of parts) for (const [path, file] of part ?? []) all.set(path, file);
  }
  return all;
}

/** The files of a volume whose content comes from the API; undefined for volumes that are folders. */
export async function volumeContent(
  volume: Volume,
  facts: DownwardFacts,
  sources: EnvironmentSources,
): Promise<Files | undefined> {
  const { secret, configMap, downwardAPI, projected } = volume;
  if (secret) return secretFiles(secret, secret.defaultMode ?? 0o400, sources);
  if (configMap) return configMapFiles(configMap, configMap.defaultMode ?? 0o644, sources);
  if (downwardAPI) return downwardFiles(downwardAPI.items, downwardAPI.defaultMode ?? 0o644, facts);
  if (projected) return projectedFiles(projected, facts, sources);
  return undefined;
}
