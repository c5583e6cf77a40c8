#!/usr/bin/env bash
# Makes sure that Chromium, Node and the pinned packages are there, and prints the path of Chromium in its last line.
# Uses Debian's packages where something is missing and the user is root; else it says what to install.
set -euo pipefail
cd "$(dirname "$0")"

install() { # install WHAT PACKAGE…
  local what=$1
  shift
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "$what is missing; install it, on Debian with: apt-get install $*" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null 2>&1 || true
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || apt-get install -y "$@" >&2
}

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$chromium" ]; then
  install Chromium chromium fonts-dejavu-core
  chromium=$(command -v chromium)
fi
command -v node >/dev/null && command -v npm >/dev/null || install Node nodejs npm
if ! [ -d node_modules/axe-core ] || ! [ -d node_modules/playwright-core ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>npm.log || { cat npm.log >&2; exit 1; }
  rm -f npm.log
fi
echo "$chromium"
