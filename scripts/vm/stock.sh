# shellcheck shell=bash disable=SC2154 # sourced by vm-test.sh; names come from common.sh
# Debian's own kernel: its package is fetched and unpacked, not installed.
need_stock() { # $stock/vmlinuz, and in $stock/tree the modules for zram
  local package release to
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends: linux-image-6\.1/ { print $2; exit }')
  stock=$cache/stock/$package
  if [ -n "$package" ] && [ ! -e "$stock/vmlinuz" ]; then
    say "fetching $package (70 MB)"
    mkdir -p "$work/stock"
    (cd "$work/stock" && apt-get download -q "$package" >/dev/null 2>"$work/apt.log" && dpkg-deb -x "$package"_*.deb tree) || {
      cat "$work/apt.log"
      return 1
    }
    release=$(basename "$work"/stock/tree/lib/modules/*)
    to=$stock/tree/lib/modules/$release
    mkdir -p "$to"
    find "$work/stock/tree/lib/modules" \( -name zram.ko -o -name zsmalloc.ko \) -exec cp {} "$to/" \;
    cp "$work/stock/tree/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} "$to/"
    depmod -b "$stock/tree" "$release"
    cp "$work/stock/tree"/boot/vmlinuz-* "$stock/vmlinuz"
    rm -rf "$work/stock"
  fi
  [ -e "$stock/vmlinuz" ] || { say "no package linux-image-amd64 of Debian 12: add its archive to the sources of apt" && return 1; }
}

test_stock() {
  if ! need_stock; then
    miss "stock: no kernel"
    return
  fi
  rm -rf "$work/modules"
  # one of ours, if the patched kernel is there
  if [ -e "$cache/kernel/$("$root/kernel/build.sh" --print-key)/.built" ] && need_kernel; then build_module dram fastswap_dram; fi
  gcc -O2 -std=gnu11 -static -o "$work/generations" "$root"/ffi/test/generations.c \
    "$root"/ffi/{hotness/mglru,swap_stats,scan,set}.c || miss "stock: ffi/test/generations.c does not compile"
  make_initrd "$work/stock.initrd" "lib/modules=$stock/tree/lib/modules" "bin/generations=$work/generations" || {
    miss "stock: memory disk"
    return
  }
  usual_machine
  start_guest stock stock "$stock/vmlinuz" "$work/stock.initrd" 768 1200
  await_guest stock "$guest_pid"
  count_guest stock stock
}
