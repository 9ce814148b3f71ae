/** Exits with 0 where node_modules holds just what package-lock.json says, by npm's own note of what it installed. */
import { readFileSync } from 'node:fs';

const read = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

try {
  const wanted = read('package-lock.json');
  const present = read('node_modules/.package-lock.json');
  const differs = Object.entries(wanted).some(([path, { version, optional, link }]) => {
    if (!path.startsWith('node_modules/') || link) return false;
    // Optional packages are for other machines as often as not.
    return present[path] === undefined ? !optional : present[path].version !== version;
  });
  process.exit(differs ? 1 : 0);
} catch {
  process.exit(1);
}
