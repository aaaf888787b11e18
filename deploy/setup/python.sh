#!/usr/bin/env bash
# Makes the trainer's Python environment at .cache/venv from the hashed requirements.
set -euo pipefail
cd "$(dirname "$0")/../.."
want=training/python/requirements.txt
[ -x .cache/venv/bin/python ] && cmp -s "$want" .cache/venv/requirements.txt && exit 0

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { echo "setup: the trainer needs Python 3.11 or newer; set PYTHON to one" >&2; exit 1; }
echo "setup: the trainer's Python environment (about 560 MB)"
rm -rf .cache/venv
"$python" -m venv .cache/venv
.cache/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: -r "$want"
cp "$want" .cache/venv/requirements.txt
