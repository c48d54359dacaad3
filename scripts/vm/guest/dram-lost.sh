# The backend loses everything, as a memory node that dies: the toucher gets SIGBUS, others live, the area works on.
# Sourced by dram.sh.
# shellcheck shell=dash disable=SC2154
lost() { # delay_us, page-cluster
  echo "$1" >/sys/module/fastswap_dram/parameters/delay_us
  echo "$2" >/proc/sys/vm/page-cluster
  hold_start hold 32
  echo 1 >/sys/module/fastswap_dram/parameters/lose
  hold_end
  # 128 + SIGBUS
  expect "lost pages" "loads of $1 us, page-cluster $2: exit code $code; $held" test "$code" -eq 135
}
lost 0 3
lost 30 3
lost 0 0
echo 0 >/sys/module/fastswap_dram/parameters/delay_us
echo 3 >/proc/sys/vm/page-cluster
group small 48M
out=$(in_group small swapcheck check 96 10000 seed=10 2>&1)
expect "after the loss" "new pages are safe; $out" test "$(value mismatches "$out")" = 0
expect "load errors" "$(cat /sys/kernel/debug/frontswap/load_errors)" test "$(cat /sys/kernel/debug/frontswap/load_errors)" -gt 0
if swapoff /dev/vda; then ok "swapoff: works after a loss"; else fail "swapoff after a loss"; fi
if rmmod fastswap_dram; then ok "rmmod: works when the area is off"; else fail "rmmod when the area is off"; fi
