#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds Linux 6.1 with the far-memory patch. Can be stopped and run again: it goes on where it was.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  cat <<END
usage: kernel/build.sh --out DIR [--source TREE|debian] [--config guest|running|FILE] [--jobs N]
                       [--deb] [--local-modules] [--prepare] [--prune] [--print-key]

  --out DIR        where everything goes: DIR/linux (patched tree), then DIR/bzImage, DIR/modules/ and DIR/release,
                   or with --deb DIR/*.deb and DIR/release
  --source TREE    a Linux 6.1 tree or tar archive, which is copied; or 'debian': the package linux-source-6.1 (default)
  --config guest   small configuration of the test guest, kernel/guest.config (default)
  --config running the running kernel's (/boot/config-RELEASE or /proc/config.gz), with frontswap
  --config FILE    a configuration fragment, laid over an empty configuration as guest.config is
  --local-modules  with --config running: only the modules that are loaded now
  --deb            Debian packages, by the kernel's own bindeb-pkg
  --prepare        configure and prepare only: enough to compile modules against DIR/linux
  --prune          afterwards keep of DIR/linux only what modules are compiled against
  --jobs N         compilers at once (default: all processors)
  --print-key      print what the result depends on, as a hash, and end
ccache is used when it is there.

example: kernel/build.sh --out /var/tmp/faasmem-kernel --config running --deb
END
}
die() { # message: one line with the fix in it
  echo "kernel/build.sh: $1" >&2
  exit 1
}
bad_use() {
  echo "kernel/build.sh: $1" >&2
  usage >&2
  exit 2
}

out='' source=debian config=guest jobs=$(nproc) deb=0 local_modules=0 prepare=0 prune=0 print_key=0
while [ $# -gt 0 ]; do
  case $1 in
    --out | --source | --config | --jobs)
      [ $# -ge 2 ] || bad_use "$1 needs a value"
      case $1 in
        --out) out=$2 ;;
        --source) source=$2 ;;
        --config) config=$2 ;;
        --jobs) jobs=$2 ;;
      esac
      shift
      ;;
    --deb) deb=1 ;;
    --local-modules) local_modules=1 ;;
    --prepare) prepare=1 ;;
    --prune) prune=1 ;;
    --print-key) print_key=1 ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) bad_use "unknown argument $1" ;;
  esac
  shift
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || bad_use "--jobs takes a number, not $jobs"

debian_archive=/usr/src/linux-source-6.1.tar.xz
case $source in
  debian)
    archive=$debian_archive
    [ -e "$archive" ] || die "no $archive: apt-get install linux-source-6.1, or give --source TREE"
    ;;
  *)
    archive=$source
    [ -e "$archive" ] || die "no source at $source: give a Linux 6.1 tree or tar archive"
    ;;
esac
case $config in
  guest) fragment=$here/guest.config ;;
  running) fragment='' ;;
  *)
    fragment=$(readlink -f "$config")
    [ -f "$fragment" ] || die "no configuration fragment at $config"
    ;;
esac

# What the tree and its configuration depend on. A source tree is known by its path and Makefile, an archive by size and time.
key() {
  {
    cat "$here"/patches/*.patch
    if [ -d "$archive" ]; then
      readlink -f "$archive"
      head -n 6 "$archive/Makefile"
    else
      stat -Lc '%s %Y' "$archive"
    fi
    if [ -n "$fragment" ]; then cat "$fragment"; else running_config; fi
    echo "local_modules=$local_modules"
  } | sha256sum | cut -c1-16
}
running_config() {
  if [ -r "/boot/config-$(uname -r)" ]; then
    cat "/boot/config-$(uname -r)"
  elif [ -r /proc/config.gz ]; then
    zcat /proc/config.gz
  else
    die "no configuration of the running kernel: neither /boot/config-$(uname -r) nor /proc/config.gz; give --config FILE"
  fi
}
wanted=$(key)
if [ $print_key -eq 1 ]; then
  echo "$wanted"
  exit 0
fi
[ -n "$out" ] || bad_use "--out DIR is missing"
mkdir -p "$out"
out=$(cd "$out" && pwd)
linux=$out/linux
done_with() { [ "$(cat "$out/.$1" 2>/dev/null)" = "$wanted" ]; }
mark() { echo "$wanted" >"$out/.$1"; }
say() { echo "kernel/build.sh: $1"; }

unpack() {
  done_with patched && return 0
  say "unpacking $archive"
  rm -rf "$linux" "$out/.prepared" "$out/.built" "$out/.pruned"
  if [ -d "$archive" ]; then
    cp -a --reflink=auto "$archive" "$linux"
    make -s -C "$linux" mrproper
  else
    mkdir "$linux"
    tar -xf "$archive" -C "$linux" --strip-components=1
  fi
  local version patch
  version=$(make -s -C "$linux" kernelversion)
  [[ $version == 6.1.* ]] || die "the patch is for Linux 6.1; $archive is $version"
  for patch in "$here"/patches/*.patch; do
    patch -d "$linux" -p1 -s -N --no-backup-if-mismatch <"$patch" ||
      die "$(basename "$patch") does not apply to Linux $version: see the hunks above"
  done
  say "Linux $version, $(find "$here/patches" -name '*.patch' | wc -l) patches applied"
  mark patched
}

configure() {
  done_with prepared && return 0
  if [ -n "$fragment" ]; then
    KCONFIG_ALLCONFIG=$fragment make -s -C "$linux" allnoconfig >/dev/null
    # a misspelt or unmet option would be dropped silently
    local line missing=''
    while read -r line; do
      grep -qxF "$line" "$linux/.config" || missing+=" ${line%%=*}"
    done < <(grep -E '^CONFIG_[A-Z0-9_]+=[^n]' "$fragment")
    [ -z "$missing" ] || die "options that this kernel does not take:$missing"
  else
    running_config >"$linux/.config"
    # signing keys and debug information are the distribution's; without them nothing is missing at run time
    "$linux/scripts/config" --file "$linux/.config" -e FRONTSWAP -e MEMCG -d ZSWAP_DEFAULT_ON \
      --set-str SYSTEM_TRUSTED_KEYS '' --set-str SYSTEM_REVOCATION_KEYS '' -d MODULE_SIG_FORCE \
      -d DEBUG_INFO_BTF -d DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT -d DEBUG_INFO_DWARF4 -d DEBUG_INFO_DWARF5 -e DEBUG_INFO_NONE \
      -d LOCALVERSION_AUTO --set-str LOCALVERSION -faasmem
    if [ $local_modules -eq 1 ]; then
      yes '' | make -s -C "$linux" localmodconfig >/dev/null || true
    fi
    make -s -C "$linux" olddefconfig
    grep -q '^CONFIG_FRONTSWAP=y' "$linux/.config" || die "this configuration has no frontswap: it needs CONFIG_SWAP=y"
  fi
  compile modules_prepare >/dev/null
  mark prepared
}

# The same bytes for the same source: the cache key stands for the result.
compile() {
  local cc=()
  if command -v ccache >/dev/null; then
    cc=(CC="ccache gcc")
    export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$linux CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-2G}
  fi
  KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_USER=faasmem KBUILD_BUILD_HOST=faasmem \
    make -C "$linux" -j "$jobs" "${cc[@]}" "$@"
}

# Progress every 15 seconds. An object takes about as long as the one before, so the time left is a guess from the number of
# options that are on: guest.config has 561 of them and about 1110 objects.
objects_per_option=2.0
with_progress() { # log, command...
  local log=$1 started=$SECONDS options total pid now
  shift
  options=$(grep -cE '=[ym]$' "$linux/.config")
  total=$(awk -v n="$options" -v per=$objects_per_option 'BEGIN { printf "%d", n * per }')
  "$@" >"$log" 2>&1 &
  pid=$!
  # shellcheck disable=SC2064 # this pid, not a later one
  trap "pkill -TERM -P $pid; kill $pid 2>/dev/null; exit 130" INT TERM
  while kill -0 $pid 2>/dev/null; do
    for _ in {1..15}; do
      sleep 1
      kill -0 $pid 2>/dev/null || break
    done
    now=$(grep -cE '^  (CC|AS|CC \[M\]) ' "$log" || true)
    if [ "$now" -gt 50 ] && [ "$now" -lt "$total" ]; then
      say "$now objects of about $total, $((SECONDS - started)) s, about $(((SECONDS - started) * (total - now) / now / 60 + 1)) min left"
    else
      say "$now objects, $((SECONDS - started)) s"
    fi
  done
  trap - INT TERM
  if ! wait $pid; then
    grep -E -A5 'error:|Error ' "$log" | head -n 30 >&2 || true
    die "the build failed; all of it: $log"
  fi
}

install_out() {
  compile -s kernelrelease | tail -n 1 >"$out/release"
  cp "$linux/arch/x86/boot/bzImage" "$out/bzImage"
  rm -rf "$out/modules"
  compile -s INSTALL_MOD_PATH="$out/modules" INSTALL_MOD_STRIP=1 modules_install >/dev/null
  rm -f "$out/modules/lib/modules"/*/{build,source}
}

# About 1.4 GB of sources and objects become 60 MB.
prune_tree() {
  [ -e "$out/.pruned" ] && return 0
  find "$linux" -mindepth 1 -maxdepth 1 -type d ! -name include ! -name arch ! -name scripts ! -name tools -exec rm -rf {} +
  find "$linux/arch" -mindepth 1 -maxdepth 1 -type d ! -name x86 -exec rm -rf {} +
  find "$linux/tools" -mindepth 1 -maxdepth 1 ! -name objtool ! -name include ! -name build ! -name scripts -exec rm -rf {} +
  find "$linux/arch" \( -name '*.o' -o -name '*.a' -o -name '*.c' -o -name '*.S' -o -name '*.cmd' \) ! -name 'module.lds*' -delete
  rm -f "$linux"/vmlinux* "$linux"/.vmlinux* "$linux"/*.o "$linux/arch/x86/boot/bzImage" "$linux"/arch/x86/boot/{vmlinux.bin,setup.elf}
  touch "$out/.pruned"
}

# a tree that was pruned after --prepare lacks what a kernel is built from
if [ -e "$out/.pruned" ] && [ $prepare -eq 0 ] && ! done_with built; then rm -f "$out/.patched" "$out/.pruned"; fi
unpack
configure
if [ $prepare -eq 1 ]; then
  [ $prune -eq 1 ] && prune_tree
  exit 0
fi
if ! done_with built; then
  if [ $deb -eq 1 ]; then
    with_progress "$out/build.log" compile bindeb-pkg
    compile -s kernelrelease | tail -n 1 >"$out/release"
  else
    with_progress "$out/build.log" compile bzImage modules
    install_out
  fi
  mark built
fi
[ $prune -eq 1 ] && prune_tree
if [ $deb -eq 1 ]; then
  find "$out" -maxdepth 1 -name '*.deb' -printf 'kernel/build.sh: %p\n'
else
  say "$out/bzImage, Linux $(cat "$out/release")"
fi
