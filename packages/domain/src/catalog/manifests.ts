import { parseAllDocuments } from 'yaml';
import type { CatalogConfigMap } from './config-map.ts';
import { templateName } from './template.ts';

/** A ConfigMap of the catalog, ready to be applied. */
export interface CatalogManifest extends CatalogConfigMap {
  readonly apiVersion: 'v1';
  readonly kind: 'ConfigMap';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data: Readonly<Record<string, string>>;
}

/** Majors of PostgreSQL that have a parameter template. */
export const catalogMajors = [13, 14, 15, 16, 17, 18] as const;

/**
 * The ConfigMaps of `deploy/catalog` for an API that holds none of them yet: classes, system settings, allocation
 * counters and the parameter templates of the named majors (those without a template are left out). What lies in
 * `initial/` may be created, never applied again: the operator counts it up. `read` gives the text of a file of that folder.
 */
export function loadCatalog(
  read: (file: string) => string,
  majors: readonly number[] = catalogMajors,
): readonly CatalogManifest[] {
  const known: readonly number[] = catalogMajors;
  const templates = majors.filter((major) => known.includes(major)).map((major) => `${templateName(major)}.yaml`);
  return ['system.yaml', 'initial/allocation.yaml', 'classes.yaml', ...templates].flatMap((file) =>
    parseAllDocuments(read(file)).map((document): CatalogManifest => {
      const [error] = document.errors;
      if (error) throw new Error(`${file}: ${error.message}`, { cause: error });
      return document.toJS() as CatalogManifest;
    }),
  );
}
