import { GROUP, type MPDClusterInput, type MPDClusterSpecInput, VERSION } from '@polarstack/api';
import { StackError } from '@polarstack/base';

export interface ClusterFlags {
  readonly replicas: number;
  readonly class: string;
  readonly engineVersion?: string;
  readonly param: Readonly<Record<string, string>>;
  readonly storage?: string;
  readonly port?: number;
  readonly database?: string;
  readonly owner?: string;
  readonly description?: string;
  readonly deletionProtection?: boolean;
}

/** The cluster that the flags describe. */
export function clusterFromFlags(name: string, namespace: string, flags: ClusterFlags): MPDClusterInput {
  const { engineVersion, param, storage, port, database, owner, description } = flags;
  const initdb = { ...(database === undefined ? {} : { database }), ...(owner === undefined ? {} : { owner }) };
  const spec: MPDClusterSpecInput = {
    dbClusterType: 'local',
    followerNum: flags.replicas,
    classInfo: { className: flags.class },
    engine: { type: 'postgres', ...(engineVersion === undefined ? {} : { version: engineVersion }) },
    ...(description === undefined ? {} : { description }),
    ...(Object.keys(param).length === 0 ? {} : { parameters: param }),
    ...(storage === undefined ? {} : { localStore: { size: storage } }),
    ...(port === undefined ? {} : { netCfg: { engineStartPort: port } }),
    ...(Object.keys(initdb).length === 0 ? {} : { initdb }),
    ...(flags.deletionProtection === true ? { deletionProtection: true } : {}),
  };
  return { apiVersion: `${GROUP}/${VERSION}`, kind: 'MPDCluster', metadata: { name, namespace }, spec };
}

/** The clusters of a YAML or JSON text; anything else in it is refused, since it would be silently left out. */
export async function clustersFromText(
  text: string,
  source: string,
  namespace: string,
): Promise<readonly MPDClusterInput[]> {
  const invalid = (why: string): StackError => new StackError('ManifestInvalid', `${source}: ${why}`);
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(text);
  const clusters = [...documents].flatMap((document, index): readonly MPDClusterInput[] => {
    const [error] = document.errors;
    if (error !== undefined) throw invalid(error.message);
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    if (!isManifest(value))
      throw invalid(`document ${index + 1} is not an object with apiVersion, kind and metadata.name`);
    if (value.kind !== 'MPDCluster' || value.apiVersion !== `${GROUP}/${VERSION}`) {
      throw invalid(
        `document ${index + 1} is a ${value.apiVersion} ${value.kind}; only ${GROUP}/${VERSION} MPDCluster is taken`,
      );
    }
    return [{ ...value, metadata: { ...value.metadata, namespace: value.metadata.namespace ?? namespace } }];
  });
  if (clusters.length === 0) throw invalid('it describes no cluster');
  return clusters;
}

function isManifest(value: unknown): value is MPDClusterInput {
  if (typeof value !== 'object' || value === null) return false;
  const { apiVersion, kind, metadata } = value as Record<string, unknown>;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return false;
  return typeof metadata === 'object' && metadata !== null && typeof (metadata as { name?: unknown }).name === 'string';
}
