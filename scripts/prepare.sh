#!/bin/sh
# Makes the checkout ready to use, doing only what is due: `prepare.sh deps` installs the dependencies that the lock
# file names, `prepare.sh build` also bundles the programs. Both take a few milliseconds when there is nothing to do.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
deps=node_modules/.polarstack-lock
build=dist/build.json

deps_due() { ! cmp -s package-lock.json "$deps"; }

# Newer files and folders (a folder is newer when a file in it was removed); the build itself decides by content.
build_due() {
  [ ! -f "$build" ] || [ -n "$(find packages apps deploy examples scripts/build.mjs package-lock.json \
    -name node_modules -prune -o -newer "$build" -print -quit)" ]
}

install_deps() {
  deps_due || return 0
  # What npm has noted of its last install; where that is what the lock file says, there is nothing to fetch.
  if [ -d node_modules ] && node scripts/deps-match.mjs; then
    :
  else
    echo "Installing the dependencies (npm ci)" >&2
    npm ci --no-fund --no-audit --loglevel=error >&2
  fi
  cp package-lock.json "$deps"
}

make_ready() {
  install_deps
  if [ "$1" = build ] && build_due; then node scripts/build.mjs; fi
}

due() { deps_due || { [ "$1" = build ] && build_due; }; }

if due "$1"; then
  if [ ! -w "$root" ]; then
    echo "polarstack: $root must be built first, and this user cannot write there." >&2
    echo "Run ./polarstack version there as its owner." >&2
    exit 4
  fi
  # Two at once would undo each other's work.
  exec 9>"$root/.prepare.lock"
  flock 9
  make_ready "$1" 9>&-
fi
