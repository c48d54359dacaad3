# What must not work, and says why in one line. Sourced by rdma.sh; ends with the module loaded and connected.
# shellcheck shell=dash disable=SC2154
refused() { # name, words of the log line, module parameters...
  local name=$1 words=$2
  shift 2
  if insmod /modules/fastswap_rdma.ko "$@" 2>/dev/null; then
    fail "$name: the module was loaded"
    rmmod fastswap_rdma
  else
    expect "$name" "$(said)" contains "$words" "$(said)"
  fi
}
refused "no address" "give the memory server" capacity=384M
refused "wrong address" "give the memory server" server=10.0.0 capacity=384M
refused "no capacity" "give how much memory" server=10.0.0.2
refused "wrong capacity" "give how much memory" server=10.0.0.2 capacity=12X
refused "wrong depth" "4 to 4096" server=10.0.0.2 capacity=384M depth=1
refused "wrong batch" "half of depth" server=10.0.0.2 capacity=384M batch=64
refused "wrong client" "an address of this machine" server=10.0.0.2 capacity=384M client=here
refused "nobody there" "does not answer" server=10.0.0.77 capacity=384M
refused "client of another machine" "client" server=10.0.0.2 client=10.0.0.99 capacity=384M
refused "no server" "no memory server" server=10.0.0.2 capacity=384M

out=$(server start --capacity 400MiB)
refused "not allowed" "does not take this client" server=10.0.0.2 capacity=384M
out=$(fastswap-check --server 10.0.0.2 --expect-refused 2>&1)
expect "address list" "$(echo "$out" | tail -n 1)" contains "1 passed, 0 failed" "$out"
out=$(server stop)
expect "server stops" "$(echo "$out" | tail -n 1)" contains "exit code 0" "$out"
out=$(server try --capacity 4TiB --allow 10.0.0.1)
expect "more than the machine has" "$out" contains "lend less" "$out"
out=$(server start --capacity 400MiB --allow 10.0.0.0/24 --connections 8 --client-timeout 5)
out=$(server try --capacity 1MiB)
expect "port taken" "$out" contains "another server" "$out"
refused "too much" "ask for less" server=10.0.0.2 capacity=401M
refused "too many queues" "connections of a client" server=10.0.0.2 capacity=384M queues=5

out=$(fastswap-check --server 10.0.0.2 --pages 2000 2>&1)
expect "server, from a program" "$(echo "$out" | tail -n 1); $(echo "$out" | grep 'wrong$' | sed 's/^ *//')" contains ", 0 failed" "$out"
contains ", 0 failed" "$out" || echo "$out" | grep FAIL | while read -r line; do note "$line"; done
