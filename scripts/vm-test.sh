#!/usr/bin/env bash
# Tests of the kernel side in virtual machines (QEMU, without KVM). Ends with 'N passed, N failed'.
# shellcheck disable=SC2034 # cached_only is read by scripts/vm/common.sh
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

usage() {
  cat <<END
usage: scripts/vm-test.sh [build|dram|rdma|stock|faasmem|all]... [--cached-only] [--keep DIR]

  build    the patched kernel only: about 25 minutes on two processors; cached for everything below
  dram     patched kernel, DRAM backend: data, read-ahead, polling, huge pages, loss, offloaded reclaim, speed
  rdma     two guests with soft-RoCE: memory server and RDMA backend; server killed, reconnected
  stock    Debian's own 6.1 kernel: zram and MGLRU
  faasmem  the compiled dist/faasmem in a guest: doctor, swap plane, MGLRU
  all      all of these (default)

  --cached-only  never build a kernel: fail if there is none for this patch
  --keep DIR     leave consoles and verdicts of the guests there

Kernels and the compiler's cache are in \${FAASMEM_CACHE:-~/.cache/faasmem}.
END
}
what=()
cached_only=0
keep=''
while [ $# -gt 0 ]; do
  case $1 in
    build | dram | rdma | stock | faasmem | all) what+=("$1") ;;
    --cached-only) cached_only=1 ;;
    --keep)
      [ $# -ge 2 ] || { usage >&2 && exit 2; }
      keep=$2
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      echo "vm-test: unknown argument $1" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done
[ ${#what[@]} -gt 0 ] || what=(all)
cache=${FAASMEM_CACHE:-$HOME/.cache/faasmem}
mkdir -p "$cache"

# shellcheck source=scripts/install.sh
. scripts/install.sh
# shellcheck source=scripts/vm/common.sh
. scripts/vm/common.sh
for part in dram rdma stock faasmem; do
  # shellcheck source=/dev/null # each defines test_NAME
  if [ -e "scripts/vm/$part.sh" ]; then . "scripts/vm/$part.sh"; fi
done
need_packages gcc=gcc make=make "libc6-dev=/usr/include/stdio.h" flex=flex bison=bison bc=bc kmod=depmod cpio=cpio \
  xz-utils=xz patch=patch ccache=ccache "libelf-dev=/usr/include/libelf.h" "libssl-dev=/usr/include/openssl/ssl.h" \
  "linux-source-6.1=/usr/src/linux-source-6.1.tar.xz" qemu-system-x86=qemu-system-x86_64 busybox-static=busybox || exit 1

work=$(mktemp -d "${TMPDIR:-/tmp}/vm-test.XXXXXX")
end() {
  stop_guests
  if [ -n "$lane" ]; then
    kill "$lane" 2>/dev/null
    wait "$lane"
  fi
  if [ -n "$keep" ]; then
    mkdir -p "$keep"
    cp "$work"{,/lane}/*.console "$work"{,/lane}/*.lines "$keep/" 2>/dev/null
  fi
  rm -rf "$work"
}
lane=''
trap end EXIT
trap 'exit 130' INT TERM

# shellcheck disable=SC2034 # for the guests' clocks, in scripts/vm/common.sh
khz=$(gcc -O2 -o "$work/tsc" scripts/vm/tsc.c && "$work/tsc") || exit 1

run_part() {
  local started=$SECONDS
  "test_$1"
  say "$1 took $((SECONDS - started)) s"
}
# start_lane PART...: one after the other beside what follows, with a folder of their own; shown and counted by end_lane
start_lane() {
  mkdir -p "$work/lane"
  (
    work=$work/lane
    guests=()
    renice -n 19 -p "$BASHPID" >/dev/null
    trap stop_guests EXIT
    trap 'exit 130' INT TERM
    for part in "$@"; do run_part "$part"; done
  ) >"$work/lane.out" 2>&1 &
  lane=$!
}
end_lane() {
  wait "$lane" || miss "lane: ended with code $?"
  lane=''
  cat "$work/lane.out"
  passed=$((passed + $(grep -c '^ok ' "$work/lane.out")))
  failed=$((failed + $(grep -c '^FAIL ' "$work/lane.out")))
}

for part in "${what[@]}"; do
  case $part in
    build)
      started=$SECONDS
      if need_kernel; then pass "build: $kernel ($((SECONDS - started)) s)"; else miss build; fi
      ;;
    all)
      # dram measures first, alone; the rest of it has what time the guests of rdma, who wait for each other, leave
      need_kernel # here, where its progress shows; dram and rdma say that there is none
      start_lane dram
      while kill -0 "$lane" 2>/dev/null && ! grep -qsE '^(ok|FAIL) polling' "$work/lane/dram.verdict"; do sleep 0.5; done
      for beside in rdma stock faasmem; do run_part "$beside"; done
      end_lane
      ;;
    *) run_part "$part" ;;
  esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
