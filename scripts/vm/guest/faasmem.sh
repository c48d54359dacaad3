# The compiled faasmem: the same request by `--system baseline` and over the swap plane, on zram, with and without MGLRU.
# Sourced by init.
# shellcheck shell=dash disable=SC2154 # ok, fail, expect, note come from init
export FAASMEM_HOME=/root/.faasmem
mkdir -p $FAASMEM_HOME /etc
echo 'root:x:0:0:root:/root:/bin/sh' >/etc/passwd
version=$(faasmem --version 2>&1)
expect "version" "$version" test $? -eq 0
if faasmem doctor --help >/dev/null 2>&1; then
  faasmem doctor --json >/tmp/doctor 2>/tmp/doctor.err
  code=$?
  expect "doctor --json" "exit code $code, $(wc -c </tmp/doctor) bytes, $(head -c 200 /tmp/doctor | tr '\n' ' ') $(head -n 1 /tmp/doctor.err)" \
    grep -q '^{' /tmp/doctor
else
  note "this faasmem has no doctor"
fi

# serve NAME ARGUMENTS...: a node with the function json; pid in $node
serve() {
  local log=/tmp/$1.log i=0
  shift
  faasmem up --port 7000 --function json "$@" >"$log" 2>&1 &
  node=$!
  until wget -q -O - http://127.0.0.1:7000/healthz >/dev/null 2>&1; do
    i=$((i + 1))
    if [ $i -gt 240 ] || ! kill -0 $node 2>/dev/null; then
      fail "faasmem up $*: does not answer; $(tail -n 3 "$log" | tr '\n' ' ')"
      return 1
    fi
    sleep 0.5
  done
}
# The answer alone: what it took and where it ran is in the headers.
# not wget's own -T: it crashes with --post-data in BusyBox 1.35
request() { timeout 120 wget -q -O - --post-data "{\"id\":$1}" http://127.0.0.1:7000/function/json; }
answers() { for id in 1 2 3; do request $id; echo; done; }
end_node() {
  kill -TERM $node
  wait $node
}
swapped() { awk 'NR > 1 { sum += $4 } END { print int(sum / 1024) }' /proc/swaps; }

if serve baseline --system baseline; then
  answers >/tmp/answers.baseline
  end_node
  expect "baseline" "three requests, $(wc -c </tmp/answers.baseline) bytes" test "$(wc -c </tmp/answers.baseline)" -gt 30
fi

plane() { # name, arguments of up...
  local name=$1 moved=0 i=0
  shift
  serve "$name" --plane swap --semi-warm-delay 1 "$@" || return
  answers >"/tmp/answers.$name.first"
  # idle for longer than the delay: it goes to swap
  while [ $i -lt 40 ] && [ "$moved" -lt 5 ]; do
    sleep 0.5
    moved=$(swapped)
    i=$((i + 1))
  done
  answers >"/tmp/answers.$name"
  end_node
  expect "swap plane, $name" "$moved MiB in swap between the requests" test "$moved" -ge 5
  expect "same answers, $name" "$(md5sum <"/tmp/answers.$name" | cut -c 1-8), baseline $(md5sum </tmp/answers.baseline | cut -c 1-8)" \
    cmp -s "/tmp/answers.$name" /tmp/answers.baseline
}
if faasmem driver --help >/dev/null 2>&1; then
  if faasmem driver up --plane swap --device zram --size 512MiB >/tmp/driver 2>&1; then
    ok "driver up: $(tail -n 1 /tmp/driver)"
    plane zram
    if [ -e /sys/kernel/mm/lru_gen/enabled ]; then
      echo 7 >/sys/kernel/mm/lru_gen/enabled
      plane mglru --tracker mglru
    fi
    if faasmem driver down >/tmp/driver 2>&1; then ok "driver down: $(tail -n 1 /tmp/driver)"; else fail "driver down: $(cat /tmp/driver)"; fi
    expect "no swap left" "$(swapped) MiB" test "$(wc -l </proc/swaps)" -eq 1
  else
    fail "driver up: $(tr '\n' ' ' </tmp/driver)"
  fi
else
  note "this faasmem has no driver command: the swap plane is not tested"
fi
