#!/usr/bin/env bash
# Builds the studio into ui/web/dist/app when its sources are newer than the last build.
set -euo pipefail
cd "$(dirname "$0")/../../ui/web"
lock=$(sha256sum package-lock.json | cut -c1-64)
if [ "$(cat node_modules/.forge-lock 2>/dev/null)" != "$lock" ]; then
  echo "setup: the studio's packages"
  npm ci --silent --no-audit --no-fund
  echo "$lock" > node_modules/.forge-lock
fi
sources=$(find src public index.html vite.config.ts package-lock.json -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
[ -f dist/app/index.html ] && [ "$(cat dist/app/.sources 2>/dev/null)" = "$sources" ] && exit 0
echo "setup: building the studio"
npm run --silent build -- --logLevel error
echo "$sources" > dist/app/.sources
