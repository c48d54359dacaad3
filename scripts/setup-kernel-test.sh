#!/usr/bin/env bash
# Takes `faasmem setup kernel` all the way, on a disk with Debian 12 that GRUB boots: the compiled dist/faasmem builds, installs and
# chooses the patched kernel in there (its build is interrupted once), QEMU without KVM boots the disk, and then all is taken
# back and the disk boots Debian's kernel again. About 20 minutes on two processors, 5 with a warm ccache; root, 3 GiB.
# Ends with 'N passed, N failed'.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
case ${1:-} in
  '') keep='' ;;
  --keep) keep=${2:?--keep needs a folder} ;;
  *)
    echo "usage: scripts/setup-kernel-test.sh [--keep DIR]    DIR: what the steps said"
    exit 2
    ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "setup-kernel-test: not root: it makes and mounts a disk" >&2 && exit 1; }
[ ! -e /dev/sdz ] || { echo "setup-kernel-test: there is a /dev/sdz, whose name it would use" >&2 && exit 1; }
[ -x dist/faasmem ] || { echo "setup-kernel-test: no dist/faasmem: run scripts/bun.sh scripts/build.ts" >&2 && exit 1; }

# shellcheck source=scripts/install.sh
. scripts/install.sh
need_packages debootstrap=debootstrap qemu-system-x86=qemu-system-x86_64 e2fsprogs=mkfs.ext4 || exit 1

work=$(mktemp -d)
disk=$work/disk tree=$work/tree said=$work/said loop=''
cache=${FAASMEM_CACHE:-$HOME/.cache/faasmem}/ccache
mkdir -p "$tree" "$said" "$cache"
clean() {
  unmount
  if grep -q " $work/" /proc/mounts; then
    echo "setup-kernel-test: something below $work is in use: unmount it, then remove it" >&2
    return
  fi
  [ -z "$keep" ] || { mkdir -p "$keep" && cp -r "$said/." "$keep/"; }
  rm -rf --one-file-system "$work"
}
trap clean EXIT
trap "exit 130" INT TERM

# GRUB refuses loop devices: the disk has the name of another, here and in the chroot, whose /dev is its own.
alias=/dev/sdz uuid=4faf6b1c-7d0c-4a57-9d5e-2b3a4c5d6e7f
attach_disk() { # mounted, and nothing else
  loop=$(losetup --find --show "$disk") && mknod "$alias" b $((0x$(stat -c %t "$loop"))) $((0x$(stat -c %T "$loop"))) && mount "$alias" "$tree"
}
mount_disk() { # for programs in it
  local device
  attach_disk && mount -t proc proc "$tree/proc" && mount -t sysfs sysfs "$tree/sys" && mount -t tmpfs tmpfs "$tree/dev" &&
    mkdir -p "$tree/dev/disk/by-uuid" "$tree/root/.cache/faasmem/ccache" && ln -s "$alias" "$tree/dev/disk/by-uuid/$uuid" &&
    mount --bind "$cache" "$tree/root/.cache/faasmem/ccache" || return 1
  for device in null zero full random urandom tty "${alias#/dev/}"; do cp -a "/dev/$device" "$tree/dev/" || return 1; done
  ln -s /proc/self/fd "$tree/dev/fd"
}
unmount() {
  local at process
  for process in /proc/[0-9]*; do # what still runs in there
    if [ "$(readlink "$process/root")" = "$tree" ]; then kill -9 "${process#/proc/}"; fi
  done
  for at in root/.cache/faasmem/ccache dev sys proc ''; do mountpoint -q "$tree/$at" && umount "$tree/$at"; done
  [ -z "$loop" ] || { rm -f "$alias" && losetup --detach "$loop"; }
  loop=''
}
inside() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/root/.cache/faasmem/ccache LC_ALL=C.UTF-8 chroot "$tree" "$@"; }

passed=0 failed=0
check() { # title, command...
  local title=$1
  shift
  if "$@" >"$said/check" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $title"
  else
    failed=$((failed + 1))
    echo "FAIL  $title"
    tail -n 20 "$said/check"
  fi
}
give_up() {
  echo "setup-kernel-test: $1" >&2
  exit 1
}

# What the machine's first program is: it writes down what it finds, and ends.
after_boot='#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /tmp; mount -o remount,rw / # some are there already
export HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
{
  echo "booted: $(uname -r)"
  modprobe fastswap_dram && echo "module: loaded"
  faasmem setup kernel --config /root/config --no-packages --check
  echo "check: $?"
} >/after-boot.txt 2>&1
sync; mount -o remount,ro /; echo b >/proc/sysrq-trigger'

make_disk() {
  local mirror
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
  # Without partitions, which not every kernel reads.
  truncate -s 10G "$disk" && mkfs.ext4 -q -U "$uuid" "$disk" && attach_disk || return 1
  debootstrap --variant=minbase --include=ca-certificates bookworm "$tree" "$mirror" || return 1
  cp -r /etc/apt/. "$tree/etc/apt/" && cp /etc/resolv.conf /etc/hosts "$tree/etc/" && cp -rL /etc/ssl/certs/. "$tree/etc/ssl/certs/" &&
    cp -r /usr/share/keyrings/. "$tree/usr/share/keyrings/"
  unmount
  mount_disk || return 1
  mkdir -p "$tree/etc/default/grub.d" "$tree/etc/initramfs-tools/conf.d"
  echo 'COMPRESS=gzip' >"$tree/etc/initramfs-tools/conf.d/gzip" # the small kernel unpacks no other
  printf '%s\n' 'GRUB_TIMEOUT=0' 'GRUB_TERMINAL=console' 'GRUB_DISABLE_OS_PROBER=true' \
    'GRUB_CMDLINE_LINUX="console=ttyS0 panic=-1 random.trust_cpu=on init=/after-boot"' >"$tree/etc/default/grub.d/10-test.cfg"
  printf '%s\n' "$after_boot" >"$tree/after-boot" && chmod 755 "$tree/after-boot"
  inside apt-get update -qq && inside apt-get install -y -qq --no-install-recommends grub-pc initramfs-tools linux-image-cloud-amd64 &&
    inside grub-install --force --target=i386-pc "$alias" && inside update-grub || return 1
  # The small configuration, for a usual PC with a disk.
  { cat kernel/guest.config && printf 'CONFIG_%s=y\n' ACPI VIRTIO_PCI EXT4_FS FHANDLE; } >"$tree/root/config"
  install -m 755 dist/faasmem "$tree/usr/local/bin/faasmem"
}

# boot NAME: what the machine wrote, in $said/NAME; its console in $said/NAME.console.
boot() {
  unmount
  timeout -k 5 600 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -M q35 -smp 2 -m 2048 -nographic -no-reboot -nodefaults -monitor none \
    -drive "file=$disk,format=raw,if=virtio" -serial "file:$said/$1.console" </dev/null >"$said/$1.qemu" 2>&1
  mount_disk || give_up "the disk cannot be mounted any more"
  mv "$tree/after-boot.txt" "$said/$1" || tail -n 40 "$said/$1.console"
}

setup=(faasmem setup kernel --config /root/config)
interrupted() {
  inside "${setup[@]}" --yes >"$said/interrupted" 2>&1 &
  local pid=$! log=$tree/var/lib/faasmem/kernel/build.log
  for _ in $(seq 600); do
    if [ "$(grep -c '^  CC ' "$log" 2>/dev/null)" -gt 50 ]; then break; fi
    kill -0 $pid || return 1
    sleep 1
  done
  pkill -INT --parent $pid faasmem || kill -INT $pid
  wait $pid
  local code=$?
  cat "$said/interrupted"
  [ $code -eq 130 ] || { echo "exit code $code" && return 1; }
}

echo "setup-kernel-test: making a disk with Debian 12"
make_disk >"$said/disk" 2>&1 || { tail -n 30 "$said/disk" && give_up "no disk with Debian 12"; }
check "nothing is so before" bash -c '! "$@"' - env -i PATH="$PATH" HOME=/root chroot "$tree" "${setup[@]}" --check
check "interrupted while it compiles: ends with 130" interrupted
check "goes on to the end" inside "${setup[@]}" --yes
cp "$said/check" "$said/setup"
check "once more: nothing to do but to boot it" bash -c 'env -i PATH="$PATH" HOME=/root chroot "$@" | tee /dev/stderr | grep -q "reboot"' - "$tree" "${setup[@]}" --yes
release=$(cat "$tree/var/lib/faasmem/kernel/release")
echo "setup-kernel-test: booting Linux $release"
boot ours
check "GRUB boots it" grep -qx "booted: $release" "$said/ours"
check "its Fastswap module is loaded by name" grep -qx 'module: loaded' "$said/ours"
check "--check there: everything is so" grep -qx 'check: 0' "$said/ours"
check "taken back" inside "${setup[@]}" --undo --yes
cp "$said/check" "$said/undo"
check "nothing of it is left" bash -c '! compgen -G "$1/boot/*$2*" && ! test -e "$1/lib/modules/$2" && ! test -e "$1/etc/default/grub.d/90-faasmem.cfg" && ! test -e "$1/var/lib/faasmem/kernel"' - "$tree" "$release"
boot theirs
check "GRUB boots Debian's kernel again" grep -q '^booted: .*-cloud-amd64$' "$said/theirs"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
