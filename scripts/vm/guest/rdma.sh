# The compute node of the RDMA test. 10.0.0.2 is the memory node. Two processors; /dev/vda is a swap area of 512 MiB, of which
# the first 64 MiB have a place in the other guest's memory.
# shellcheck shell=dash disable=SC2154,SC2034,SC1091 # ok, fail, expect, value, group, in_group come from init
address=10.0.0.1
. /tests/rdma-link.sh
sys=/sys/kernel/fastswap_rdma
stat_of() { cat "$sys/statistics/$1"; }
server() { wget -q -O - "http://10.0.0.2/cgi-bin/server?$(echo "$*" | tr ' ' '+')"; }
moved() { echo $(($(stat_of stores) + $(stat_of loads) + $(stat_of loads_async))); }
# until_true SECONDS COMMAND...
until_true() {
  local left=$(($1 * 10))
  shift
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || return 1
    sleep 0.1
  done
}
contains() { case $2 in *"$1"*) return 0 ;; esac; return 1; } # WORDS TEXT
state_is() { [ "$(cat "$sys/state")" = "$1" ]; }
said() { dmesg | grep fastswap_rdma | tail -n 1 | sed 's/.*fastswap_rdma: //'; }
until_true 60 server log >/dev/null 2>&1 || fail "the other guest does not answer"
# soft-RoCE takes its packets without waiting for memory
echo 32768 >/proc/sys/vm/min_free_kbytes

# shellcheck source=scripts/vm/guest/rdma-refused.sh
. /tests/rdma-refused.sh
# shellcheck source=scripts/vm/guest/rdma-data.sh
. /tests/rdma-data.sh
# shellcheck source=scripts/vm/guest/rdma-lost.sh
. /tests/rdma-lost.sh
server finish
