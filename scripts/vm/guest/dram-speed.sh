# Faults a second: the DRAM backend against a RAM disk as swap area (brd), same boot, same program. Sourced by dram.sh.
# shellcheck shell=dash disable=SC2154
modprobe brd rd_nr=1 rd_size=491520
mkswap /dev/ram0 >/dev/null
rate() { # mode: prints faults per second, better of two
  local best=0 out this i
  for i in 1 2; do
    group fast 48M
    case $1 in
      recall) out=$(swapcheck recall 128 2 seed="$i") ;;
      *) out=$(in_group fast swapcheck touch 160 2 seed="$i") ;;
    esac
    this=$(awk "BEGIN { printf \"%d\", $(value faults "$out") / $(value seconds "$out") }")
    [ "$this" -gt "$best" ] && best=$this
  done
  echo "$best"
}
for mode in recall touch; do
  swapon /dev/ram0
  brd=$(rate $mode)
  swapoff /dev/ram0
  insmod /modules/fastswap_dram.ko size_mb=480
  swapon /dev/ram0
  dram=$(rate $mode)
  echo 1 >/sys/module/memcontrol/parameters/reclaim_cpu
  swapoff /dev/ram0
  echo -1 >/sys/module/memcontrol/parameters/reclaim_cpu
  rmmod fastswap_dram
  note "faults a second, $mode: brd $brd, DRAM backend $dram, ratio $(awk "BEGIN { printf \"%.2f\", $dram / $brd }")"
done
