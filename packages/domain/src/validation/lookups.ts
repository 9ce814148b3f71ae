import type { InstanceClass } from '../catalog/classes.ts';
import type { ParameterTemplate } from '../catalog/template.ts';
import type { EngineVersion } from '../catalog/versions.ts';

/** What the world says; whoever validates gathers it first, so that validation is pure. */
export interface ClusterLookups {
  /** Classes by name. */
  readonly classes: ReadonlyMap<string, InstanceClass>;
  /** Newest first. */
  readonly versions: readonly EngineVersion[];
  /** The parameter template of a major; undefined where there is none. */
  readonly template: (major: number) => ParameterTemplate | undefined;
  /** All nodes. */
  readonly nodes: readonly NodeLookup[];
  /** Ranges that `netCfg.engineStartPort` may come from. */
  readonly enginePorts: readonly { readonly from: number; readonly to: number }[];
  /** Host ports that other clusters have been given, whether they listen or not: port to `namespace/name`. */
  readonly claimedPorts?: ReadonlyMap<number, string>;
  /** controller-config `canUpdateNotChangeableParams`. */
  readonly allowLocked?: boolean;
  /** Values of `<c>-running-params` of an existing cluster; absent: unknown, and so not compared. */
  readonly running?: ReadonlyMap<string, string>;
}

export interface NodeLookup {
  readonly name: string;
  /** Ready, and not closed to new pods. */
  readonly schedulable: boolean;
  /** Names of `status.images`. */
  readonly images: readonly string[];
  /** Ports in use, of ConfigMap `cloud-provider-port-usage-<node>`. */
  readonly usedPorts: ReadonlySet<number>;
}
