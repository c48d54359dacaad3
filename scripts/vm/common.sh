# shellcheck shell=bash disable=SC2154
# What every virtual-machine test needs; sourced by vm-test.sh. Expects $root (the work tree), $work (a temporary folder), $cache, $khz.

passed=0
failed=0
say() { echo "vm-test: $*"; }
pass() {
  passed=$((passed + 1))
  echo "ok    $*"
}
miss() {
  failed=$((failed + 1))
  echo "FAIL  $*"
}

# The patched kernel: $kernel/bzImage, $kernel/modules, $kernel/linux (what modules are compiled against). Built once for each
# patch, configuration and source; the three that were used last stay.
need_kernel() {
  local key old
  key=$("$root/kernel/build.sh" --print-key) || return 1
  kernel=$cache/kernel/$key
  if [ ! -e "$kernel/.built" ]; then
    if [ "$cached_only" -eq 1 ]; then
      say "no cached kernel for this patch and configuration ($kernel): run scripts/vm-test.sh build"
      return 1
    fi
    say "building the patched kernel: about 25 minutes on two processors, less with a warm ccache"
    CCACHE_DIR=$cache/ccache "$root/kernel/build.sh" --out "$kernel" --prune || return 1
  fi
  touch "$kernel"
  # shellcheck disable=SC2012 # names are hashes
  ls -1td "$cache"/kernel/*/ 2>/dev/null | tail -n +4 | while read -r old; do rm -rf "$old"; done
}

# build_module FOLDER NAME: compiles fastswap/FOLDER outside of the work tree and leaves NAME.ko in $work/modules.
build_module() {
  local build=$work/build-$1
  rm -rf "$build"
  mkdir -p "$work/modules"
  cp -r "$root/fastswap/$1" "$build"
  # headers that the modules share with the server
  cp "$root"/fastswap/*.h "$work/" 2>/dev/null
  if ! make -s -C "$build" KDIR="$kernel/linux" CC=gcc >"$work/module.log" 2>&1; then
    cat "$work/module.log"
    return 1
  fi
  cp "$build/$2.ko" "$work/modules/"
}

# make_initrd FILE [PATH-IN-GUEST=SOURCE...]: packed by $initrd_pack; busybox, init, the guests' tests, $work/modules in /modules, and these files.
make_initrd() {
  local image=$1 tree pair to
  shift
  tree=$(mktemp -d -p "$work")
  mkdir -p "$tree"/{bin,sbin,proc,sys,dev,tests,modules,root,tmp,run,etc}
  cp /bin/busybox "$tree/bin/busybox"
  cp "$root/scripts/vm/guest/init" "$tree/init"
  cp "$root"/scripts/vm/guest/*.sh "$tree/tests/"
  [ -d "$work/modules" ] && cp -r "$work/modules/." "$tree/modules/"
  gcc -O2 -static -o "$tree/bin/swapcheck" "$root/scripts/vm/guest/swapcheck.c" -lpthread || return 1
  for pair in "$@"; do
    to=$tree/${pair%%=*}
    mkdir -p "$(dirname "$to")"
    cp -rL "${pair#*=}" "$to" || return 1
  done
  chmod 755 "$tree/init"
  # shellcheck disable=SC2086 # a command with its argument
  (cd "$tree" && find . | cpio -o -H newc --quiet | ${initrd_pack:-gzip -1}) >"$image"
  rm -rf "$tree"
}

# The modules of the patched kernel, for modprobe.
kernel_modules() { echo "lib/modules=$kernel/modules/lib/modules"; }

# with_libraries PROGRAM...: pairs for make_initrd, PROGRAM and the shared libraries it needs, at their places.
with_libraries() {
  local program library
  for program in "$@"; do
    echo "${program#/}=$program"
    ldd "$program" 2>/dev/null | grep -oE '/[^ )]+' | while read -r library; do echo "${library#/}=$library"; done
  done
}

# start_guest NAME TEST KERNEL INITRD MIB SECONDS [QEMU-ARGUMENT...]: in the background; pid in $guest_pid. It ends by itself, at
# the latest after SECONDS. Verdicts in $work/NAME.verdict, the console in $work/NAME.console.
start_guest() {
  local name=$1 test=$2 image=$3 initrd=$4 mib=$5 limit=$6
  shift 6
  : >"$work/$name.verdict"
  # The guest's counter of cycles is the host's, whose rate ($khz) it cannot find out by itself on the small machine: there its clock would
  # tick 250 times a second. `rep movsb` is emulated byte by byte: without erms and fsrm the kernel copies words.
  # Page tables of five levels and mitigations cost time and protect nobody here.
  timeout -k 5 "$limit" qemu-system-x86_64 -accel tcg,thread=multi -cpu max,-erms,-fsrm,-la57 "${machine[@]}" -smp 2 -m "$mib" -nographic -no-reboot \
    -nodefaults -monitor none -kernel "$image" -initrd "$initrd" \
    -append "console=ttyS0 panic=-1 oops=panic loglevel=5 random.trust_cpu=on reboot=t mitigations=off tsc=reliable tsc_early_khz=$khz faasmem.test=$test" \
    -serial "file:$work/$name.console" "${verdicts[@]/%VERDICT/$work/$name.verdict}" "$@" </dev/null >"$work/$name.qemu" 2>&1 &
  guest_pid=$!
  guests+=("$guest_pid")
}
guests=()
# The patched kernel is built for QEMU's microvm, without ACPI; Debian's needs a usual PC.
small_machine() {
  machine=(-M "microvm,acpi=off,pit=on,pic=on,rtc=on,isa-serial=on")
  # shellcheck disable=SC2054 # a comma inside an argument
  verdicts=(-chardev "file,id=verdict,path=VERDICT" -device isa-serial,index=1,chardev=verdict)
}
usual_machine() {
  machine=(-M q35 -device virtio-rng-pci)
  verdicts=(-serial file:VERDICT)
}

# count_guest NAME TITLE: adds up the verdicts of a guest that has ended.
count_guest() {
  local name=$1 title=$2 line
  tr -d '\r' <"$work/$name.verdict" >"$work/$name.lines"
  while read -r line; do
    case $line in
      ok\ *) pass "$title: ${line#ok }" ;;
      FAIL\ *) miss "$title: ${line#FAIL }" ;;
      note\ *) echo "      $title: ${line#note }" ;;
    esac
  done <"$work/$name.lines"
  if ! grep -qx 'done' "$work/$name.lines"; then
    miss "$title: the guest did not finish (hung, panicked or out of time)"
    cat "$work/$name.qemu"
    tail -n 60 "$work/$name.console"
  elif grep -q '^FAIL' "$work/$name.lines"; then
    tail -n 60 "$work/$name.console"
  fi
}

# shown NAME PID: shows a guest's lines while it runs.
await_guest() {
  local name=$1 pid=$2 seen=0 lines
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    lines=$(grep -cE '^(ok|FAIL|note)' "$work/$name.verdict" || true)
    [ -t 1 ] && [ "$lines" -ne "$seen" ] && printf '\r      %s checks so far' "$lines"
    seen=$lines
  done
  [ -t 1 ] && printf '\r                              \r'
  wait "$pid" 2>/dev/null
}

stop_guests() {
  local pid
  for pid in "${guests[@]}"; do kill "$pid" 2>/dev/null; done
}
