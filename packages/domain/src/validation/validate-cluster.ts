import { hostPort, type MPDCluster } from '@polarstack/api';
import { chooseVersion, type EngineVersion, wantedVersion } from '../catalog/versions.ts';
import { checkParameters } from '../parameters/check.ts';
import { checkConsistency } from '../parameters/consistency.ts';
import type { ClusterLookups } from './lookups.ts';
import { unsupportedKind, unsupportedWishes } from './not-supported.ts';
import type { Problem } from './problem.ts';
import { unsupportedChanges } from './unsupported-changes.ts';

/**
 * Everything that makes a spec impossible and that the schema cannot see: empty means that it can be carried out.
 * The operator shows the first as condition `Accepted=False`; `polarstack create` prints all before it writes anything.
 *
 * Invariants (tests cite them):
 * 1. Pure: the same spec, status and lookups give the same problems, in the same order.
 * 2. A cluster whose instances exist is judged by what would change; its class, version and port are not looked up
 *    again, so that a catalog entry that is gone does not harm a cluster that runs.
 * 3. Each problem names a field, says the value that is wrong and what would be right.
 */
export function validateCluster(cluster: MPDCluster, lookups: ClusterLookups): readonly Problem[] {
  const kind = unsupportedKind(cluster);
  if (kind) return [kind];
  const exists = Object.keys(cluster.status?.dbInstanceStatus ?? {}).length > 0;
  const version = exists ? undefined : chooseVersion(cluster.spec, lookups.versions);
  const major = exists ? Number.parseInt(cluster.status?.engine?.version ?? '', 10) : version?.major;
  return [
    ...unsupportedWishes(cluster),
    ...(exists
      ? unsupportedChanges(cluster, lookups)
      : [
          ...classProblems(cluster, lookups, version),
          ...versionProblems(cluster, lookups, version),
          ...networkProblems(cluster, lookups, version),
          ...initdbProblems(cluster),
        ]),
    ...(major && (!exists || cluster.spec.parameters) ? parameterProblems(cluster, lookups, major) : []),
  ];
}

function classProblems(
  { spec }: MPDCluster,
  { classes }: ClusterLookups,
  version: EngineVersion | undefined,
): readonly Problem[] {
  const fits = [...classes.values()].filter(({ major }) => major === undefined || !version || major === version.major);
  const known = fits.map(({ name }) => name).sort();
  const remedy =
    known.length > 0 ? `Known classes: ${known.join(', ')}.` : 'There are no classes: run `polarstack up` again.';
  const wishes = [
    { path: 'spec.classInfo.className', name: spec.classInfo.className },
    { path: 'spec.classInfoModifyTo.className', name: spec.classInfoModifyTo?.className ?? '' },
  ];
  return wishes
    .filter(({ name }) => name !== '' && !known.includes(name))
    .map(({ path, name }) => ({ code: 'ClassUnknown', path, message: `there is no class ${name}`, remedy }));
}

function versionProblems(
  { spec }: MPDCluster,
  { versions, nodes }: ClusterLookups,
  version: EngineVersion | undefined,
): readonly Problem[] {
  const path = spec.versionCfg?.versionName ? 'spec.versionCfg.versionName' : 'spec.engine.version';
  const installed = versions.map(({ name, version: exact }) =>
    path === 'spec.engine.version' ? exact : `${name} (${exact})`,
  );
  const remedy =
    installed.length > 0 ? `Installed: ${installed.join(', ')}.` : 'Install PostgreSQL and run `polarstack up` again.';
  if (!version) {
    const asked = wantedVersion(spec);
    const message = asked ? `PostgreSQL ${asked} is not installed` : 'PostgreSQL is not installed';
    return [{ code: 'VersionNotInstalled', path, message, remedy }];
  }
  if (!nodes.some((node) => node.images.includes(version.image))) {
    const message = `no node has the image ${version.image} of PostgreSQL ${version.version}`;
    return [{ code: 'VersionNotInstalled', path, message, remedy }];
  }
  return [];
}

function networkProblems(
  { spec }: MPDCluster,
  { nodes, enginePorts, claimedPorts }: ClusterLookups,
  version: EngineVersion | undefined,
): readonly Problem[] {
  const port = hostPort(spec);
  if (port === undefined) return [];
  const path = 'spec.netCfg.engineStartPort';
  const ranges = enginePorts.map(({ from, to }) => `${from}-${to}`).join(', ');
  if (!enginePorts.some(({ from, to }) => port >= from && port <= to)) {
    const remedy = ranges ? `Ports for engines: ${ranges}.` : 'No range of ports for engines is set.';
    return [{ code: 'PortOutOfRange', path, message: `port ${port} is not a port for engines`, remedy }];
  }
  const remedy = `Choose another port of ${ranges}, or leave it out to use the network of the pods.`;
  const owner = claimedPorts?.get(port);
  if (owner) return [{ code: 'PortInUse', path, message: `port ${port} belongs to cluster ${owner}`, remedy }];
  const busy = nodes.filter((node) => node.usedPorts.has(port)).map((node) => node.name);
  if (busy.length > 0) {
    return [{ code: 'PortInUse', path, message: `port ${port} is in use on ${busy.join(', ')}`, remedy }];
  }
  const able = version ? nodes.filter((node) => node.images.includes(version.image)).length : nodes.length;
  if (version && able > 0 && spec.followerNum + 1 > able) {
    return [
      {
        code: 'NotEnoughNodes',
        path: 'spec.followerNum',
        message: `${spec.followerNum + 1} instances with one host port need as many nodes; ${able} can take one`,
        remedy: `Set followerNum to at most ${able - 1}, or leave netCfg.engineStartPort out.`,
      },
    ];
  }
  return [];
}

/** Character sets in which PostgreSQL keeps databases. */
const encodings = new Set(
  `EUC_CN EUC_JIS_2004 EUC_JP EUC_KR EUC_TW ISO_8859_5 ISO_8859_6 ISO_8859_7 ISO_8859_8 KOI8R KOI8U LATIN1 LATIN2 LATIN3
   LATIN4 LATIN5 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10 MULE_INTERNAL SQL_ASCII UTF8 WIN866 WIN874 WIN1250 WIN1251 WIN1252
   WIN1253 WIN1254 WIN1255 WIN1256 WIN1257 WIN1258`.match(/\S+/g),
);

function initdbProblems({ spec }: MPDCluster): readonly Problem[] {
  const encoding = spec.initdb?.encoding;
  if (encoding === undefined || encodings.has(encoding.toUpperCase())) return [];
  return [
    {
      code: 'InitdbInvalid',
      path: 'spec.initdb.encoding',
      message: `PostgreSQL keeps no databases in ${encoding}`,
      remedy: 'Use UTF8, or another of the server character sets of PostgreSQL, e.g. LATIN1 or EUC_JP.',
    },
  ];
}

function parameterProblems({ spec }: MPDCluster, lookups: ClusterLookups, major: number): readonly Problem[] {
  const template = lookups.template(major);
  if (!template) {
    return [
      {
        code: 'CatalogInvalid',
        path: 'spec.engine.version',
        message: `there is no parameter template for PostgreSQL ${major}`,
        remedy: 'Run `polarstack up` again, or choose another version.',
      },
    ];
  }
  const parameters = spec.parameters ?? {};
  const single = checkParameters(template, parameters, { allowLocked: lookups.allowLocked ?? false });
  const instanceClass = lookups.classes.get(spec.classInfo.className);
  const found = single.length > 0 ? single : checkConsistency(template, instanceClass, parameters);
  return found.map(({ code, name, message, remedy }) => ({ code, path: `spec.parameters.${name}`, message, remedy }));
}
