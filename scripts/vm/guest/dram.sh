# The far-memory path of the patched kernel with the DRAM backend: correct under pressure, in every way pages come back.
# Sourced by init. Two processors, 1 GiB; /dev/vda is the swap area that stores should never reach.
# shellcheck shell=dash disable=SC2154 # ok, fail, expect, value, group, in_group come from init
frontswap=/sys/kernel/debug/frontswap
stat_of() { awk -v key="$1" '$1 == key { print $2 }' /sys/kernel/debug/fastswap_dram/stats; }
module=/sys/module/fastswap_dram/parameters
far() { echo "stores=$(stat_of stores) loads=$(stat_of loads) async=$(stat_of async_loads) polled=$(stat_of polled)"; }

# zswap is built in and off: it must have left frontswap alone, and may not take it later.
expect "zswap left frontswap alone" "backend $(cat /sys/module/frontswap/parameters/backend)" \
  grep -q none /sys/module/frontswap/parameters/backend
if echo Y 2>/dev/null >/sys/module/zswap/parameters/enabled; then fail "zswap: could be switched on"; else ok "zswap: cannot be switched on later"; fi

mkswap /dev/vda >/dev/null
echo 0 >/sys/block/vda/queue/rotational # the kernel swaps huge pages as a whole to such devices only
# shellcheck source=scripts/vm/guest/dram-speed.sh
. /tests/dram-speed.sh

# The area is on before the module: it has to be served all the same.
swapon /dev/vda
insmod /modules/fastswap_dram.ko size_mb=256
expect "served" "a swap area that was on before the module; backend $(cat /sys/module/frontswap/parameters/backend)" \
  grep -q fastswap_dram /sys/module/frontswap/parameters/backend
if rmmod fastswap_dram 2>/dev/null; then fail "rmmod: module went away under its swap area"; else ok "rmmod: refused while the swap area is on"; fi
if insmod /modules/fastswap_dram.ko size_mb=1 2>/dev/null; then fail "insmod: twice"; else ok "insmod: a second time refused"; fi

limit=48M
run() { # name, environment facts, swapcheck arguments...: a check in a cgroup of $limit
  local name=$1 facts=$2 before after out code moved
  shift 2
  group small $limit
  before=$(($(stat_of stores) + $(stat_of loads) + $(stat_of async_loads)))
  out=$(in_group small swapcheck "$@" 2>&1)
  code=$?
  after=$(($(stat_of stores) + $(stat_of loads) + $(stat_of async_loads)))
  moved=$((after - before))
  total=$((total + moved))
  [ "$(value mismatches "$out")" = 0 ] || wrong=$((wrong + 1))
  expect "$name" "$facts; $moved stores and loads; $(echo "$out" | tail -n 1)" \
    test "$code" -eq 0 -a "$(value mismatches "$out")" = 0 -a "$moved" -gt 1000
}
total=0
wrong=0
echo 3 >/proc/sys/vm/page-cluster
# Loads that take time: ended by polling, or by the timer when nobody polls. vm-test.sh waits for "polling": on a busy machine a load
# is over before anybody polls for it.
echo 100 >$module/delay_us
run "loads of 100 us" "asynchronous, polled for" check 64 30000 threads=2 seed=3
expect "polling" "polled $(cat $frontswap/polled), slept $(cat $frontswap/slept)" test "$(cat $frontswap/polled)" -gt 1000
echo 0 >$module/delay_us
run "read-ahead by address" "asynchronous" check 120 40000 threads=2
run "sequential" "asynchronous" check 104 35000 order=sequential
expect "asynchronous loads" "$(far)" test "$(stat_of async_loads)" -gt 10000
echo false >/sys/kernel/mm/swap/vma_ra_enabled
run "read-ahead by swap offset" "asynchronous" check 104 40000 threads=2 seed=2
echo true >/sys/kernel/mm/swap/vma_ra_enabled

# Loads that take so long that a fault sleeps: until the timer ends them.
# long enough to be under way still when the window of the fault has been allocated
echo 20000 >$module/delay_us
limit=8M # it waits for nearly all of its pages
run "loads of 20 ms" "asynchronous, slept for" check 12 300 threads=4 seed=4
limit=48M
expect "sleeping" "polled $(cat $frontswap/polled), slept $(cat $frontswap/slept)" test "$(cat $frontswap/slept)" -gt 100
echo 0 >$module/delay_us

echo 0 >/proc/sys/vm/page-cluster
run "no read-ahead" "synchronous" check 104 40000 threads=2 seed=5
echo 3 >/proc/sys/vm/page-cluster
run "shared memory" "tmpfs" check 96 30000 kind=shared seed=6
run "forked" "swap entries of two processes" check 56 6000 kind=forked seed=7

# Huge pages: the backend and the core refuse them, the device takes them.
if [ -e /sys/kernel/mm/transparent_hugepage/enabled ]; then
  echo always >/sys/kernel/mm/transparent_hugepage/enabled
  failed=$(cat $frontswap/failed_stores)
  group small 48M
  out=$(in_group small swapcheck check 96 12000 kind=huge seed=8 2>&1)
  expect "huge pages" "$(($(cat $frontswap/failed_stores) - failed)) stores refused; $out" \
    test "$(value mismatches "$out")" = 0 -a "$(cat $frontswap/failed_stores)" -gt "$failed"
  echo never >/sys/kernel/mm/transparent_hugepage/enabled
fi
# Full: the device takes what the backend has no room for.
full=$(stat_of refused_full)
group small 48M
hold_start hold 236
out=$(in_group small swapcheck check 80 10000 seed=9 2>&1)
hold_end
expect "full" "$(($(stat_of refused_full) - full)) stores refused; $out; the others: $held" \
  test "$(value mismatches "$out")" = 0 -a "$(value mismatches "$held")" = 0 -a "$(stat_of refused_full)" -gt "$full"

expect "integrity" "$total stores and loads, $wrong runs with a wrong word" test "$total" -ge 500000 -a "$wrong" -eq 0
expect "bookkeeping" "misses $(stat_of misses), load errors $(cat $frontswap/load_errors)" \
  test "$(stat_of misses)" = 0 -a "$(cat $frontswap/load_errors)" = 0

# shellcheck source=scripts/vm/guest/dram-offload.sh
. /tests/dram-offload.sh
# shellcheck source=scripts/vm/guest/dram-lost.sh
. /tests/dram-lost.sh
