const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const dnsLabel = new RegExp(`^${LABEL}$`);
const dnsSubdomain = new RegExp(`^${LABEL}(\\.${LABEL})*$`);
const dns1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelText = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const tooLong = (max: number): string => `must be no more than ${max} characters`;

const subdomainForm = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${LABEL}(\\.${LABEL})*')`;
const qualifiedForm =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const labelForm =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** All that is wrong with a name, in the words of Kubernetes and in its order. */
export const nameFaults = {
  subdomain: (name: string): readonly string[] => [
    ...(name.length > 253 ? [tooLong(253)] : []),
    ...(dnsSubdomain.test(name) ? [] : [subdomainForm]),
  ],
  qualified: (name: string): readonly string[] => {
    const parts = name.split('/');
    if (parts.length > 2) {
      return [
        `a qualified name ${qualifiedForm} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
      ];
    }
    const [prefix, last = ''] = parts.length === 2 ? parts : [undefined, name];
    const ofPrefix = prefix === '' ? ['must be non-empty'] : prefix === undefined ? [] : nameFaults.subdomain(prefix);
    const ofName = [
      ...(last === '' ? ['must be non-empty'] : last.length > 63 ? [tooLong(63)] : []),
      ...(qualifiedPart.test(last) ? [] : [qualifiedForm]),
    ];
    return [...ofPrefix.map((fault) => `prefix part ${fault}`), ...ofName.map((fault) => `name part ${fault}`)];
  },
  labelValue: (value: string): readonly string[] => [
    ...(value.length > 63 ? [tooLong(63)] : []),
    ...(labelText.test(value) ? [] : [labelForm]),
  ],
} as const;

/** Each check answers the first thing that is wrong, in the words of Kubernetes, or undefined. */
export const nameChecks = {
  subdomain: (name: string): string | undefined => nameFaults.subdomain(name)[0],
  label: (name: string): string | undefined => {
    if (name.length > 63) return tooLong(63);
    if (dnsLabel.test(name)) return undefined;
    return `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
  },
  label1035: (name: string): string | undefined => {
    if (name.length > 63) return tooLong(63);
    if (dns1035.test(name)) return undefined;
    return `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`;
  },
  /** RBAC names: anything that can be one part of a path. */
  pathSegment: (name: string): string | undefined => {
    if (name === '.' || name === '..') return `may not be '${name}'`;
    if (name.includes('/')) return "may not contain '/'";
    return name.includes('%') ? "may not contain '%'" : undefined;
  },
  /** Keys of labels and annotations, names of finalizers. */
  qualified: (name: string): string | undefined => nameFaults.qualified(name)[0],
  labelValue: (value: string): string | undefined => nameFaults.labelValue(value)[0],
  /** Keys of ConfigMaps and Secrets. */
  configKey: (key: string): string | undefined => {
    if (key.length > 253) return tooLong(253);
    if (key === '.' || key.startsWith('..')) return `must not be '.' or start with '..'`;
    if (/^[-._a-zA-Z0-9]+$/.test(key)) return undefined;
    return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  },
} as const;
