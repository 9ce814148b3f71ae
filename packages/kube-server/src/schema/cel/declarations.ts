/** Every function that an expression may call, with the types it takes: the language's own and Kubernetes' libraries. */
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL,
  objectType,
  opaque,
  optionalOf,
  STRING,
  TIMESTAMP,
  typeParam,
  UINT,
} from './types.ts';

export interface Overload {
  readonly id: string;
  readonly isMember: boolean;
  /** For members the target first. */
  readonly args: readonly CelType[];
  readonly result: CelType;
}

export const QUANTITY_TYPE = objectType('kubernetes.Quantity');
export const URL_TYPE = objectType('kubernetes.URL');
export const FORMAT_TYPE = objectType('kubernetes.NamedFormat');
export const SEMVER_TYPE = objectType('kubernetes.Semver');
export const IP_TYPE = opaque('net.IP');
export const CIDR_TYPE = opaque('net.CIDR');

const A = typeParam('A');
const B = typeParam('B');
const LIST = listOf(A);
const MAP = mapOf(A, B);
const OPTIONAL = optionalOf(A);

const plain = (id: string, args: readonly CelType[], result: CelType): Overload => ({
  id,
  isMember: false,
  args,
  result,
});
const member = (id: string, args: readonly CelType[], result: CelType): Overload => ({
  ...plain(id, args, result),
  isMember: true,
});

const named = {
  bool: BOOL,
  bytes: BYTES,
  double: DOUBLE,
  duration: DURATION,
  int64: INT,
  string: STRING,
  timestamp: TIMESTAMP,
  uint64: UINT,
} as const;

function arithmetic(name: string, types: readonly (keyof typeof named)[]): readonly Overload[] {
  return types.map((type) => plain(`${name}_${type}`, [named[type], named[type]], named[type]));
}

function ordering(name: string): readonly Overload[] {
  const numbers = ['int64', 'uint64', 'double'] as const;
  return [
    ...(Object.keys(named) as (keyof typeof named)[]).map((t) => plain(`${name}_${t}`, [named[t], named[t]], BOOL)),
    ...numbers.flatMap((a) =>
      numbers.filter((b) => b !== a).map((b) => plain(`${name}_${a}_${b}`, [named[a], named[b]], BOOL)),
    ),
  ];
}

const convert = (to: CelType, prefix: string, ...from: readonly CelType[]): readonly Overload[] =>
  from.map((type) => plain(`${type.kind}_to_${prefix}`, [type], to));

const timeParts = ['FullYear', 'Month', 'Date', 'DayOfMonth', 'DayOfWeek', 'DayOfYear'];
const clockParts = ['Hours', 'Minutes', 'Seconds', 'Milliseconds'];

function timeGetter(part: string): readonly Overload[] {
  const id = `timestamp_to_${part.toLowerCase()}`;
  return [
    member(id, [TIMESTAMP], INT),
    member(`${id}_with_tz`, [TIMESTAMP, STRING], INT),
    ...(clockParts.includes(part) ? [member(`duration_to_${part.toLowerCase()}`, [DURATION], INT)] : []),
  ];
}

const comparable = [INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES];
const summable = [INT, UINT, DOUBLE, DURATION];
const ofLists = (name: string, types: readonly CelType[], result?: CelType): readonly Overload[] =>
  types.map((type) => member(`list_${type.kind}_${name}`, [listOf(type)], result ?? type));

const table: Readonly<Record<string, readonly Overload[]>> = {
  '_?_:_': [plain('conditional', [BOOL, A, A], A)],
  '_&&_': [plain('logical_and', [BOOL, BOOL], BOOL)],
  '_||_': [plain('logical_or', [BOOL, BOOL], BOOL)],
  '!_': [plain('logical_not', [BOOL], BOOL)],
  '@not_strictly_false': [plain('not_strictly_false', [BOOL], BOOL)],
  '_==_': [plain('equals', [A, A], BOOL)],
  '_!=_': [plain('not_equals', [A, A], BOOL)],
  '_+_': [
    ...arithmetic('add', ['bytes', 'double', 'duration', 'int64', 'string', 'uint64']),
    plain('add_duration_timestamp', [DURATION, TIMESTAMP], TIMESTAMP),
    plain('add_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP),
    plain('add_list', [LIST, LIST], LIST),
  ],
  '_-_': [
    ...arithmetic('subtract', ['double', 'duration', 'int64', 'uint64']),
    plain('subtract_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP),
    plain('subtract_timestamp_timestamp', [TIMESTAMP, TIMESTAMP], DURATION),
  ],
  '_*_': arithmetic('multiply', ['double', 'int64', 'uint64']),
  '_/_': arithmetic('divide', ['double', 'int64', 'uint64']),
  '_%_': arithmetic('modulo', ['int64', 'uint64']),
  '-_': [plain('negate_double', [DOUBLE], DOUBLE), plain('negate_int64', [INT], INT)],
  '_<_': ordering('less'),
  '_<=_': ordering('less_equals'),
  '_>_': ordering('greater'),
  '_>=_': ordering('greater_equals'),
  '_[_]': [
    plain('index_list', [LIST, INT], A),
    plain('index_map', [MAP, A], B),
    plain('optional_list_index_int', [optionalOf(LIST), INT], OPTIONAL),
    plain('optional_map_index_value', [optionalOf(MAP), A], optionalOf(B)),
  ],
  '_[?_]': [
    plain('list_optindex_optional_int', [LIST, INT], OPTIONAL),
    plain('optional_list_optindex_optional_int', [optionalOf(LIST), INT], OPTIONAL),
    plain('map_optindex_optional_value', [MAP, A], optionalOf(B)),
    plain('optional_map_optindex_optional_value', [optionalOf(MAP), A], optionalOf(B)),
  ],
  '@in': [plain('in_list', [A, LIST], BOOL), plain('in_map', [A, MAP], BOOL)],
  size: [STRING, BYTES, LIST, MAP].flatMap((type) => [
    plain(`size_${type.kind}`, [type], INT),
    member(`${type.kind}_size`, [type], INT),
  ]),
  type: [plain('type', [A], { kind: 'type', params: [A] })],
  dyn: [plain('to_dyn', [A], DYN)],
  bool: convert(BOOL, 'bool', BOOL, STRING),
  bytes: convert(BYTES, 'bytes', BYTES, STRING),
  double: convert(DOUBLE, 'double', DOUBLE, INT, STRING, UINT),
  duration: convert(DURATION, 'duration', DURATION, INT, STRING),
  int: convert(INT, 'int64', INT, DOUBLE, DURATION, STRING, TIMESTAMP, UINT),
  string: [
    ...convert(STRING, 'string', STRING, BOOL, BYTES, DOUBLE, DURATION, INT, TIMESTAMP, UINT),
    plain('ip_to_string', [IP_TYPE], STRING),
    plain('cidr_to_string', [CIDR_TYPE], STRING),
  ],
  timestamp: convert(TIMESTAMP, 'timestamp', TIMESTAMP, INT, STRING),
  uint: convert(UINT, 'uint64', UINT, DOUBLE, INT, STRING),
  matches: [plain('matches', [STRING, STRING], BOOL), member('matches_string', [STRING, STRING], BOOL)],
  contains: [member('contains_string', [STRING, STRING], BOOL)],
  startsWith: [member('starts_with_string', [STRING, STRING], BOOL)],
  endsWith: [member('ends_with_string', [STRING, STRING], BOOL)],
  ...Object.fromEntries([...timeParts, ...clockParts].map((part) => [`get${part}`, timeGetter(part)])),

  // Optional values.
  'optional.of': [plain('optional_of', [A], OPTIONAL)],
  'optional.ofNonZeroValue': [plain('optional_ofNonZeroValue', [A], OPTIONAL)],
  'optional.none': [plain('optional_none', [], OPTIONAL)],
  'optional.unwrap': [plain('optional_unwrap', [listOf(OPTIONAL)], LIST)],
  unwrapOpt: [member('optional_unwrapOpt', [listOf(OPTIONAL)], LIST)],
  value: [member('optional_value', [OPTIONAL], A)],
  hasValue: [member('optional_hasValue', [OPTIONAL], BOOL)],
  or: [member('optional_or_optional', [OPTIONAL, OPTIONAL], OPTIONAL)],
  orValue: [member('optional_orValue_value', [OPTIONAL, A], A)],
  first: [member('list_first', [LIST], OPTIONAL)],
  last: [member('list_last', [LIST], OPTIONAL)],
  'cel.@mapInsert': [plain('map_insert_key', [MAP, A, B], MAP), plain('map_insert_map', [MAP, MAP], MAP)],

  // Texts.
  charAt: [member('string_char_at_int', [STRING, INT], STRING)],
  format: [member('string_format', [STRING, listOf(DYN)], STRING)],
  indexOf: [
    member('string_index_of_string', [STRING, STRING], INT),
    member('string_index_of_string_int', [STRING, STRING, INT], INT),
    member('list_a_index_of_int', [LIST, A], INT),
  ],
  lastIndexOf: [
    member('string_last_index_of_string', [STRING, STRING], INT),
    member('string_last_index_of_string_int', [STRING, STRING, INT], INT),
    member('list_a_last_index_of_int', [LIST, A], INT),
  ],
  lowerAscii: [member('string_lower_ascii', [STRING], STRING)],
  upperAscii: [member('string_upper_ascii', [STRING], STRING)],
  replace: [
    member('string_replace_string_string', [STRING, STRING, STRING], STRING),
    member('string_replace_string_string_int', [STRING, STRING, STRING, INT], STRING),
  ],
  split: [
    member('string_split_string', [STRING, STRING], listOf(STRING)),
    member('string_split_string_int', [STRING, STRING, INT], listOf(STRING)),
  ],
  join: [member('list_join', [listOf(STRING)], STRING), member('list_join_string', [listOf(STRING), STRING], STRING)],
  substring: [
    member('string_substring_int', [STRING, INT], STRING),
    member('string_substring_int_int', [STRING, INT, INT], STRING),
  ],
  trim: [member('string_trim', [STRING], STRING)],
  'strings.quote': [plain('strings_quote', [STRING], STRING)],
  find: [member('string_find_string', [STRING, STRING], STRING)],
  findAll: [
    member('string_find_all_string', [STRING, STRING], listOf(STRING)),
    member('string_find_all_string_int', [STRING, STRING, INT], listOf(STRING)),
  ],

  // Lists and sets.
  isSorted: ofLists('is_sorted', comparable, BOOL),
  sum: ofLists('sum', summable),
  min: ofLists('min', comparable),
  max: ofLists('max', comparable),
  'sets.contains': [plain('list_sets_contains_list', [LIST, LIST], BOOL)],
  'sets.equivalent': [plain('list_sets_equivalent_list', [LIST, LIST], BOOL)],
  'sets.intersects': [plain('list_sets_intersects_list', [LIST, LIST], BOOL)],

  // Addresses of the web and of the network.
  url: [plain('string_to_url', [STRING], URL_TYPE)],
  isURL: [plain('is_url_string', [STRING], BOOL)],
  getScheme: [member('url_get_scheme', [URL_TYPE], STRING)],
  getHost: [member('url_get_host', [URL_TYPE], STRING)],
  getHostname: [member('url_get_hostname', [URL_TYPE], STRING)],
  getPort: [member('url_get_port', [URL_TYPE], STRING)],
  getEscapedPath: [member('url_get_escaped_path', [URL_TYPE], STRING)],
  getQuery: [member('url_get_query', [URL_TYPE], mapOf(STRING, listOf(STRING)))],
  ip: [plain('string_to_ip', [STRING], IP_TYPE), member('cidr_ip', [CIDR_TYPE], IP_TYPE)],
  isIP: [plain('is_ip', [STRING], BOOL)],
  'ip.isCanonical': [plain('ip_is_canonical', [STRING], BOOL)],
  family: [member('ip_family', [IP_TYPE], INT)],
  isUnspecified: [member('ip_is_unspecified', [IP_TYPE], BOOL)],
  isLoopback: [member('ip_is_loopback', [IP_TYPE], BOOL)],
  isLinkLocalMulticast: [member('ip_is_link_local_multicast', [IP_TYPE], BOOL)],
  isLinkLocalUnicast: [member('ip_is_link_local_unicast', [IP_TYPE], BOOL)],
  isGlobalUnicast: [member('ip_is_global_unicast', [IP_TYPE], BOOL)],
  cidr: [plain('string_to_cidr', [STRING], CIDR_TYPE)],
  isCIDR: [plain('is_cidr', [STRING], BOOL)],
  containsIP: [
    member('cidr_contains_ip_string', [CIDR_TYPE, STRING], BOOL),
    member('cidr_contains_ip_ip', [CIDR_TYPE, IP_TYPE], BOOL),
  ],
  containsCIDR: [
    member('cidr_contains_cidr_string', [CIDR_TYPE, STRING], BOOL),
    member('cidr_contains_cidr', [CIDR_TYPE, CIDR_TYPE], BOOL),
  ],
  prefixLength: [member('cidr_prefix_length', [CIDR_TYPE], INT)],
  masked: [member('cidr_masked', [CIDR_TYPE], CIDR_TYPE)],

  // Quantities, versions and named formats.
  quantity: [plain('string_to_quantity', [STRING], QUANTITY_TYPE)],
  isQuantity: [plain('is_quantity_string', [STRING], BOOL)],
  sign: [member('quantity_sign', [QUANTITY_TYPE], INT)],
  asApproximateFloat: [member('quantity_get_float', [QUANTITY_TYPE], DOUBLE)],
  asInteger: [member('quantity_get_int', [QUANTITY_TYPE], INT)],
  isInteger: [member('quantity_is_integer', [QUANTITY_TYPE], BOOL)],
  add: [
    member('quantity_add', [QUANTITY_TYPE, QUANTITY_TYPE], QUANTITY_TYPE),
    member('quantity_add_int', [QUANTITY_TYPE, INT], QUANTITY_TYPE),
  ],
  sub: [
    member('quantity_sub', [QUANTITY_TYPE, QUANTITY_TYPE], QUANTITY_TYPE),
    member('quantity_sub_int', [QUANTITY_TYPE, INT], QUANTITY_TYPE),
  ],
  isGreaterThan: [
    member('quantity_is_greater_than', [QUANTITY_TYPE, QUANTITY_TYPE], BOOL),
    member('semver_is_greater_than', [SEMVER_TYPE, SEMVER_TYPE], BOOL),
  ],
  isLessThan: [
    member('quantity_is_less_than', [QUANTITY_TYPE, QUANTITY_TYPE], BOOL),
    member('semver_is_less_than', [SEMVER_TYPE, SEMVER_TYPE], BOOL),
  ],
  compareTo: [
    member('quantity_compare_to', [QUANTITY_TYPE, QUANTITY_TYPE], INT),
    member('semver_compare_to', [SEMVER_TYPE, SEMVER_TYPE], INT),
  ],
  semver: [
    plain('string_to_semver', [STRING], SEMVER_TYPE),
    plain('string_bool_to_semver', [STRING, BOOL], SEMVER_TYPE),
  ],
  isSemver: [plain('is_semver_string', [STRING], BOOL), plain('is_semver_string_bool', [STRING, BOOL], BOOL)],
  major: [member('semver_major', [SEMVER_TYPE], INT)],
  minor: [member('semver_minor', [SEMVER_TYPE], INT)],
  patch: [member('semver_patch', [SEMVER_TYPE], INT)],
  'format.named': [plain('format-named', [STRING], optionalOf(FORMAT_TYPE))],
  validate: [member('format-validate', [FORMAT_TYPE, STRING], optionalOf(listOf(STRING)))],
  ...Object.fromEntries(
    [
      'dns1123Label',
      'dns1123Subdomain',
      'dns1035Label',
      'qualifiedName',
      'dns1123LabelPrefix',
      'dns1123SubdomainPrefix',
      'dns1035LabelPrefix',
      'labelValue',
      'uri',
      'uuid',
      'byte',
      'date',
      'datetime',
    ].map((name) => [`format.${name}`, [plain(`format.${name}`, [], FORMAT_TYPE)]]),
  ),
};

export const functionDeclarations: ReadonlyMap<string, readonly Overload[]> = new Map(Object.entries(table));

/** The names that stand for types. */
export const typeNames: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ['bool', BOOL],
  ['bytes', BYTES],
  ['double', DOUBLE],
  ['google.protobuf.Duration', DURATION],
  ['int', INT],
  ['list', listOf(DYN)],
  ['map', mapOf(DYN, DYN)],
  ['null_type', NULL],
  ['string', STRING],
  ['google.protobuf.Timestamp', TIMESTAMP],
  ['type', { kind: 'type', params: [] }],
  ['uint', UINT],
  ['optional_type', optionalOf(DYN)],
  ['kubernetes.Quantity', QUANTITY_TYPE],
  ['kubernetes.URL', URL_TYPE],
  ['kubernetes.NamedFormat', FORMAT_TYPE],
  ['kubernetes.Semver', SEMVER_TYPE],
  ['net.IP', IP_TYPE],
  ['net.CIDR', CIDR_TYPE],
]);
