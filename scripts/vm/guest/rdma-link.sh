# Brings up the wire and soft-RoCE over it; sourced by both guests with $address set.
# shellcheck shell=dash disable=SC2154
# rxe asks for its checksum by name, and does not load it
for module in crc32_generic rdma_rxe rdma_ucm ib_uverbs; do modprobe $module || fail "modprobe $module"; done
ip link set eth0 mtu 9000 up
ip address add "$address/24" dev eth0
rdma link add rxe0 type rxe netdev eth0 || fail "rdma link add"
