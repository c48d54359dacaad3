#!/bin/sh
# Runs the pinned Bun of node_modules, whether or not npm was allowed to run its install script.
root=$(cd "$(dirname "$0")/.." && pwd)
for bun in "$root"/node_modules/bun/bin/bun.exe "$root"/node_modules/@oven/bun-linux-*/bin/bun; do
  # The stub that npm leaves without the install script is a few hundred bytes.
  if [ -x "$bun" ] && [ "$(wc -c <"$bun")" -gt 1000000 ]; then exec "$bun" "$@"; fi
done
echo "bun is not installed: run npm ci" >&2
exit 1
