#!/usr/bin/env bash
# C tests: run.sh FOLDER-OF-THE-BUILT-LIBRARY. The engine runs plain, under AddressSanitizer with UBSan, and
# under ThreadSanitizer, against programs that know what their memory must read as.
# FAASMEM_STRESS_SECONDS (default 20): length of each stress run.
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=$1
seconds=${FAASMEM_STRESS_SECONDS:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/passed" "$work/failed"

check() { # name, command...: may run beside another (&, wait)
  local name=$1 code=0 log=$work/log-$BASHPID
  shift
  "$@" >"$log" 2>&1 || code=$?
  if [ "$code" -eq 0 ]; then
    echo "$name" >>"$work/passed"
    echo "ok    $name"
  else
    echo "$name" >>"$work/failed"
    printf 'FAIL  %s (exit code %s)\n%s\n' "$name" "$code" "$(tail -30 "$log")"
  fi
}

# at_once FUNCTION ARGUMENT...: calls it twice at once, with 0 and with 1 in front: each does its half.
at_once() {
  local half pids=() code=0
  for half in 0 1; do
    "$1" $half "${@:2}" &
    pids+=($!)
  done
  for half in 0 1; do wait "${pids[half]}" || code=1; done
  return $code
}

warnings="-Wall -Wextra -Werror -std=gnu11"
library=$(ls "$here"/../*.c "$here"/../hotness/*.c | grep -v agent.c)
for flavour in plain asan tsan; do
  case $flavour in
    plain) flags="-O2" ;;
    asan) flags="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer" ;;
    tsan) flags="-O1 -g -fsanitize=thread -fno-omit-frame-pointer" ;;
  esac
  # The second cuts holes out of any mapping, not only out of huge reservations.
  build_driver() {
    local name=driver-$flavour cuts=''
    [ "$1" -eq 0 ] || { name=driver-cuts-$flavour cuts='-DFM_RESERVATION=8 -DFM_RESERVATIONS=64 -DFM_HOLE_PAGES=2'; }
    # shellcheck disable=SC2086
    gcc $flags $warnings $cuts -o "$work/$name" "$here/driver.c" $library -pthread
  }
  check "driver, and driver that cuts, build ($flavour)" at_once build_driver
done
check "unit tests build" gcc -O1 -g -fsanitize=address,undefined $warnings -o "$work/unit" "$here/unit.c" "$here/../set.c" "$here/../page_map.c" "$here/../ranges.c" "$here/../slots.c" "$here/../events.c" -Wl,--wrap=realloc
check "page sets, page map, slots, events" "$work/unit"
check "hotness tests build" gcc -O1 -g -fsanitize=address,undefined $warnings -o "$work/hotness" "$here/hotness.c" "$here/../hotness/page_table.c" "$here/../hotness/btf.c" "$here/../hotness/mglru.c" "$here/../hotness/look_cost.c" "$here/../scan.c" "$here/../set.c"
check "page tables of every format, generations, damaged type information, cost of a look" "$work/hotness"
check "programs build" sh -c "gcc -O2 $warnings -o '$work/simple' '$here/simple.c' && gcc -O2 $warnings -o '$work/stress' '$here/stress.c' -pthread && gcc -O2 $warnings -o '$work/grow' '$here/grow.c' -pthread && gcc -O2 $warnings -o '$work/daemon' '$here/daemon.c'"

agent=$out/libfaasmem_agent.so

# Calls that ask for memory, a descriptor or a thread fail: the driver says so or goes on, and its program ends right or is
# killed. Never an abort, a hang, a wrong byte or a page that stays in the server.
asking="malloc calloc realloc mmap epoll_create1 pipe2 eventfd socket socketpair accept4 pthread_create open fcntl syscall process_vm_readv"
# shellcheck disable=SC2046,SC2086
check "driver that runs short builds" gcc -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined $warnings \
  $(printf -- '-Wl,--wrap=%s ' $asking) -o "$work/driver-short" "$here/driver.c" "$here/shortage.c" $library -pthread

short() { # driver's arguments: one run, with FAASMEM_FAIL_... set
  local said=$work/shortage-$BASHPID code=0
  timeout 60 "$work/driver-short" "$@" >"$said" 2>&1 || code=$?
  ! grep -q 'should be\|round .* word\|Sanitizer\|runtime error\|did not end\|went wrong\|does not go on\|pages left' "$said" &&
    case $code in
      0) true ;;
      3 | 4) grep -q '^driver: .*: status -' "$said" ;;      # opening or attaching said so
      135 | 137) grep -q '^driver: the engine ended' "$said" ;; # the program was killed, and the engine said so
      *) false ;;
    esac && return
  env | grep ^FAASMEM_FAIL
  echo "exit code $code"
  tail -40 "$said"
  return 1
}
every_call() { # half, how many fail in a row, step (ten times that after the first 120 calls), driver's arguments
  local half=$1 calls=$2 step=$3 from asked run=0
  shift 3
  asked=$(FAASMEM_FAIL_FROM=0 timeout 60 "$work/driver-short" "$@" 2>&1 | sed -n 's/^calls: //p')
  [ "${asked:-0}" -gt 20 ] || { echo "asked only ${asked:-0} times"; return 1; }
  for ((from = 1; from <= asked; from += from < 120 ? step : step * 10)); do
    if [ $((run++ % 2)) -eq "$half" ]; then FAASMEM_FAIL_FROM=$from FAASMEM_FAIL_CALLS=$calls short "$@" || return; fi
  done
}
by_chance() { # half, driver's arguments, the program's but for the seed
  local seed program="${*##*-- }"
  for ((seed = 1 + $1; seed <= 8; seed += 2)); do
    FAASMEM_FAIL_FROM=60 FAASMEM_FAIL_CALLS=1000000 FAASMEM_FAIL_ONE_IN=$((20 + seed * 37 % 400)) short "${@:2}" $seed 3 || return
    ended "$program $seed 3" || return
  done
}
ended() { # a program and its arguments: no process of it is left, after a second at the latest
  local left
  sleep 0.1
  left=$(ps -eo stat=,args= | grep -F "$1" | grep -vc '^Z\|grep')
  [ "$left" -eq 0 ] && return
  sleep 0.9
  left=$(ps -eo stat=,args= | grep -F "$1" | grep -vc '^Z\|grep')
  [ "$left" -eq 0 ] || { echo "$left processes go on after a second"; return 1; }
}
refused() { # the program goes on without far memory, and its end is its own
  FAASMEM_REFUSE_READS=1 timeout 60 "$work/driver-short" --pause 1 "$agent" -- "$work/simple" 256 2 >"$work/refused" 2>&1
  [ $? -eq 4 ] && grep -q '^driver: attach: status -15$' "$work/refused"
}
check "a process whose memory may not be read is left alone" refused
check "short of memory, descriptors, threads: one call" at_once every_call 1 1 --pause 1 --prefetch "$agent" -- "$work/simple" 256 2
check "short of them, forty calls in a row" at_once every_call 40 2 --pause 1 --prefetch "$agent" -- "$work/simple" 256 2
check "short of them with a store of the process" at_once every_call 2 3 --local --pause 1 "$agent" -- "$work/simple" 64 1
check "short of them by chance, while a program forks and maps" at_once by_chance --pause 1 --prefetch "$agent" -- "$work/stress" 1
check "short of them by chance, while children leave the process group" at_once by_chance --pause 1 --prefetch "$agent" -- "$work/daemon" 2

# The engine's process is killed at once, while threads and forked children of the program use far memory: all of
# them must be gone within a second, and none may have read a wrong byte.
engine_killed() { # program: of seconds, seed, threads
  local round said=$work/killed
  for round in 1 2 3 4 5 6; do
    "$work/driver-plain" --pause 1 "$agent" -- "$1" 20 "$round" 3 >"$said" 2>&1 &
    local driver=$!
    sleep "0.$((3 + round))"
    kill -9 $driver
    wait $driver 2>/dev/null
    ended "$1 20 $round 3" || return
    cat "$said"
    ! grep -q 'should be' "$said" || return 1
  done
}
check "engine killed: everything ended within a second, no wrong byte" engine_killed "$work/stress"
check "engine killed: so have children that left the process group" engine_killed "$work/daemon"
outlived() {
  local said=$work/outlived
  "$work/driver-plain" --pause 1 "$agent" -- "$work/daemon" 20 0 0 >"$said" 2>&1 || return
  ended "$work/daemon 20 0 0" || return
  cat "$said"
  ! grep -q 'should be' "$said"
}
check "a process that ended takes children with far memory along" outlived

# It executes itself right after it has changed all of its memory, while the engine is moving that away.
executed() {
  local round
  for round in 1 2 3 4 5 6 7 8; do
    timeout 60 "$work/driver-plain" --pause 0 "$agent" -- "$work/simple" 4096 1 1 || return
  done
}
check "a program that executes another while its memory leaves is not ended" executed

# Mostly the first rounds of a process are the ones in which the threads meet.
grown_over() {
  local round
  for round in 1 2 3 4 5 6 7 8; do
    timeout 300 "$work/driver-plain" --pause 2 "$agent" -- "$work/grow" 1 || return
  done
}
check "grown over what another thread unmaps, and forked" grown_over
# The kernel migrates pages, which makes it forget in the middle of an order what it has moved (Linux 6.18; agent.c, unsure).
compacted() { # command...
  local code=0
  while echo 1 >/proc/sys/vm/compact_memory && sleep 0.05; do :; done &
  "$@" || code=$?
  kill $!
  wait $! 2>/dev/null
  return $code
}
# The kernel maps of a sanitized process need more address space than a random layout may leave.
# ThreadSanitizer notes the read of what sendmsg sends when that has returned: the other end may have answered by then, and the page
# have been freed and written anew.
quiet="env TSAN_OPTIONS=halt_on_error=1:intercept_send=0 ASAN_OPTIONS=detect_leaks=1"
for flavour in plain asan tsan; do
  driver="$quiet $work/driver-$flavour"
  # Two at a time: threads are interrupted where they would not be alone.
  check "stress, one thread ($flavour)" timeout 120 $driver --pause 2 "$agent" -- "$work/stress" "$seconds" 1 1 &
  check "stress, three threads with prefetch ($flavour)" timeout 120 $driver --pause 2 --prefetch "$agent" -- "$work/stress" "$seconds" 2 3
  wait
  check "stress, three threads with prefetch, store of the process ($flavour)" timeout 120 $driver --local --pause 2 --prefetch "$agent" -- "$work/stress" "$seconds" 5 3 &
  check "stress, three threads, holes cut ($flavour)" timeout 120 $quiet "$work/driver-cuts-$flavour" --pause 2 --prefetch "$agent" -- "$work/stress" "$seconds" 4 3 unmoved
  wait
  if [ -w /proc/sys/vm/compact_memory ]; then
    check "stress, three threads with prefetch, while pages are migrated ($flavour)" compacted timeout 120 $driver --pause 2 --prefetch "$agent" -- "$work/stress" "$seconds" 6 3 &
  else
    echo "skip  stress while pages are migrated ($flavour): only root may compact memory"
  fi
  check "fill, evict, check, change ($flavour)" timeout 60 $driver --pause 5 "$agent" -- "$work/simple" 2048 20
  check "with prefetch ($flavour)" timeout 60 $driver --pause 5 --prefetch "$agent" -- "$work/simple" 2048 20
  check "memory server lost: ended, no wrong byte ($flavour)" timeout 60 $driver --pause 1 --kill-server-after 700 "$agent" -- "$work/stress" 20 3 2
  wait
done
echo
echo "$(wc -l <"$work/passed") passed, $(wc -l <"$work/failed") failed"
[ ! -s "$work/failed" ]
