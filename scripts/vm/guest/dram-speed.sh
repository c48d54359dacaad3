# How fast pages go and come back under memory.high: the DRAM backend, over a disk as in use, against a RAM disk as swap area (brd) as
# a stock kernel uses it; same boot, same program, taking turns, best of three. No pass or fail: these are timings of an emulated
# machine. Sourced by dram.sh.
# shellcheck shell=dash disable=SC2154
modprobe brd rd_nr=1 rd_size=163840
mkswap /dev/ram0 >/dev/null
rate() { # NAME ORDER SEED: pages a second that the program touched and that had to come back; the best of a name are kept in /tmp/rate.NAME
  local this best
  group fast max 16M
  this=$(in_group fast swapcheck touch 40 1 order="$2" seed="$3")
  this=$(awk "BEGIN { printf \"%d\", $(value touches "$this") / $(value seconds "$this") }")
  best=$(cat "/tmp/rate.$1.$2" 2>/dev/null || echo 0)
  if [ "$this" -gt "$best" ]; then echo "$this" >"/tmp/rate.$1.$2"; fi
}
for round in 1 2 3; do
  swapon /dev/ram0
  for order in random sequential; do rate brd $order $round; done
  swapoff /dev/ram0
  insmod /modules/fastswap_dram.ko size_mb=160
  swapon /dev/vda
  for order in random sequential; do rate far $order $round; done
  echo 1 >/sys/module/memcontrol/parameters/reclaim_cpu
  for order in random sequential; do rate worker $order $round; done
  echo -1 >/sys/module/memcontrol/parameters/reclaim_cpu
  swapoff /dev/vda
  rmmod fastswap_dram
done
for order in random sequential; do
  note "pages a second, $order: $(awk -v brd="$(cat /tmp/rate.brd.$order)" -v far="$(cat /tmp/rate.far.$order)" -v worker="$(cat /tmp/rate.worker.$order)" \
    'BEGIN { printf "brd %d, DRAM backend %d (%.2f of brd), with the worker of memory.high %d (%.2f of brd)", brd, far, far / brd, worker, worker / brd }')"
done
