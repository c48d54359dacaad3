#!/usr/bin/env bash
# Checks that the kernel patch applies to Debian's Linux 6.1, that what it changes compiles, and that the modules of fastswap/
# compile against the patched source; compiles the memory server and runs its unit tests. Two minutes the first time (busy machine),
# seconds when cached. Ends with 'N passed, N failed'.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=scripts/install.sh
. scripts/install.sh
need_packages gcc=gcc make=make "libc6-dev=/usr/include/stdio.h" flex=flex bison=bison bc=bc xz-utils=xz patch=patch \
  "libelf-dev=/usr/include/libelf.h" librdmacm-dev=/usr/include/rdma/rdma_cma.h libibverbs-dev=/usr/include/infiniband/verbs.h \
  ccache=ccache "linux-source-6.1=/usr/src/linux-source-6.1.tar.xz" || exit 1

cache=${FAASMEM_CACHE:-$HOME/.cache/faasmem}
export CCACHE_DIR=$cache/ccache
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
step() { # name, command...
  local name=$1 started=$SECONDS
  shift
  if "$@" >"$work/log" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $name ($((SECONDS - started)) s)"
    return 0
  fi
  failed=$((failed + 1))
  echo "FAIL  $name ($((SECONDS - started)) s)"
  tail -n 40 "$work/log"
  return 1
}

key=$(kernel/build.sh --print-key) || exit 1
tree=$cache/kernel-check/$key
applies() {
  kernel/build.sh --prepare --out "$tree" || return 1
  find "$cache/kernel-check" -mindepth 1 -maxdepth 1 ! -name "$key" -exec rm -rf {} +
}
# Every C file that a patch touches, with warnings as errors; once for each patch.
changed_files_compile() {
  [ -e "$tree/.compiled" ] && return 0
  local objects
  objects=$(sed -n 's|^+++ b/\(.*\)\.c$|\1.o|p' kernel/patches/*.patch | sort -u | tr '\n' ' ')
  # shellcheck disable=SC2086 # a list
  make -s -C "$tree/linux" -j "$(nproc)" CC="ccache gcc" KCFLAGS=-Werror $objects || return 1
  touch "$tree/.compiled"
  kernel/build.sh --prepare --prune --out "$tree"
}
module_compiles() { # folder of fastswap/
  cp -r "fastswap/$1" "$work/$1" && { cp fastswap/*.h "$work/" 2>/dev/null || true; }
  # the prepared tree has no list of exported symbols: the virtual machines' test links and loads them
  make -s -C "$work/$1" KDIR="$tree/linux" CC="ccache gcc" KCFLAGS=-Werror KBUILD_MODPOST_WARN=1
}

server_builds() { make -s -C fastswap/server OUT="$work/server" all test; }
step "the RDMA memory server compiles, its unit tests pass" server_builds
if step "the patch applies to Linux 6.1 of Debian ($(dpkg-query -W -f '${Version}' linux-source-6.1))" applies; then
  step "the changed files compile without a warning" changed_files_compile
  for makefile in fastswap/*/Makefile; do
    grep -q '^obj-m' "$makefile" || continue
    folder=$(basename "$(dirname "$makefile")")
    step "fastswap/$folder compiles" module_compiles "$folder"
  done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
