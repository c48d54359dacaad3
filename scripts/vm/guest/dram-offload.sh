# memory.high reclaimed by a worker on processor 1: the task on processor 0 spends less time in the kernel, and the cgroup
# stays within the slack. Sourced by dram.sh.
# shellcheck shell=dash disable=SC2154
memcg=/sys/module/memcontrol/parameters
offload() { # reclaim_cpu: a program on processor 0 that is over memory.high all the time
  echo "$1" >$memcg/reclaim_cpu
  group high max 48M
  echo 0 >/sys/fs/cgroup/high/memory.peak 2>/dev/null
  (while sleep 0.05; do cat /sys/fs/cgroup/high/memory.current; done >/tmp/current) &
  sampler=$!
  out=$(in_group high taskset 1 swapcheck touch 160 2 seed=11)
  kill $sampler
  wait $sampler 2>/dev/null
  most=$(sort -n /tmp/current | tail -n 1)
  rmdir /sys/fs/cgroup/high
}
offload -1
without=$(value system "$out")
offload 1
with=$(value system "$out")
note "memory.high 48 MiB, 160 MiB touched twice on processor 0: $without s in the kernel without the worker, $with s with it"
expect "offload" "task's time in the kernel $without s -> $with s" awk "BEGIN { exit !($with < 0.8 * $without) }"
# 48 MiB, a quarter of it as slack, a batch of 2048 pages on top
expect "offload bound" "at most $((most / 1048576)) MiB of 48 + 12 + 8" test "$most" -le $((68 * 1048576))
for bad in 77 -2 x; do
  if echo $bad 2>/dev/null >$memcg/reclaim_cpu; then fail "reclaim_cpu: took $bad"; fi
done
if echo 4096 2>/dev/null >$memcg/reclaim_batch; then fail "reclaim_batch: took 4096"; else ok "reclaim_batch, reclaim_cpu: bad values refused"; fi
echo -1 >$memcg/reclaim_cpu
