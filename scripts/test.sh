#!/bin/sh
# `make test`: sets up what is missing and runs all tests; the checks of `make check` are among them. The last line of
# the output is `N passed, N failed[, N skipped]`.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
scripts/prepare.sh build
node_modules/.bin/tsx scripts/ensure-postgres.ts
exec node_modules/.bin/vitest run "$@"
