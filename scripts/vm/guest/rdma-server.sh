# The memory node of the RDMA test: does what the other guest asks for (rdma-control) until that is done.
# shellcheck shell=dash disable=SC2154,SC2034,SC1091
address=10.0.0.2
. /tests/rdma-link.sh
httpd -h /www
for _ in $(seq 1450); do
  [ -e /tmp/finished ] && break
  sleep 1
done
expect "server" "told to finish" test -e /tmp/finished
