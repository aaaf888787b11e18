#!/usr/bin/env bash
# Measures the built forge beside its peers and keeps the figures in docs/bench, one
# file per area. AREA names the areas to run, separated by commas; none: all, which
# takes about half an hour on two quiet cores.
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/setup/peers.sh
deploy/setup/onnxruntime.sh
deploy/setup/python.sh
go build -ldflags='-s -w' -o bin/forge ./cmd/forge
go build -o bin/bench ./deploy/bench
exec bin/bench -area "${AREA:-}" ${QUICK:+-quick}
