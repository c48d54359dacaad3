# memory.high reclaimed by a worker on processor 1: the task on processor 0 does not wait for reclaim, and the cgroup stays within
# the slack. Sourced by dram.sh.
# shellcheck shell=dash disable=SC2154
memcg=/sys/module/memcontrol/parameters
offload() { # reclaim_cpu, swapcheck arguments...: a program on processor 0 that goes over memory.high again and again
  echo "$1" >$memcg/reclaim_cpu
  shift
  group high max 48M
  echo 0 >/sys/fs/cgroup/high/memory.peak 2>/dev/null
  (while sleep 0.05; do cat /sys/fs/cgroup/high/memory.current; done >/tmp/current) &
  sampler=$!
  out=$(in_group high taskset 1 swapcheck touch 160 1 seed=11 "$@")
  kill $sampler
  wait $sampler 2>/dev/null
  most=$(sort -n /tmp/current | tail -n 1)
  # a stall of the cgroup is a task of it that reclaims (or waits for a page)
  stall=$(sed -n 's/^some.*total=//p' /sys/fs/cgroup/high/memory.pressure)
  rmdir /sys/fs/cgroup/high
}
# A program that gives the worker time after every 4 MiB, however slow this machine is: it never has to reclaim.
offload -1 below=$((48 * 1048576))
stall_without=$stall
offload 1 below=$((48 * 1048576))
expect "offload" "stalls of the cgroup's tasks $stall_without us -> $stall us" test "$stall" -lt $((stall_without / 2))
# One that does not.
offload -1
stall_without=$stall
offload 1
note "memory.high 48 MiB, 160 MiB touched twice on processor 0 without a pause: stalls $stall_without us -> $stall us"
# 48 MiB, a quarter of it as slack, a batch of 2048 pages on top
expect "offload bound" "at most $((most / 1048576)) MiB of 48 + 12 + 8" test "$most" -le $((68 * 1048576))
for bad in 77 -2 x; do
  if echo $bad 2>/dev/null >$memcg/reclaim_cpu; then fail "reclaim_cpu: took $bad"; fi
done
if echo 4096 2>/dev/null >$memcg/reclaim_batch; then fail "reclaim_batch: took 4096"; else ok "reclaim_batch, reclaim_cpu: bad values refused"; fi
echo -1 >$memcg/reclaim_cpu
