# shellcheck shell=bash disable=SC2154 # sourced by vm-test.sh; names come from common.sh
# The patched kernel with the DRAM backend.
test_dram() {
  if ! need_kernel || ! build_module dram fastswap_dram ||
    ! make_initrd "$work/dram.initrd" "$(kernel_modules)"; then
    miss "dram: no kernel, module or memory disk"
    return
  fi
  truncate -s 1G "$work/dram.disk"
  small_machine
  start_guest dram dram "$kernel/bzImage" "$work/dram.initrd" 1280 1500 \
    -drive "file=$work/dram.disk,format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-device,drive=disk
  await_guest dram "$guest_pid"
  count_guest dram dram
}
