# shellcheck shell=bash
# Installs what faasmem is built from; sourced by run.sh and test.sh. Safe to run twice: what is there stays.

# need_packages NAME=COMMAND-OR-FILE... : Debian or Ubuntu packages whose command or file is missing.
need_packages() {
  local missing=() pair package witness
  for pair in "$@"; do
    package=${pair%%=*}
    witness=${pair#*=}
    if [[ $witness == /* ]]; then
      compgen -G "$witness" >/dev/null || missing+=("$package")
    else
      command -v "$witness" >/dev/null 2>&1 || missing+=("$package")
    fi
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "faasmem: will install these packages: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    echo "faasmem: not root: run this script with sudo, or install them: apt-get install ${missing[*]}" >&2
    return 1
  fi
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "faasmem: this is no Debian or Ubuntu: install the equivalents of ${missing[*]} by hand" >&2
    return 1
  fi
  apt-get update -qq >/dev/null || echo "faasmem: apt-get update failed; trying with the lists at hand" >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Node only runs npm, and npm only fetches what package-lock.json pins; the program itself runs on Bun.
install_build_needs() {
  need_packages ca-certificates=/etc/ssl/certs/ca-certificates.crt gcc=gcc make=make \
    "libc6-dev=/usr/include/stdio.h" "linux-libc-dev=/usr/include/linux/userfaultfd.h" \
    "libxxhash-dev=/usr/include/xxhash.h" nodejs=node npm=npm || return 1
  if [ ! -e node_modules/.faasmem-lock ] || ! cmp -s package-lock.json node_modules/.faasmem-lock; then
    echo "faasmem: will install the npm packages of package-lock.json into node_modules"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || return 1
    cp package-lock.json node_modules/.faasmem-lock
  fi
}
