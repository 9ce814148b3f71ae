import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodConnector } from '@polarstack/api';
import { silentLogger } from '@polarstack/base';
import { openObjectStore } from '@polarstack/kube-server';
import type { KeyPair } from '@polarstack/pki';
import { run } from '@polarstack/testkit';
import { startTestServer, type TestServer } from '../../packages/kube-server/src/testing/test-server.ts';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server on a real store in a temporary folder, and the real kubectl with a kubeconfig of its own. */
export interface KubectlLab {
  readonly server: TestServer;
  readonly dir: string;
  /** Runs kubectl to its end. */
  kubectl(
    args: readonly string[],
    options?: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Said>;
  /** Like `kubectl`, but throws what it said unless it succeeds; answers its output. */
  ok(args: readonly string[], input?: string): Promise<string>;
  /** Starts kubectl and resolves when a line of its output fits; kills it then. Answers all it said until then. */
  until(
    args: readonly string[],
    fits: (output: string) => boolean,
    meanwhile?: () => Promise<unknown>,
  ): Promise<string>;
  file(name: string, content: string): Promise<string>;
  /** A kubeconfig of another user. */
  kubeconfigFor(keys: KeyPair): Promise<string>;
  stop(): Promise<void>;
}

/** Runs the command of a container as a process of this machine, in a pod called `real`. */
const connector: PodConnector = {
  exec: (_ref, { command, stdin, stdout, stderr }, signal) =>
    new Promise((resolve, reject) => {
      const [program = '', ...args] = command;
      const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
      child.stdout.pipe(stdout, { end: false });
      child.stderr.pipe(stderr, { end: false });
      if (stdin) stdin.pipe(child.stdin);
      else child.stdin.end();
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 137));
    }),
  logs: async function* (_ref, { follow }, signal) {
    yield Buffer.from('first line\n');
    if (!follow) return;
    for (let i = 1; i <= 3 && !signal.aborted; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      yield Buffer.from(`line ${i}\n`);
    }
  },
};

export async function startLab(): Promise<KubectlLab> {
  const dir = await mkdtemp(join(tmpdir(), 'polarstack-kubectl-'));
  const store = await openObjectStore({ dir: join(dir, 'api'), logger: silentLogger });
  const server = await startTestServer({ store, connector });
  let count = 0;

  const kubeconfigFor = async (keys: KeyPair): Promise<string> => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const path = join(dir, `kubeconfig-${count++}`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'lab',
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'me' } }],
      clusters: [
        { name: 'lab', cluster: { server: server.server.url, 'certificate-authority-data': base64(server.caPem) } },
      ],
      users: [
        {
          name: 'me',
          user: { 'client-certificate-data': base64(keys.certPem), 'client-key-data': base64(keys.keyPem) },
        },
      ],
    };
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  };
  const kubeconfig = await kubeconfigFor(server.adminKeys);
  const base = { KUBECONFIG: kubeconfig, HOME: dir };

  const kubectl: KubectlLab['kubectl'] = (args, options = {}) =>
    run('kubectl', args, {
      env: { ...base, ...options.env },
      ...(options.input === undefined ? {} : { input: options.input }),
    });

  return {
    server,
    dir,
    kubectl,
    kubeconfigFor,
    ok: async (args, input) => {
      const said = await kubectl(args, input === undefined ? {} : { input });
      if (said.code !== 0)
        throw new Error(`kubectl ${args.join(' ')}: exit ${said.code}\n${said.stdout}${said.stderr}`);
      return said.stdout;
    },
    until: (args, fits, meanwhile) => {
      const child = spawn('kubectl', args, { env: { ...process.env, ...base }, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      let started = false;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          child.kill('SIGKILL');
          reject(new Error(`kubectl ${args.join(' ')} did not say what was awaited:\n${output}`));
        }, 60_000);
        const look = (chunk: Buffer): void => {
          output += String(chunk);
          if (!started && meanwhile) {
            started = true;
            meanwhile().catch(reject);
          }
          if (!fits(output)) return;
          clearTimeout(timer);
          child.kill('SIGKILL');
          resolve(output);
        };
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        child.once('error', reject);
        child.once('close', () => {
          clearTimeout(timer);
          reject(new Error(`kubectl ${args.join(' ')} ended before it said what was awaited:\n${output}`));
        });
      });
    },
    file: async (name, content) => {
      const path = join(dir, name);
      await writeFile(path, content);
      return path;
    },
    stop: async () => {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A custom resource with most of what definitions can say. */
export const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ships.lab.example.com}
spec:
  group: lab.example.com
  scope: Namespaced
  names: {plural: ships, singular: ship, kind: Ship, shortNames: [sh], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: {specReplicasPath: .spec.crew, statusReplicasPath: .status.crew}
      additionalPrinterColumns:
        - {name: Crew, type: integer, jsonPath: .spec.crew}
        - {name: Port, type: string, jsonPath: .spec.port}
        - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
      schema:
        openAPIV3Schema:
          type: object
          description: A ship.
          required: [spec]
          properties:
            spec:
              type: object
              description: What the ship should be.
              required: [crew]
              x-kubernetes-validations:
                - {rule: 'self.port == oldSelf.port', message: the port cannot be changed}
              properties:
                crew: {type: integer, minimum: 1, maximum: 100, description: Number of sailors.}
                port: {type: string, default: kiel, pattern: '^[a-z]+$', description: Where it lies.}
                sails: {type: array, items: {type: string}}
            status:
              type: object
              properties:
                crew: {type: integer}
                conditions:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [type]
                  items:
                    type: object
                    required: [type, status]
                    properties: {type: {type: string}, status: {type: string}}
`;

export const ship = (name: string, spec: string): string => `
apiVersion: lab.example.com/v1
kind: Ship
metadata: {name: ${name}}
spec: ${spec}
`;
