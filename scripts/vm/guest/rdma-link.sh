# Brings up the wire and soft-RoCE over it; sourced by both guests with $address set.
# shellcheck shell=dash disable=SC2154
while read -r file; do insmod "/modules/$file" || fail "insmod $file"; done </modules/order
ip link set eth0 mtu 9000 up
ip address add "$address/24" dev eth0
rdma link add rxe0 type rxe netdev eth0 || fail "rdma link add"
