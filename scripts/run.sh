#!/usr/bin/env bash
# Builds faasmem and runs the quick experiment. On a fresh Debian or Ubuntu it installs what is missing
# (and says what) first. Arguments go to `faasmem experiment run quick`.
set -euo pipefail
here=$(pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$(pwd)
# shellcheck source=scripts/install.sh
. scripts/install.sh
install_build_needs
scripts/bun.sh scripts/build.ts
cd "$here"
exec "$root/dist/faasmem" experiment run quick "$@"
