# How fast pages come back: the DRAM backend, over a disk as in use, against a RAM disk as swap area (brd), same boot, same
# program. brd is a synchronous device: the kernel reads one page a fault from it, without read-ahead. Sourced by dram.sh.
# shellcheck shell=dash disable=SC2154
modprobe brd rd_nr=1 rd_size=491520
mkswap /dev/ram0 >/dev/null
rate() { # MODE ORDER: pages that the program touched a second, all of which were away at first; better of two
  local best=0 out this i
  for i in 1 2; do
    group fast 48M
    case $1 in
      recall) out=$(swapcheck recall 128 2 order="$2" seed="$i") ;;
      *) out=$(in_group fast swapcheck touch 160 2 order="$2" seed="$i") ;;
    esac
    this=$(awk "BEGIN { printf \"%d\", $(value touches "$out") / $(value seconds "$out") }")
    [ "$this" -gt "$best" ] && best=$this
    faults=$(value faults "$out")
  done
  rate=$best
}
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
  swapoff /dev/vda
  rmmod fastswap_dram
  note "pages a second, $what: brd $brd, DRAM backend $rate ($faults faults), ratio $(awk "BEGIN { printf \"%.2f\", $rate / $brd }")"
done
