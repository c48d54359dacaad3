# How fast pages go and come back: the DRAM backend, over a disk as in use, against a RAM disk as swap area (brd) as a stock kernel
# uses it; same boot, same program, better of two. brd is a synchronous device: the kernel reads one page a fault from it.
# No pass or fail: these are timings of an emulated machine. Sourced by dram.sh.
# shellcheck shell=dash disable=SC2154
modprobe brd rd_nr=1 rd_size=491520
mkswap /dev/ram0 >/dev/null
rate() { # MODE ORDER: pages a second that the program touched and that had to come back, in $rate
  local out this i
  rate=0
  for i in 1 2; do
    group fast max 48M
    case $1 in
      recall) out=$(swapcheck recall 128 1 order="$2" seed="$i") ;;
      *) out=$(in_group fast swapcheck touch 160 1 order="$2" seed="$i") ;;
    esac
    this=$(awk "BEGIN { printf \"%d\", $(value touches "$out") / $(value seconds "$out") }")
    if [ "$this" -gt "$rate" ]; then rate=$this; fi
  done
}
to_brd() { awk "BEGIN { printf \"%d (%.2f of brd)\", $rate, $rate / $brd }"; }
for what in "recall random" "recall sequential" "touch random" "touch sequential"; do
  swapon /dev/ram0
  # shellcheck disable=SC2086 # words
  rate $what
  brd=$rate
  swapoff /dev/ram0
  insmod /modules/fastswap_dram.ko size_mb=480
  swapon /dev/vda
  # shellcheck disable=SC2086
  rate $what
  far=$(to_brd)
  echo 1 >/sys/module/memcontrol/parameters/reclaim_cpu
  # shellcheck disable=SC2086
  case $what in touch*) rate $what && far="$far, reclaim by the worker $(to_brd)" ;; esac
  echo -1 >/sys/module/memcontrol/parameters/reclaim_cpu
  swapoff /dev/vda
  rmmod fastswap_dram
  note "pages a second, $what: brd $brd, DRAM backend $far"
done
