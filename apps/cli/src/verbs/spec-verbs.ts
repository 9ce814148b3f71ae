import { StackError } from '@polarstack/base';
import type { EngineVersion } from '@polarstack/domain';
import { InvalidArgumentError } from 'commander';
import { replicasOf } from '../change/instances.ts';
import type { WishContext } from '../change/wish.ts';
import { collect, wholeNumber } from '../commands/arguments.ts';
import { readLookups } from '../create/lookups.ts';
import type { Verb } from './verb.ts';

/** Verbs that edit the spec: what they change is there to be read, and an operation alone would be put back (decision 0016). */

export const scale: Verb = {
  name: 'scale',
  description: 'change the number of ROs',
  how: 'spec',
  declare: (command) => command.requiredOption('--replicas <number>', 'how many ROs', wholeNumber(0, 15)),
  wish: ({ cluster }, { flags }) => {
    const replicas = Number(flags.replicas);
    const before = replicasOf(cluster);
    const patch = { followerNum: replicas };
    if (replicas === before && cluster.spec.followerNum === replicas)
      return { how: 'nothing', message: `it has ${replicas} ROs` };
    return replicas >= before
      ? { how: 'spec', type: 'AddRo', parameters: { count: Math.max(1, replicas - before) }, patch }
      : { how: 'spec', type: 'RemoveRo', parameters: { count: before - replicas }, patch };
  },
};

export const setClass: Verb = {
  name: 'set-class',
  description: 'change the class (size) of the instances: ROs first, a switch, then the old RW',
  how: 'spec',
  declare: (command) => command.argument('<class>', 'its name, e.g. local.medium'),
  wish: ({ cluster }, { words: [className = ''] }) => {
    const { spec, status } = cluster;
    if (status?.insClassInfo?.className === className && spec.classInfo.className === className) {
      return { how: 'nothing', message: `its class is ${className}` };
    }
    return { how: 'spec', type: 'ModifyClass', parameters: { className }, patch: { classInfo: { className } } };
  },
};

export const setParam: Verb = {
  name: 'set-param',
  description: 'change parameters of the engine: reloaded where that is enough, else a rolling restart',
  how: 'spec',
  declare: (command) =>
    command
      .argument('[name=value...]', 'e.g. work_mem=8MB')
      .option('--unset <name>', 'back to the default of the class; may be repeated', collect, []),
  wish: ({ cluster }, { words, flags }) => {
    const unset = flags.unset as readonly string[];
    const values = new Map(words.map(nameAndValue));
    if (values.size + unset.length === 0) throw new StackError('Usage', 'name=value or --unset NAME is needed');
    const both = unset.find((name) => values.has(name));
    if (both !== undefined) throw new StackError('Usage', `${both} is both set and unset`);
    const before = cluster.spec.parameters ?? {};
    const absent = unset.find((name) => !Object.hasOwn(before, name));
    if (absent !== undefined) {
      const known = Object.keys(before);
      throw new StackError('Usage', `spec.parameters does not set ${absent}`, {
        remedy: known.length === 0 ? 'It sets nothing.' : `It sets: ${known.join(', ')}.`,
      });
    }
    const applied = cluster.status?.appliedSpec?.parameters ?? {};
    if ([...values].every(([name, value]) => before[name] === value && applied[name] === value) && unset.length === 0) {
      return { how: 'nothing', message: 'all of them are set so' };
    }
    const patch = { parameters: { ...Object.fromEntries(values), ...Object.fromEntries(unset.map((n) => [n, null])) } };
    return { how: 'spec', type: 'FlushParams', parameters: {}, patch };
  },
};

export const upgrade: Verb = {
  name: 'upgrade',
  description: 'change to a newer minor version: ROs first, a switch, then the old RW',
  how: 'spec',
  declare: (command) =>
    command.argument('[version]', 'e.g. 15.19, or the name of a catalog entry; default: the newest of this major'),
  wish: async (context, { words: [named] }) => {
    const offered = await offeredVersions(context);
    const versions = offered.map(({ name, version }) => `${version} (${name})`).join(', ');
    const target =
      named === undefined
        ? [...offered].sort((a, b) => minorOf(a) - minorOf(b)).at(-1)
        : offered.find(({ name, version }) => name === named || version === named);
    if (!target) {
      throw new StackError('NotFound', `there is no version ${named ?? 'of this major'}`, {
        remedy: `Choose one of: ${versions || 'none is in the catalog'}.`,
      });
    }
    const running = Object.values(context.cluster.status?.dbInstanceStatus ?? {}).map(({ engine }) => engine?.version);
    if (running.length > 0 && running.every((version) => version === target.version)) {
      return {
        how: 'nothing',
        message: `it runs ${target.version}${named === undefined ? ', the newest there is' : ''}`,
      };
    }
    const versionName = target.name;
    return {
      how: 'spec',
      type: 'UpgradeMinorVersion',
      parameters: { versionName },
      patch: { versionCfg: { versionName } },
    };
  },
};

export const extend: Verb = {
  name: 'extend',
  description: 'make the volume of each instance larger',
  how: 'spec',
  declare: (command) => command.argument('<size>', 'the new size, e.g. 20Gi', quantity),
  wish: ({ cluster }, { words: [size = ''] }) => {
    if (String(cluster.status?.appliedSpec?.localStore?.size ?? '') === size)
      return { how: 'nothing', message: `its volumes have ${size}` };
    return { how: 'spec', type: 'ExtendStorage', parameters: { size }, patch: { localStore: { size } } };
  },
};

function nameAndValue(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at <= 0) throw new StackError('Usage', `${text}: name=value is needed`);
  return [text.slice(0, at).trim(), text.slice(at + 1)];
}

function quantity(text: string): string {
  if (/^\d+([.]\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/.test(text)) return text;
  throw new InvalidArgumentError('a size such as 20Gi is needed');
}

async function offeredVersions({ connection, cluster, signal }: WishContext): Promise<readonly EngineVersion[]> {
  const { versions } = await readLookups(connection.client, signal, cluster);
  const major = Number.parseInt(cluster.status?.engine?.version ?? '', 10);
  return versions.filter((version) => version.major === major);
}

const minorOf = ({ version }: EngineVersion): number => Number(version.split('.')[1] ?? 0);
