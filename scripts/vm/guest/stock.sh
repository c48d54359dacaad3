# Debian's own 6.1: what the swap plane has without a patch, zram and the multi-generational LRU. Sourced by init.
# shellcheck shell=dash disable=SC2154 # ok, fail, expect, value, group, in_group, hold_* come from init
modprobe zram
echo 7 >/sys/kernel/mm/lru_gen/enabled
expect "MGLRU on" "$(cat /sys/kernel/mm/lru_gen/enabled)" test "$(cat /sys/kernel/mm/lru_gen/enabled)" = 0x0007
echo 512M >/sys/block/zram0/disksize
mkswap /dev/zram0 >/dev/null
swapon /dev/zram0

group small 48M
out=$(in_group small swapcheck check 80 12000 threads=2 2>&1)
expect "zram" "$out" test "$(value mismatches "$out")" = 0 -a "$(value faults "$out")" -gt 2000

# The three ways of the swap plane to move out what a sandbox holds: by the process, by the cgroup, by generation.
current() { cat "/sys/fs/cgroup/$1/memory.current"; }
group sandbox max
hold_start hold 64 sandbox
after=$(current sandbox)
hold_end
expect "MADV_PAGEOUT" "64 MiB out, $((after / 1048576)) MiB stay; $held" test "$code" -eq 0 -a "$after" -lt $((8 * 1048576))

hold_start stay 64 sandbox
before=$(current sandbox)
echo 80M >/sys/fs/cgroup/sandbox/memory.reclaim 2>/dev/null
after=$(current sandbox)
hold_end
expect "memory.reclaim" "$((before / 1048576)) MiB -> $((after / 1048576)) MiB; $held" test "$code" -eq 0 -a "$after" -lt $((before / 4))

hold_start stay 64 sandbox
before=$(current sandbox)
lru=/sys/kernel/debug/lru_gen
id=$(awk '$1 == "memcg" && $3 == "/sandbox" { print $2 }' $lru)
newest() { awk -v id="$id" '$1 == "memcg" { on = $2 == id } on && NF == 4 { gen = $1 } END { print gen }' $lru; }
for _ in 1 2 3; do
  echo "+ $id 0 $(newest) 1 1" >$lru
done
echo "- $id 0 $(($(newest) - 2)) 200" >$lru
after=$(current sandbox)
hold_end
expect "MGLRU eviction" "memcg $id, generation $(newest): $((before / 1048576)) MiB -> $((after / 1048576)) MiB; $held" \
  test "$code" -eq 0 -a "$after" -lt $((before / 4))

# The same by the engine's own code (ffi/hotness/mglru.c): barriers, counts and eviction of what was not touched.
out=$(generations 2>&1)
code=$?
expect "generations as time barriers" "$out" test "$code" -eq 0

# A module for the patched kernel says no instead of doing harm.
if [ -e /modules/fastswap_dram.ko ]; then
  if insmod /modules/fastswap_dram.ko 2>/tmp/insmod; then
    fail "version: a module for another kernel was loaded"
  else
    ok "version: a module for another kernel is refused: $(dmesg | grep -E 'fastswap_dram: (version magic|Unknown symbol)' | tail -n 1 | cut -c 16-120)"
  fi
fi
swapoff /dev/zram0
