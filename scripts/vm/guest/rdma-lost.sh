# The memory node goes away, in several ways: who needs its pages ends with SIGBUS, everybody else lives, new pages go to the swap
# device, and after connecting again nothing of the old session is read. Sourced by rdma.sh.
# shellcheck shell=dash disable=SC2154
hold() { # NAME MIB: a process whose pages are out; touches them when told by touch_held
  rm -f "/tmp/$1.in"
  mkfifo "/tmp/$1.in"
  swapcheck hold "$2" <"/tmp/$1.in" >"/tmp/$1.out" 2>&1 &
  echo $! >"/tmp/$1.pid"
  # keeps the pipe open until the go
  sleep 600 >"/tmp/$1.in" &
  echo $! >"/tmp/$1.keeper"
  until_true 60 grep -q ready "/tmp/$1.out" || fail "$1: never ready"
}
touch_held() { # NAME: exit code in $code
  echo go >"/tmp/$1.in"
  wait "$(cat "/tmp/$1.pid")"
  code=$?
  kill "$(cat "/tmp/$1.keeper")"
}
ended_by_sigbus() { # NAME WHAT
  touch_held "$1"
  expect "$2" "exit code $code, $(tr '\n' ' ' <"/tmp/$1.out")" test "$code" -eq 135 # 128 + SIGBUS
}
local_run() { # NAME: checks without a memory node
  local before
  before=$(stat_of stores)
  group small 12M
  out=$(in_group small swapcheck check 22 1200 seed=11 2>&1)
  expect "$1" "$(($(stat_of stores) - before)) stores there, $(stat_of stores_refused_lost) refused in all; $out" \
    test "$(value mismatches "$out")" = 0 -a "$(stat_of stores)" -eq "$before"
}
far_run() { # NAME: checks with one
  local before
  before=$(stat_of stores)
  group small 12M
  out=$(in_group small swapcheck check 22 1200 seed=12 2>&1)
  expect "$1" "$(($(stat_of stores) - before)) stores; $out" test "$(value mismatches "$out")" = 0 -a $(($(stat_of stores) - before)) -gt 1000
}
busy() { # a process that stores and loads all the time
  group small 24M
  in_group small swapcheck check 64 100000000 seed=13 threads=2 >/tmp/busy.out 2>&1 &
  busy=$!
  sleep 3
}
busy_ends() { # WHAT SECONDS
  until_true "$2" state_is lost
  expect "$1" "state $(cat "$sys/state"): $(said)" state_is lost
  wait $busy
  code=$?
  expect "$1: its process" "exit code $code" test $code -eq 135
}

# 1. The server is killed while one process waits and one is busy.
hold one 12
hold two 12
busy
generation=$(cat "$sys/generation")
server kill
busy_ends "server killed" 20
ended_by_sigbus one "server killed: a waiting process"
local_run "without a server"
if echo connect >"$sys/control" 2>/dev/null; then fail "connect: without a server"; else ok "connect without a server: $(said)"; fi

# 2. It is started again.
out=$(server start --capacity 400MiB --allow 10.0.0.1 --connections 8 --client-timeout 5)
echo connect >"$sys/control"
expect "connected again" "generation $generation, now $(cat "$sys/generation")" \
  test "$(cat "$sys/state")" = connected -a "$(cat "$sys/generation")" != "$generation"
ended_by_sigbus two "pages of the old session stay lost"
far_run "after connecting again"

# 3. The way to the server is gone in the middle (frames go to a machine that is not there); the server sees no sign of life and gives
# the region up. Not `ip link set eth0 down`: the connection manager then waited without end for a message of soft-RoCE (see
# fastswap/README.md).
hold three 12
busy
arp -s 10.0.0.2 52:54:00:00:00:99
busy_ends "link down" 30
ended_by_sigbus three "link down: a waiting process"
local_run "without a link"
sleep 6
arp -d 10.0.0.2
until_true 20 server log >/dev/null 2>&1
out=$(server log)
expect "server: client is gone" "$(echo "$out" | tail -n 1)" contains "no sign of life" "$out"
echo connect >"$sys/control"
expect "link up, connected again" "$(said)" state_is connected
far_run "after the link came back"

# 4. The adapter goes away under it.
hold four 12
rdma link delete rxe0
until_true 20 state_is lost
expect "adapter removed" "$(said)" state_is lost
ended_by_sigbus four "adapter removed: a waiting process"
rdma link add rxe0 type rxe netdev eth0
sleep 1
echo connect >"$sys/control"
expect "adapter back, connected again" "$(said)" state_is connected

# 5. The server stops by itself, and the module connects by itself.
echo 1 >/sys/module/fastswap_rdma/parameters/reconnect_s
out=$(server stop)
expect "server stopped with a client" "$(echo "$out" | tail -n 1)" contains "exit code 0" "$out"
until_true 10 state_is lost
expect "server stopped" "$(said)" state_is lost
out=$(server start --capacity 400MiB --allow 10.0.0.1)
until_true 20 state_is connected
expect "connects by itself" "$(said)" state_is connected
far_run "after connecting by itself"

# 6. Asked to; then everything is taken down.
hold five 12
echo disconnect >"$sys/control"
expect "disconnect" "state $(cat "$sys/state")" state_is disconnected
ended_by_sigbus five "disconnected: a waiting process"
sleep 2
out=$(server log)
expect "server: client left" "$(echo "$out" | tail -n 1)" contains "left after" "$out"
echo connect >"$sys/control"
far_run "after disconnect and connect"
expect "losses" "$(stat_of sessions) sessions, $(stat_of sessions_lost) lost, $(stat_of loads_failed) loads failed" \
  test "$(stat_of sessions_lost)" -eq 4 -a "$(stat_of loads_failed)" -gt 0
if swapoff /dev/vda; then ok "swapoff"; else fail "swapoff"; fi
if rmmod fastswap_rdma; then ok "rmmod"; else fail "rmmod"; fi
expect "gone" "backend $(cat /sys/module/frontswap/parameters/backend)" grep -q none /sys/module/frontswap/parameters/backend
