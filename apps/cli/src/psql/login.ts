import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where and as whom psql connects. */
export interface Login {
  /** Name or address of the endpoint. */
  readonly host: string;
  readonly port: number;
  /** Name of the Service: it is in the certificate, also for libpq before 15, which knows no addresses there. */
  readonly service: string | undefined;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** The authority of the cluster, PEM. */
  readonly caPem: string;
}

/** Files with what must not be seen in arguments or environment, and the variables that name them. */
export interface LoginFiles {
  readonly environment: Readonly<Record<string, string>>;
  remove(): void;
}

/** Writes a service file, a password file and the authority into a new folder that only this user can enter. */
export function writeLogin(login: Login, folder: string = tmpdir()): LoginFiles {
  const own = mkdtempSync(join(folder, 'polarstack-psql-'));
  const file = (name: string, text: string): string => {
    const path = join(own, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const authority = file('ca.crt', login.caPem);
  const passwords = file('pgpass', `*:*:${[login.database, login.user, login.password].map(escapePgpass).join(':')}\n`);
  const hidesAddress = isIP(login.host) !== 0 && login.service !== undefined;
  const settings = {
    host: hidesAddress ? (login.service ?? login.host) : login.host,
    ...(hidesAddress ? { hostaddr: login.host } : {}),
    port: String(login.port),
    dbname: login.database,
    user: login.user,
    passfile: passwords,
    sslmode: 'verify-full',
    sslrootcert: authority,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const services = file('pg_service.conf', `[polarstack]\n${lines.join('\n')}\n`);
  return {
    environment: { PGSERVICEFILE: services, PGSERVICE: 'polarstack' },
    remove: () => rmSync(own, { recursive: true, force: true }),
  };
}

/** Colons part the fields of a password file. */
function escapePgpass(text: string): string {
  return text.replace(/[\\:]/g, '\\$&');
}
