#!/usr/bin/env bash
# Makes a Python environment with the Iceberg client PyIceberg at .cache/pyiceberg from
# hashed requirements: the servers lane drives it against forge.
set -euo pipefail
cd "$(dirname "$0")/../.."
want=deploy/setup/pyiceberg.txt
[ -x .cache/pyiceberg/bin/python ] && cmp -s "$want" .cache/pyiceberg/requirements.txt && exit 0

echo "setup: PyIceberg (about 320 MB)"
rm -rf .cache/pyiceberg
"${PYTHON:-python3}" -m venv .cache/pyiceberg
.cache/pyiceberg/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: -r "$want"
cp "$want" .cache/pyiceberg/requirements.txt
