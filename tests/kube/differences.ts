/**
 * Where our API answers otherwise than Kubernetes, and why. Verbs, versions, the order of watches, status codes and
 * reasons never differ: `mayDiffer` sees to it. A line that no case shows any more is an error, as is a difference
 * without a line. The reasons are told at length in decision 0013.
 */
export interface Difference {
  /** Short and unique; the title in the reference page. */
  readonly title: string;
  /** What a user sees. */
  readonly ours: string;
  readonly kubernetes: string;
  readonly reason: string;
  readonly decision: string;
  /** Fits the places where it shows: `<case> | <step> <request>: <place in the answer>`. */
  readonly places: RegExp;
}

export const differences: readonly Difference[] = [
  {
    title: 'Words about a body of another kind',
    ours: 'names the kind or version that was sent and the one that was expected',
    kubernetes: 'names types and source files of its own program',
    reason: 'The sentence tells about the inside of another program; code and reason are the same.',
    decision: '0013',
    places: /verbs: a body of another kind .*body\.message$/,
  },
  {
    title: 'Words about a precondition of a replacement',
    ours: 'says which uid was expected and which was found',
    kubernetes: 'puts the key in etcd and an error number of its storage before that',
    reason: 'There is no etcd.',
    decision: '0013',
    places: /versions: what a server sets .*body\.message$/,
  },
  {
    title: 'Words about patches and continue tokens that cannot be decoded',
    ours: 'says what is wrong with them',
    kubernetes: "repeats what Go's decoder said, and the whole object with its fields in another order",
    reason: 'Code, reason and field are the same; the words of a decoder are not a contract.',
    decision: '0013',
    places:
      /patches: .*PATCH .*(body\.message|causes\[\d+\]\.message)$|pages: with tokens that are none .*message$|clients \| typed: .*\.patched\.3\.message$/,
  },
  {
    title: 'What changed in a pod that may not change',
    ours: 'names the fields that may change',
    kubernetes: 'adds a comparison of structures of its own program, with the spaces of its printer',
    reason:
      'Code, reason, field and the words before are the same; the printer says itself that its form is not stable.',
    decision: '0013',
    places: /a pod keeps .*message$|clients \| typed: \w+ pods\.seen\.immutable\..*message$/,
  },
  {
    title: 'One cause for one fault in updates',
    ours: 'lists a fault of the metadata once in details.causes',
    kubernetes: 'lists it once for each of its checks that finds it: one to five times, by kind',
    reason:
      'The message is the same, and a cause told again says nothing new; clients that show causes show each once.',
    decision: '0013',
    places: /(PATCH|PUT) .*body\.details\.causes$/,
  },
  {
    title: 'Owners of what nobody sent',
    ours: 'managedFields name the fields that the client sent',
    kubernetes: 'also some that the server added: labels of namespaces, defaults of Services',
    reason: 'What nobody asked for belongs to nobody; no apply meets a conflict because of it.',
    decision: '0013',
    places: /\/(services|namespaces|events)(\/[^/ :?]+)?(\/(status|finalize))?(\?[^ :]*)?: .*managedFields/,
  },
  {
    title: 'Whole numbers of more than 53 bits',
    ours: 'fields without a type of their own keep the nearest number that JavaScript has',
    kubernetes: 'they keep all 64 bits',
    reason: 'No field of a built-in kind or of ours holds one; a custom resource that does writes it as a text.',
    decision: '0013',
    places: /limits: numbers of every size.* the number larg/,
  },
  {
    title: 'Empty fields of bookmarks',
    ours: 'a bookmark carries kind and version, nothing else',
    kubernetes: 'it carries whatever its program writes for an object without content: `containers: null`, `Port: 0`',
    reason: 'A bookmark is no object; nobody reads more of it than its version.',
    decision: '0013',
    places: /bookmarks in every form.*\.(spec|status)$/,
  },
  {
    title: 'Values shown in refused definitions',
    ours: 'shows the part of the definition as it was sent',
    kubernetes: 'shows a structure of its own program, with fields that nobody can send',
    reason: 'The words after the value, code, reason and field are the same.',
    decision: '0013',
    places: /definitions: as values of another program .*message$/,
  },
];

/** What no case can show as a line of its own: requests that Kubernetes takes on and ours refuses, so their codes differ. */
export const beyond: readonly Omit<Difference, 'places'>[] = [
  {
    title: 'Webhooks that convert custom resources',
    ours: 'refuses a definition of several versions with `strategy: Webhook` (422) and says what to do instead',
    kubernetes: 'accepts it and calls the webhook whenever an object is asked for in another version',
    reason: 'No webhook is called here, and showing objects unconverted would be wrong without a word.',
    decision: '0013',
  },
  {
    title: 'Policies about CONNECT, and policies that ask an authorizer',
    ours: 'refuses them (422)',
    kubernetes: 'accepts them and asks them, about `kubectl exec` for one',
    reason: 'A policy that is accepted and never asked would protect nothing.',
    decision: '0013',
  },
  {
    title: 'Answers in protobuf or CBOR',
    ours: 'answers JSON or YAML; 406 to a client that takes neither',
    kubernetes: 'answers in both',
    reason: 'Every client of Kubernetes takes JSON; bodies in protobuf are read.',
    decision: '0013',
  },
  {
    title: 'Texts nested very deep',
    ours: 'refuses more than 1 500 levels (300 in YAML)',
    kubernetes: 'refuses more than 10 000',
    reason: 'No object needs more than some dozen.',
    decision: '0013',
  },
  {
    title: 'Applying to the scale of a custom resource',
    ours: 'works',
    kubernetes: 'answers 500 (1.34): it tries to convert the resource to autoscaling/v1',
    reason: 'A fault there, not a promise.',
    decision: '0013',
  },
  {
    title: 'Order of the conflicts of several managers',
    ours: 'by their names',
    kubernetes: 'left to chance',
    reason: 'Nothing can depend on it.',
    decision: '0013',
  },
];

/** False for what no line may excuse. */
export function mayDiffer(place: string): boolean {
  return !/: (code|reason|body\.(code|reason)|events(\[\d+\]\.type)?|.*resourceVersion)$/.test(place);
}
