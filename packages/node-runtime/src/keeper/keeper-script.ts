/**
 * The keeper: one small `sh` for each run of a container, leader of a session of its own, so that neither the death
 * of control nor its terminal reaches it. Output goes to the inherited, append-only log.
 *
 * Arguments: state folder, number of the run, `once` or `keep`, then the program and its arguments. Records, each
 * written aside and renamed into place, in the state folder:
 *   keeper, main   `<run> <pid> <start time> <boot id>`
 *   restarts       `<run> <how often> <last exit code>`   (keep: the program died and is started again)
 *   exit           `<run> <exit code>`                    (128+n for signal n), the last thing the keeper does
 *
 * SIGTERM means "do not start it again"; the program itself gets its own signal from the runtime. The program runs in
 * the foreground: a shell's background children would ignore SIGINT for ever.
 */
export const keeperScript = `#!/bin/sh
state=$1 run=$2 mode=$3
shift 3
read -r boot </proc/sys/kernel/random/boot_id

record() { printf '%s\\n' "$2" >"$state/.$1.new" && mv -f "$state/.$1.new" "$state/$1"; }

# The process that reads /proc/self is the one described, also in a subshell.
describe() { read -r line; pid=\${line%% *}; line=\${line##*) }; set -- $line; me="$run $pid \${20} $boot"; }

program() (
  describe </proc/self/stat
  record main "$me"
  exec "$@"
)

stopping=
trap 'stopping=1' TERM
trap : HUP INT QUIT
describe </proc/self/stat
record keeper "$me"

code=143 count=0 quick=0
while [ -z "$stopping" ]; do
  read -r before rest </proc/uptime
  program "$@"
  code=$?
  if [ "$mode" != keep ] || [ -n "$stopping" ]; then break; fi
  read -r after rest </proc/uptime
  if [ $((\${after%.*} - \${before%.*})) -ge 10 ]; then quick=0; else quick=$((quick + 1)); fi
  count=$((count + 1))
  record restarts "$run $count $code"
  case $quick in 0 | 1) sleep 0.05 ;; 2) sleep 0.2 ;; 3) sleep 0.5 ;; *) sleep 1 ;; esac
done
record exit "$run $code"
exit "$code"
`;

/** The command that asks for a keeper which starts its program again when it dies. */
export const KEEP_COMMAND = 'polarstack-keeper';
