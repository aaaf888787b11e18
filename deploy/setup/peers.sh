#!/usr/bin/env bash
# Makes the Python environments of the peers that make bench runs beside forge, from
# hashed requirements: .cache/peers/lake (Feast, DuckDB, PyIceberg, FastAPI) and
# .cache/peers/mlserver, which needs an older FastAPI.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment() { # environment NAME REQUIREMENTS
  local dir=.cache/peers/$1 want=$2
  [ -x "$dir/bin/python" ] && cmp -s "$want" "$dir/requirements.txt" && return
  echo "setup: peers of make bench: $1"
  rm -rf "$dir"
  "${PYTHON:-python3}" -m venv "$dir"
  "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: -r "$want"
  cp "$want" "$dir/requirements.txt"
}

mkdir -p .cache/peers
environment lake deploy/setup/peers.txt
environment mlserver deploy/setup/mlserver.txt
