#!/usr/bin/env bash
# What a newcomer does: clones into an empty folder, with nothing but the system's own tools in PATH, runs the
# README's two commands, then takes the compiled binary alone to an empty folder with hostile settings in it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q . "$work/parent/faasmem"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin FAASMEM_HOME="$work/home"
cd "$work/parent/faasmem"
scripts/run.sh --out "$work"
[ -s "$work/faasmem-quick.svg" ]
[ "${1:-}" = "--no-tests" ] || scripts/test.sh
mkdir "$work/empty"
cp dist/faasmem "$work/empty/"
cd "$work/empty"
echo 'console.log("a preload ran")' >evil.ts
printf 'preload = ["./evil.ts"]\n' >bunfig.toml
echo 'FAASMEM_HOME=/nonexistent' >.env
[ "$(./faasmem --version)" = "$("$work/parent/faasmem/dist/faasmem" --version)" ]
echo "fresh clone: all well"
