/** Quoting for the three languages the driver writes: configuration files, connection strings and SQL. */
import { StackError } from '@polarstack/base';

function refuseNul(value: string): void {
  if (value.includes('\0')) throw new StackError('InvalidParameter', 'a value contains a NUL character');
}

/**
 * A value in `postgresql.conf`: always in single quotes, so that no value can end its line or become a second setting.
 * The reader knows the C escapes; a doubled quote is one quote.
 */
export function quoteSetting(value: string): string {
  refuseNul(value);
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `'${escaped}'`;
}

/** A libpq connection string: `key='value' ...`. */
export function connectionString(fields: Readonly<Record<string, string | number>>): string {
  return Object.entries(fields)
    .map(([key, value]) => {
      const text = String(value);
      refuseNul(text);
      return `${key}='${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
    })
    .join(' ');
}

/** An SQL identifier. */
export function quoteIdentifier(name: string): string {
  refuseNul(name);
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string literal, right whatever `standard_conforming_strings` says. */
export function quoteLiteral(value: string): string {
  refuseNul(value);
  const quoted = value.replaceAll("'", "''");
  return value.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}

/** A field of `pg_hba.conf` or `pg_ident.conf`: quoted, so that no keyword (`all`, `replication`) is meant by accident. */
export function quoteHbaName(name: string): string {
  if (/["\r\n\0]/.test(name)) throw new StackError('InvalidRequest', `the name ${JSON.stringify(name)} cannot be used`);
  return `"${name}"`;
}
