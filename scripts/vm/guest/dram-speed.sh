# Faults a second of the DRAM backend, over a disk as in use, against a RAM disk as swap area (brd) as a stock kernel uses it: same boot,
# same program, taking turns. A program reads 40 MiB, page by page, with room for 16 (memory.max: reclaim is in the fault's way); each
# page but the first ones is a fault, or was read ahead for one. The sum of all turns counts, not the best: timings of an emulated
# machine differ by half, so there is no pass or fail for speed. Sourced by dram.sh; leaves all areas off.
# shellcheck shell=dash disable=SC2154
modprobe brd rd_nr=1 rd_size=163840
mkswap /dev/ram0 >/dev/null
turn() { # NAME ORDER SEED ROUNDS: adds what the program touched and the seconds to /tmp/turn.NAME.ORDER
  this=$(in_group fast swapcheck touch 40 "$4" order="$2" seed="$3")
  [ "$(value mismatches "$this")" = 0 ] || wrong=$((wrong + 1))
  echo "$(value touches "$this") $(value seconds "$this")" >>"/tmp/turn.$1.$2"
}
rate() { awk '{ touches += $1; seconds += $2 } END { printf "%d", touches / seconds }' "/tmp/turn.$1"; }
against() { # ORDER NAME OTHER: "NAME n, OTHER m (1.23 of NAME)"
  echo "$2 $(rate "$2.$1"), $3 $(rate "$3.$1") ($(awk "BEGIN { printf \"%.2f\", $(rate "$3.$1") / $(rate "$2.$1") }") of $2)"
}
brd() {
  swapon /dev/ram0
  group fast 16M
  for order in random sequential; do turn brd $order "$1" 6; done
  swapoff /dev/ram0
}
dram() {
  insmod /modules/fastswap_dram.ko size_mb=160
  swapon /dev/vda
  group fast 16M
  for order in random sequential; do turn DRAM $order "$1" 6; done
  group fast max 16M
  turn high random "$1" 3
  echo 1 >/sys/module/memcontrol/parameters/reclaim_cpu
  turn worker random "$1" 3
  echo -1 >/sys/module/memcontrol/parameters/reclaim_cpu
  swapoff /dev/vda
  rmmod fastswap_dram
}
wrong=0
brd 1
dram 1
dram 2
brd 2
for order in random sequential; do note "pages a second under memory.max, $order: $(against $order brd DRAM)"; done
note "pages a second under memory.high, random: $(against random high worker)"
expect "speed" "$wrong runs with a wrong page" test "$wrong" -eq 0
