# shellcheck shell=bash disable=SC2154 # sourced by vm-test.sh; names come from common.sh
# The compiled faasmem in a guest with Debian's own kernel: what a machine without any patch can do.
test_faasmem() {
  if [ ! -x "$root/dist/faasmem" ]; then
    say "building dist/faasmem"
    if ! "$root/scripts/bun.sh" "$root/scripts/build.ts" >"$work/build.log" 2>&1; then
      tail -n 20 "$work/build.log"
      miss "faasmem: dist/faasmem does not build"
      return
    fi
  fi
  if ! need_stock; then
    miss "faasmem: no kernel"
    return
  fi
  rm -rf "$work/modules"
  mapfile -t files < <(with_libraries "$root/dist/faasmem")
  files=("${files[@]/#*dist\/faasmem=*/bin/faasmem=$root/dist/faasmem}")
  # 117 MB that do not compress well: unpacking them takes longer than reading them
  if ! initrd_pack="cat" make_initrd "$work/faasmem.initrd" "lib/modules=$stock/tree/lib/modules" "${files[@]}"; then
    miss "faasmem: memory disk"
    return
  fi
  usual_machine
  start_guest faasmem faasmem "$stock/vmlinuz" "$work/faasmem.initrd" 2048 1200
  await_guest faasmem "$guest_pid"
  count_guest faasmem faasmem
}
