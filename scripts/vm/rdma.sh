# shellcheck shell=bash disable=SC2154 # sourced by vm-test.sh; names come from common.sh
# Two guests on one wire with soft-RoCE: the memory server in one, the RDMA backend in the other.
# The wire is a pair of local datagram sockets; frames of 9000 bytes, so that a page is one packet.
wire() { # own end, other end, last digit of the address
  echo -netdev "dgram,id=wire,local.type=unix,local.path=$work/$1.wire,remote.type=unix,remote.path=$work/$2.wire" \
    -device "virtio-net-device,netdev=wire,host_mtu=9000,mac=52:54:00:00:00:0$3"
}

test_rdma() {
  local provider=/usr/lib/x86_64-linux-gnu/libibverbs/librxe-rdmav34.so server_pid
  need_packages librdmacm-dev=/usr/include/rdma/rdma_cma.h libibverbs-dev=/usr/include/infiniband/verbs.h \
    "ibverbs-providers=$provider" iproute2=rdma || return
  # shellcheck disable=SC2046 # words
  if ! need_kernel || ! build_module rdma fastswap_rdma || ! make -s -C "$root/fastswap/server" OUT="$work/server" all ||
    ! make_initrd "$work/rdma.initrd" "$(kernel_modules)" bin/fastswap-server="$work/server/fastswap-server" \
      bin/fastswap-check="$work/server/fastswap-check" bin/rdma="$(command -v rdma)" \
      etc/libibverbs.d/rxe.driver=/etc/libibverbs.d/rxe.driver www/cgi-bin/server="$root/scripts/vm/guest/rdma-control" \
      $(with_libraries "$work/server/fastswap-server" "$provider" "$(command -v rdma)"); then
    miss "rdma: no kernel, module, server or memory disk"
    return
  fi
  truncate -s 512M "$work/rdma.disk"
  small_machine
  # shellcheck disable=SC2046
  start_guest rdma-server rdma-server "$kernel/bzImage" "$work/rdma.initrd" 1024 1500 $(wire server client 2)
  server_pid=$guest_pid
  # shellcheck disable=SC2046
  start_guest rdma rdma "$kernel/bzImage" "$work/rdma.initrd" 640 1500 $(wire client server 1) \
    -drive "file=$work/rdma.disk,format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-device,drive=disk
  await_guest rdma "$guest_pid"
  await_guest rdma-server "$server_pid"
  count_guest rdma rdma
  count_guest rdma-server "rdma server"
}
