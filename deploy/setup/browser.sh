#!/usr/bin/env bash
# Installs Debian's Chromium for the studio's browser tests.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "setup: install chromium first (apt-get install chromium)" >&2; exit 1; }
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
