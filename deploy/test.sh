#!/usr/bin/env bash
# The default lane: format, vet, Go tests, the trainer's tests, the studio's tests, and
# the studio driven in a browser against a fresh server. Loopback only; skips nothing.
set -uo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
export FORGE_TEST_TOTALS=$work/totals
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; fi; rm -rf "$work"' EXIT
fail=0

part() { # part NAME COMMAND…: runs it, remembers a failure, goes on
  local name=$1 began=$SECONDS
  shift
  echo "== $name"
  if "$@"; then echo "== $name: passed in $((SECONDS - began)) s"; else echo "== $name: FAILED"; fail=1; fi
}

counted() { # counted COMMAND…: one more passed or failed test
  if "$@"; then echo "1 0" >> "$FORGE_TEST_TOTALS"; else echo "0 1" >> "$FORGE_TEST_TOTALS"; return 1; fi
}

studio() { (cd ui/web && npm run --silent check && npm test --silent); }

browser() {
  go build -o "$work/forge" ./cmd/forge || return 1
  FORGE_DATA=$work/data "$work/forge" serve --listen 127.0.0.1:0 > "$work/server.log" 2>&1 &
  server=$!
  for _ in $(seq 300); do [ -f "$work/data/server.json" ] && break; sleep 0.1; done
  local url password
  url=$(sed -E 's/.*"addr":"([^"]*)".*/\1/' "$work/data/server.json")
  read -r email _ password < "$work/data/first-login"
  export FORGE_URL=$url FORGE_EMAIL=$email FORGE_PASSWORD=$password
  (cd ui/web && npm run --silent newcomer && npm run --silent e2e && npm run --silent rules && npm run --silent axe -- wide light && npm run --silent axe -- phone dark && node e2e/csp.mjs) || { tail -20 "$work/server.log"; return 1; }
}

part "format and vet" make --no-print-directory lint
part "go" python3 deploy/gotest.py -timeout 20m ./...
part "trainer" counted .cache/venv/bin/python -m unittest discover -q -s training/python/tests -t training/python
part "studio" counted studio
part "browser" counted browser

awk '{p += $1; f += $2} END {printf "%d passed, %d failed\n", p, f}' "$FORGE_TEST_TOTALS"
exit $fail
