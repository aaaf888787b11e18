#!/usr/bin/env bash
# The loop for hours: DURATION (2h), a month of calls every PACE (1m). Prints what grows
# and what levels out, and writes docs/bench/longrun.json, or OUT.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export FORGE_TEST_BINARY=${FORGE_TEST_BINARY:-$work/forge}
export FORGE_LONGRUN_OUT=${OUT:-$PWD/docs/bench/longrun.json}
export TMPDIR=$work
[ -x "$FORGE_TEST_BINARY" ] || go build -ldflags='-s -w' -o "$FORGE_TEST_BINARY" ./cmd/forge
go test -tags longrun -count=1 -timeout 0 -run TestLongRun -v ./deploy/longrun
