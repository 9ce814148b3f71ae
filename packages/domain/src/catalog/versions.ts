import type { MPDClusterSpecInput } from '@polarstack/api';
import { type CatalogConfigMap, catalogError, catalogLabels, hasLabels, LOCAL_MODE } from './config-map.ts';
import { catalogMajors } from './manifests.ts';

/** A version of an engine that some node can run. */
export interface EngineVersion {
  readonly name: string;
  readonly major: number;
  /** As the server says, e.g. `15.18`. */
  readonly version: string;
  readonly image: string;
}

/**
 * The versions for local clusters, newest first; majors for which there is no parameter template are left out, so that
 * a newer server on the machine is not chosen before the stack knows it. Throws `CatalogInvalid` where an entry cannot
 * be read.
 */
export function readVersions(configMaps: readonly CatalogConfigMap[]): readonly EngineVersion[] {
  const wanted = { [catalogLabels.configType]: 'minor_version_info', [catalogLabels.clusterMode]: LOCAL_MODE };
  const known: readonly number[] = catalogMajors;
  return configMaps
    .filter((configMap) => hasLabels(configMap, wanted))
    .map((configMap): EngineVersion => {
      const { name, version, pgEngineImage, engineImage } = configMap.data ?? {};
      const image = engineImage ?? pgEngineImage;
      const major = Number.parseInt(configMap.metadata?.labels?.[catalogLabels.dbVersion] ?? version ?? '', 10);
      if (!Number.isInteger(major)) throw catalogError(configMap, 'does not say which major version it is');
      if (!image) throw catalogError(configMap, 'has no engine image');
      return { name: name ?? configMap.metadata?.name ?? image, major, version: version ?? String(major), image };
    })
    .filter(({ major }) => known.includes(major))
    .sort(newestFirst);
}

function newestFirst(a: EngineVersion, b: EngineVersion): number {
  const minor = (version: string) => Number.parseInt(version.split('.')[1] ?? '0', 10) || 0;
  return b.major - a.major || minor(b.version) - minor(a.version) || (a.name < b.name ? -1 : 1);
}

type Wanted = Pick<MPDClusterSpecInput, 'engine' | 'versionCfg'>;

/** What the spec asks for, for people; undefined where it leaves the choice. */
export function wantedVersion(spec: Wanted): string | undefined {
  return spec.versionCfg?.versionName || spec.engine?.version;
}

/** The newest version that the spec allows; undefined where there is none. */
export function chooseVersion(spec: Wanted, versions: readonly EngineVersion[]): EngineVersion | undefined {
  const name = spec.versionCfg?.versionName;
  const asked = spec.engine?.version;
  return versions.find(
    (version) =>
      (!name || version.name === name) &&
      (asked === undefined || asked === String(version.major) || asked === version.version),
  );
}
