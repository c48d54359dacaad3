# Pages come back as they were, in every way they come back. Sourced by rdma.sh; leaves the area on and the module connected.
# shellcheck shell=dash disable=SC2154
insmod /modules/fastswap_rdma.ko server=10.0.0.2 capacity=64M ack_timeout=16
expect "connected" "$(said)" state_is connected
mkswap /dev/vda >/dev/null
swapon /dev/vda
out=$(server log)
expect "server's log" "$(echo "$out" | tail -n 1)" contains "64 MiB, 4 connections" "$out"

total=0
wrong=0
run() { # name, swapcheck arguments...: a check in a cgroup of 12 MiB
  local name=$1 before out code count
  shift
  group small 12M
  before=$(moved)
  out=$(in_group small swapcheck "$@" 2>&1)
  code=$?
  count=$(($(moved) - before))
  total=$((total + count))
  [ "$(value mismatches "$out")" = 0 ] || wrong=$((wrong + 1))
  expect "$name" "$count stores and loads; $(echo "$out" | tail -n 1)" \
    test "$code" -eq 0 -a "$(value mismatches "$out")" = 0 -a "$count" -gt 1000
}
echo 3 >/proc/sys/vm/page-cluster
run "two threads, random" check 28 6000 threads=2
run "sequential" check 28 7000 order=sequential seed=2
run "four threads" check 28 4000 threads=4 seed=3
echo 0 >/proc/sys/vm/page-cluster
run "no read-ahead" check 20 1500 threads=2 seed=4
echo 3 >/proc/sys/vm/page-cluster
run "shared memory" check 20 3000 kind=shared seed=5
run "forked" check 16 1500 kind=forked seed=6
expect "integrity" "$total stores and loads, $wrong runs with a wrong word" test "$total" -gt 100000 -a "$wrong" -eq 0
expect "completions are shared" "$(stat_of writes_completed) writes, $(stat_of write_completions) completions" \
  test "$(stat_of write_completions)" -lt $(($(stat_of writes_completed) / 4))
expect "loads" "$(stat_of loads_polled) polled for, $(stat_of loads_slept) slept for, $(stat_of loads_failed) failed" \
  test "$(stat_of loads_failed)" -eq 0
# More than the region has: the rest goes to the device.
group small 24M
out=$(in_group small swapcheck check 100 1500 seed=7 2>&1)
expect "more than the region holds" "$(stat_of stores_refused_full) stores refused; $out" \
  test "$(value mismatches "$out")" = 0 -a "$(stat_of stores_refused_full)" -gt 1000
if rmmod fastswap_rdma 2>/dev/null; then fail "rmmod: module went away under its swap area"; else ok "rmmod: refused while the area is on"; fi
