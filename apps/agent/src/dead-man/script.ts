/**
 * The dead-man: a bash process that kills an engine whose deadline has passed, whatever became of the agent.
 *
 * Read from the first FIFO: `arm <deadline> <pid> <start ticks>` and `disarm`; each line is repeated into the second one once it is in
 * force. A deadline is absolute, in milliseconds since boot (`/proc/uptime`, which counts on while a machine sleeps): the agent
 * may freeze between deciding and writing.
 * Invariants:
 *  M1. Armed and past the deadline, the engine is killed: the postmaster is stopped first, so that it starts nobody; then its
 *      children, until none lives; then it. Nothing else is killed: a pid that another process got since is left alone.
 *  M2. Nothing but the deadline kills. Both FIFOs are open here for reading and writing, so no end of the agent's ends or blocks us.
 *  M3. A word that comes while the engine is being killed is heard afterwards: nothing that was said is lost.
 *  M4. From the first line read to the last kill no program is started: bash does all of it itself, so a machine without memory or
 *      processes to spare cannot stop it.
 */
export const DEAD_MAN_SCRIPT = `
set -f
trap '' HUP INT TERM PIPE
exec 3<>"$1" 4<>"$2"
deadline=0 pid=0 ticks=0 state= born= queued=()

now() { local up rest; read -r up rest < /proc/uptime; up=\${up/./}; now=$((10#$up * 10)); }

look() {
  local line fields
  state= born=
  { read -r line < "/proc/$1/stat"; } 2>/dev/null || return 1
  fields=(\${line##*) })
  state=\${fields[0]} parent=\${fields[1]} born=\${fields[19]}
}

children() {
  local line= stat other
  found=()
  if [[ -r /proc/$pid/task/$pid/children ]]; then
    { read -r line < "/proc/$pid/task/$pid/children"; } 2>/dev/null
    found=($line)
    return
  fi
  set +f
  for stat in /proc/[0-9]*/stat; do
    other=\${stat//[!0-9]/}
    look "$other" && [[ $parent == "$pid" ]] && found+=("$other")
  done
  set -f
}

slay() {
  local child more living=1
  look "$pid" && [[ $born == "$ticks" ]] || return
  kill -STOP "$pid"
  while ((living)); do
    living=0
    children
    for child in "\${found[@]}"; do
      look "$child" && [[ $state != [ZX] ]] || continue
      living=1
      kill -KILL "$child" 2>/dev/null
    done
    ((living)) && read -r -t 0.01 -u 3 more && queued+=("$more")
  done
  kill -KILL "$pid"
}

while :; do
  now
  left=1000
  if ((deadline > 0)); then
    if ((now >= deadline)); then
      slay
      deadline=0
      continue
    fi
    ((deadline - now < left)) && left=$((deadline - now))
  fi
  if ((\${#queued[@]} > 0)); then
    words=(\${queued[0]}) queued=("\${queued[@]:1}")
  else
    printf -v wait '%d.%03d' $((left / 1000)) $((left % 1000))
    read -r -t "$wait" -u 3 -a words || continue
  fi
  case \${words[0]-} in
    arm) deadline=\${words[1]} pid=\${words[2]} ticks=\${words[3]} ;;
    disarm) deadline=0 ;;
    *) continue ;;
  esac
  echo "\${words[0]} \${words[1]-}" >&4
done 2>/dev/null`;
