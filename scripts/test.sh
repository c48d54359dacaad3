#!/usr/bin/env bash
# Installs what the tests need, builds, and runs all of them: types, style, C tests (plain and under
# sanitizers), TypeScript tests, and the tests of the compiled binary. Ends with 'N passed, N failed'.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/install.sh
. scripts/install.sh
install_build_needs && need_packages python3=python3 git=git strace=strace || exit 1

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
# Results of the tests stay out of the user's own store.
export FAASMEM_HOME=$log/home
passed=0
failed=0
step() { # name, command...: one check
  local name=$1 started=$SECONDS
  shift
  if "$@" >"$log/step" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $name ($((SECONDS - started)) s)"
  else
    failed=$((failed + 1))
    echo "FAIL  $name ($((SECONDS - started)) s)"
    tail -60 "$log/step"
  fi
}
counted() { # file with a line 'N passed, N failed': adds it
  local line
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$1" | tail -n 1)
  if [ -z "$line" ]; then
    failed=$((failed + 1))
    tail -60 "$1"
    return
  fi
  passed=$((passed + $(echo "$line" | cut -d' ' -f1)))
  failed=$((failed + $(echo "$line" | cut -d' ' -f3)))
}

step "build" scripts/bun.sh scripts/build.ts
if [ "$failed" -gt 0 ]; then
  echo "$passed passed, $failed failed"
  exit 1
fi
step "types" node_modules/.bin/tsc --noEmit
step "style" node_modules/.bin/biome check .

echo "C tests"
make -s -C ffi OUT="$PWD/build" test >"$log/c" 2>&1
grep -E '^(ok|FAIL)' "$log/c"
[ "$(grep -c '^FAIL' "$log/c")" -gt 0 ] && cat "$log/c"
counted "$log/c"

echo "TypeScript tests"
scripts/bun.sh test --reporter=junit --reporter-outfile="$log/junit.xml" >"$log/ts" 2>&1
code=$?
scripts/bun.sh scripts/junit-summary.ts "$log/junit.xml" >"$log/summary" 2>&1
cat "$log/summary"
counted "$log/summary"
if [ $code -ne 0 ]; then
  tail -60 "$log/ts"
  [ "$failed" -gt 0 ] || failed=1 # ended badly outside of any test
fi

echo "Kernel side"
script_of() { # name, command...: a script that counts for itself
  local name=$1
  shift
  "$@" >"$log/$name" 2>&1
  grep -E '^(ok|FAIL|skip)' "$log/$name"
  grep -q '^FAIL' "$log/$name" && tail -100 "$log/$name"
  counted "$log/$name"
}
script_of kernel scripts/kernel-check.sh
# Guests under emulation take minutes: only when their side has changed in the half day before the newest commit, and
# with a kernel that was built before.
base=$(git rev-list -1 --before=$(($(git log -1 --format=%ct) - 43200)) HEAD 2>/dev/null)
guest_kernel=${FAASMEM_CACHE:-$HOME/.cache/faasmem}/kernel/$(kernel/build.sh --print-key)
if git diff --quiet "${base:-HEAD}" HEAD -- kernel fastswap scripts/vm scripts/vm-test.sh 'ffi/swap*' src/driver; then
  echo "skip  virtual machines: nothing of theirs has changed (scripts/vm-test.sh)"
elif [ ! -e "$guest_kernel/.built" ]; then
  echo "skip  virtual machines: no kernel was built yet; scripts/vm-test.sh takes half an hour then"
else
  script_of guests scripts/vm-test.sh all --cached-only
fi

# Last, where a log that is cut keeps it: what each failed TypeScript test said.
[ $code -eq 0 ] || grep -E -B 40 '^\(fail\)' "$log/ts" | grep -Ev '^\(pass\)|^--$' | tail -100
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
