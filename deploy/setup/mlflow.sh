#!/usr/bin/env bash
# Makes a Python environment with MLflow's own client at .cache/mlflow from hashed
# requirements: the servers lane drives it against forge.
set -euo pipefail
cd "$(dirname "$0")/../.."
want=deploy/setup/mlflow.txt
[ -x .cache/mlflow/bin/python ] && cmp -s "$want" .cache/mlflow/requirements.txt && exit 0

echo "setup: MLflow's client (about 300 MB)"
rm -rf .cache/mlflow
"${PYTHON:-python3}" -m venv .cache/mlflow
.cache/mlflow/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: -r "$want"
cp "$want" .cache/mlflow/requirements.txt
